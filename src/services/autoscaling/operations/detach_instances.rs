//! DetachInstances: instances leave their group and run on.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DetachInstances.html>

use api_models::autoscaling::{CommonError, DetachInstancesAnswer, DetachInstancesError, DetachInstancesQuery};

use crate::services::Context;
use crate::services::autoscaling::keeper::{self, Aside};
use crate::services::autoscaling::resources::{Group, change};

pub(crate) async fn handle(
    context: Context,
    input: DetachInstancesQuery,
) -> Result<DetachInstancesAnswer, DetachInstancesError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let ids = input.instance_ids.unwrap_or_default();
    let shrinks = input.should_decrement_desired_capacity.unwrap_or(false);
    let activities = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let mut group = Group::clone(change::find(tx, &context.scope, &name)?);
            let activities =
                keeper::set_aside(tx, &context.shared, &mut group, &ids, Aside::Detached { shrinks }, context.now())?;
            tx.put(group);
            Ok(activities)
        })
        .await?;
    Ok(DetachInstancesAnswer { activities: Some(activities) })
}
