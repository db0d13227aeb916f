//! PutLifecycleHook: makes or changes a hook of a group.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html>

use api_models::autoscaling::{
    LifecycleHookSpecification, PutLifecycleHookAnswer, PutLifecycleHookError, PutLifecycleHookType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::{change, settings};

/// Notifications are kept and shown; nobody is notified.
pub(crate) async fn handle(
    context: Context,
    input: PutLifecycleHookType,
) -> Result<PutLifecycleHookAnswer, PutLifecycleHookError> {
    let group = input.auto_scaling_group_name.unwrap_or_default();
    let name = input.lifecycle_hook_name.unwrap_or_default();
    let given = LifecycleHookSpecification {
        lifecycle_hook_name: Some(name.clone()),
        lifecycle_transition: input.lifecycle_transition,
        notification_metadata: input.notification_metadata,
        heartbeat_timeout: input.heartbeat_timeout,
        default_result: input.default_result,
        notification_target_arn: input.notification_target_arn,
        role_arn: input.role_arn,
    };
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &group, |group| {
                let hook = settings::hook(group.hooks.get(&name), &given)?;
                change::put_hook(group, &name, hook);
                Ok(())
            })
        })
        .await?;
    Ok(PutLifecycleHookAnswer {})
}
