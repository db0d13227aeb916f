//! DeleteLifecycleHook: a hook goes; who waits for it goes on.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLifecycleHook.html>

use api_models::autoscaling::{DeleteLifecycleHookAnswer, DeleteLifecycleHookError, DeleteLifecycleHookType};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::errors::invalid;

/// "If there are any outstanding lifecycle actions, they are completed first (ABANDON for launching instances, CONTINUE
/// for terminating instances)."
pub(crate) async fn handle(
    context: Context,
    input: DeleteLifecycleHookType,
) -> Result<DeleteLifecycleHookAnswer, DeleteLifecycleHookError> {
    let group = input.auto_scaling_group_name.unwrap_or_default();
    let name = input.lifecycle_hook_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &group, |group| {
                change::remove_hook(group, &name).then_some(()).ok_or_else(|| {
                    invalid(format!(
                        "No Lifecycle Hook found with name {name} in Auto Scaling group {}",
                        group.key.name
                    ))
                })
            })
        })
        .await?;
    Ok(DeleteLifecycleHookAnswer {})
}
