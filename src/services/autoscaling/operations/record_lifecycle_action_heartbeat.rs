//! RecordLifecycleActionHeartbeat: more time for a hook that is being worked on.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RecordLifecycleActionHeartbeat.html>

use api_models::autoscaling::{
    RecordLifecycleActionHeartbeatAnswer, RecordLifecycleActionHeartbeatError, RecordLifecycleActionHeartbeatType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::change;

pub(crate) async fn handle(
    context: Context,
    input: RecordLifecycleActionHeartbeatType,
) -> Result<RecordLifecycleActionHeartbeatAnswer, RecordLifecycleActionHeartbeatError> {
    let group = input.auto_scaling_group_name.unwrap_or_default();
    let name = input.lifecycle_hook_name.unwrap_or_default();
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &group, |group| {
                let (instance, token) = (input.instance_id.as_deref(), input.lifecycle_action_token.as_deref());
                let id = change::waiting(group, &name, instance, token)?;
                let hook = group.hooks.get(&name).cloned();
                let wait = group.members.get_mut(&id).and_then(|member| member.wait.as_mut());
                if let (Some(hook), Some(wait)) = (hook, wait) {
                    wait.beat(&hook, now);
                }
                Ok(())
            })
        })
        .await?;
    Ok(RecordLifecycleActionHeartbeatAnswer {})
}
