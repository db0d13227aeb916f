//! DeleteAutoScalingGroup: the group goes; with ForceDelete, with its instances.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html>

use api_models::autoscaling::{
    CommonError, DeleteAutoScalingGroupError, DeleteAutoScalingGroupResponse, DeleteAutoScalingGroupType,
    ResourceInUseFault, ScalingActivityInProgressFault,
};

use crate::services::Context;
use crate::services::autoscaling::keeper;
use crate::services::autoscaling::resources::change;

pub(crate) async fn handle(
    context: Context,
    input: DeleteAutoScalingGroupType,
) -> Result<DeleteAutoScalingGroupResponse, DeleteAutoScalingGroupError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let force = input.force_delete.unwrap_or(false);
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            let group = change::find(tx, &context.scope, &name)?.clone();
            if group.members.is_empty() {
                keeper::delete(tx, &group.key);
                return Ok(());
            }
            if force {
                return change::change(tx, &context.scope, &name, |group| {
                    group.deleting = true;
                    (group.min, group.max, group.desired) = (0, 0, 0);
                    Ok(())
                });
            }
            if group.members.values().all(|member| member.lifecycle.is_ending()) {
                return Err(ScalingActivityInProgressFault::new(
                    "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
                )
                .into());
            }
            Err(ResourceInUseFault::new(
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) \
                 still in the group.",
            )
            .into())
        })
        .await?;
    Ok(DeleteAutoScalingGroupResponse {})
}
