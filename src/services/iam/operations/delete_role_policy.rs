//! DeleteRolePolicy: a policy of a role's own, gone.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html>

use api_models::iam::{
    DeleteRolePolicyError, DeleteRolePolicyRequest, DeleteRolePolicyResponse, NoSuchEntityException,
};

use crate::services::Context;
use crate::services::iam::resources::change_role;

pub(crate) async fn handle(
    context: Context,
    input: DeleteRolePolicyRequest,
) -> Result<DeleteRolePolicyResponse, DeleteRolePolicyError> {
    let name = input.policy_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                let message = format!("The role policy with name {name} cannot be found.");
                role.inline.remove(&name).map(|_| ()).ok_or_else(|| NoSuchEntityException::new(message).into())
            })
        })
        .await?;
    Ok(DeleteRolePolicyResponse::default())
}
