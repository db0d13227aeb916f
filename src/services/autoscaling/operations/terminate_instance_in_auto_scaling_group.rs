//! TerminateInstanceInAutoScalingGroup: an instance goes, and is replaced unless the capacity is to shrink.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html>

use api_models::autoscaling::{
    ActivityType, CommonError, TerminateInstanceInAutoScalingGroupError, TerminateInstanceInAutoScalingGroupType,
};

use crate::services::Context;
use crate::services::autoscaling::keeper;
use crate::services::autoscaling::plan::Why;
use crate::services::autoscaling::resources::errors::{invalid, unsupported};
use crate::services::autoscaling::resources::{Group, activity, change};

pub(crate) async fn handle(
    context: Context,
    input: TerminateInstanceInAutoScalingGroupType,
) -> Result<ActivityType, TerminateInstanceInAutoScalingGroupError> {
    if input.instance_ids.as_ref().is_some_and(|ids| !ids.is_empty()) {
        return Err(CommonError::into(unsupported("several instances in one TerminateInstanceInAutoScalingGroup")));
    }
    let id = input.instance_id.unwrap_or_default();
    let shrinks = input.should_decrement_desired_capacity.unwrap_or(false);
    let now = context.now();
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let Some(key) = change::group_of_instance(tx, &context.scope, &id) else {
                return Err(change::no_instance(&id));
            };
            let mut group = Group::clone(change::find(tx, &context.scope, &key.name)?);
            let before = group.capacity();
            let member = change::member(&group, &id)?;
            if shrinks && member.lifecycle.counts() {
                if group.desired <= group.min {
                    return Err(invalid(format!(
                        "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will \
                         violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or \
                         lower group's min size.",
                        group.min
                    )));
                }
                group.desired -= 1;
                group.scaled_at = Some(now);
            }
            keeper::take_out(tx, &context.shared, &mut group, &id, Why::Asked, before, now);
            let activity = group.members.get(&id).and_then(|member| member.activity.clone()).unwrap_or_default();
            tx.put(group);
            let shown = activity::activities_of(tx, &key).rev().find(|it| *it.key.id == *activity).map(|it| it.shown());
            Ok(shown)
        })
        .await?;
    Ok(ActivityType { activity: shown.map(Box::new), activities: None })
}
