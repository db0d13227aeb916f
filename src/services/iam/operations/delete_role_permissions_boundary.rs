//! DeleteRolePermissionsBoundary: a role without its boundary.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html>

use api_models::iam::{
    DeleteRolePermissionsBoundaryError, DeleteRolePermissionsBoundaryRequest, DeleteRolePermissionsBoundaryResponse,
    NoSuchEntityException,
};

use crate::services::Context;
use crate::services::iam::resources::change_role;

pub(crate) async fn handle(
    context: Context,
    input: DeleteRolePermissionsBoundaryRequest,
) -> Result<DeleteRolePermissionsBoundaryResponse, DeleteRolePermissionsBoundaryError> {
    let name = input.role_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &name, |role| {
                let message = format!("Role {name} does not have a permissions boundary.");
                role.permissions_boundary.take().map(|_| ()).ok_or_else(|| NoSuchEntityException::new(message).into())
            })
        })
        .await?;
    Ok(DeleteRolePermissionsBoundaryResponse::default())
}
