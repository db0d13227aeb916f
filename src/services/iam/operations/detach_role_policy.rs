//! DetachRolePolicy: a managed policy that a role has no longer.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html>

use api_models::iam::{
    DetachRolePolicyError, DetachRolePolicyRequest, DetachRolePolicyResponse, NoSuchEntityException,
};

use crate::services::Context;
use crate::services::iam::resources::change_role;

pub(crate) async fn handle(
    context: Context,
    input: DetachRolePolicyRequest,
) -> Result<DetachRolePolicyResponse, DetachRolePolicyError> {
    let arn = input.policy_arn.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                if role.attached.remove(&arn) {
                    return Ok(());
                }
                Err(NoSuchEntityException::new(format!("Policy {arn} was not found.")).into())
            })
        })
        .await?;
    Ok(DetachRolePolicyResponse::default())
}
