//! DescribeLifecycleHooks: the hooks of a group.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLifecycleHooks.html>

use api_models::autoscaling::{
    DescribeLifecycleHooksAnswer, DescribeLifecycleHooksError, DescribeLifecycleHooksType, LifecycleHook,
};

use crate::services::Context;
use crate::services::autoscaling::resources::change;

pub(crate) async fn handle(
    context: Context,
    input: DescribeLifecycleHooksType,
) -> Result<DescribeLifecycleHooksAnswer, DescribeLifecycleHooksError> {
    let state = context.snapshot();
    let group = change::find(&state, &context.scope, input.auto_scaling_group_name.as_deref().unwrap_or_default())?;
    let names = input.lifecycle_hook_names.unwrap_or_default();
    let found = group.hooks.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let shown = found.map(|(name, hook)| LifecycleHook {
        lifecycle_hook_name: Some(name.clone()),
        auto_scaling_group_name: Some(group.key.name.to_string()),
        lifecycle_transition: Some(hook.transition.as_str().to_owned()),
        notification_target_arn: hook.target_arn.clone(),
        role_arn: hook.role_arn.clone(),
        notification_metadata: hook.metadata.clone(),
        heartbeat_timeout: Some(hook.heartbeat_timeout),
        global_timeout: i32::try_from(hook.global_timeout()).ok(),
        default_result: Some(if hook.continues { "CONTINUE" } else { "ABANDON" }.to_owned()),
    });
    Ok(DescribeLifecycleHooksAnswer { lifecycle_hooks: Some(shown.collect()) })
}
