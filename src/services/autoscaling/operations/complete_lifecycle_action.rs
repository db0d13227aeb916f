//! CompleteLifecycleAction: the answer to a hook, for an instance that waits.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>

use api_models::autoscaling::{
    CommonError, CompleteLifecycleActionAnswer, CompleteLifecycleActionError, CompleteLifecycleActionType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::errors::invalid;

pub(crate) async fn handle(
    context: Context,
    input: CompleteLifecycleActionType,
) -> Result<CompleteLifecycleActionAnswer, CompleteLifecycleActionError> {
    let group = input.auto_scaling_group_name.unwrap_or_default();
    let hook = input.lifecycle_hook_name.unwrap_or_default();
    let continues = match input.lifecycle_action_result.as_deref() {
        Some("CONTINUE") => true,
        Some("ABANDON") => false,
        other => {
            let message = format!("Invalid Lifecycle Action Result: {}", other.unwrap_or_default());
            return Err(CommonError::into(invalid(message)));
        }
    };
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &group, |group| {
                let (instance, token) = (input.instance_id.as_deref(), input.lifecycle_action_token.as_deref());
                let id = change::waiting(group, &hook, instance, token)?;
                change::answer_hook(group, &hook, &id, continues)
            })
        })
        .await?;
    Ok(CompleteLifecycleActionAnswer {})
}
