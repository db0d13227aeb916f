//! EnterStandby: instances stay in their group and count no more.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnterStandby.html>

use api_models::autoscaling::{CommonError, EnterStandbyAnswer, EnterStandbyError, EnterStandbyQuery};

use crate::services::Context;
use crate::services::autoscaling::keeper::{self, Aside};
use crate::services::autoscaling::resources::{Group, change};

pub(crate) async fn handle(
    context: Context,
    input: EnterStandbyQuery,
) -> Result<EnterStandbyAnswer, EnterStandbyError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let ids = input.instance_ids.unwrap_or_default();
    let shrinks = input.should_decrement_desired_capacity.unwrap_or(false);
    let activities = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let mut group = Group::clone(change::find(tx, &context.scope, &name)?);
            let activities =
                keeper::set_aside(tx, &context.shared, &mut group, &ids, Aside::Standby { shrinks }, context.now())?;
            tx.put(group);
            Ok(activities)
        })
        .await?;
    Ok(EnterStandbyAnswer { activities: Some(activities) })
}
