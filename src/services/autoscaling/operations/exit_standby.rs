//! ExitStandby: instances count for their group again.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExitStandby.html>

use api_models::autoscaling::{CommonError, ExitStandbyAnswer, ExitStandbyError, ExitStandbyQuery};

use crate::services::Context;
use crate::services::autoscaling::keeper::{self, Aside};
use crate::services::autoscaling::resources::{Group, change};

pub(crate) async fn handle(context: Context, input: ExitStandbyQuery) -> Result<ExitStandbyAnswer, ExitStandbyError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let ids = input.instance_ids.unwrap_or_default();
    let activities = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let mut group = Group::clone(change::find(tx, &context.scope, &name)?);
            let activities = keeper::set_aside(tx, &context.shared, &mut group, &ids, Aside::Back, context.now())?;
            tx.put(group);
            Ok(activities)
        })
        .await?;
    Ok(ExitStandbyAnswer { activities: Some(activities) })
}
