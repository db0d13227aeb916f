//! PutRolePermissionsBoundary: the policy that bounds what a role's policies allow.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html>

use api_models::iam::{
    CommonError, PutRolePermissionsBoundaryError, PutRolePermissionsBoundaryRequest, PutRolePermissionsBoundaryResponse,
};

use crate::services::Context;
use crate::services::iam::resources::{change_role, find_policy};

pub(crate) async fn handle(
    context: Context,
    input: PutRolePermissionsBoundaryRequest,
) -> Result<PutRolePermissionsBoundaryResponse, PutRolePermissionsBoundaryError> {
    let account = context.scope.account;
    let boundary = input.permissions_boundary.unwrap_or_default();
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            find_policy(tx, account, &boundary)?;
            change_role(tx, account, &input.role_name.unwrap_or_default(), |role| {
                role.permissions_boundary = Some(boundary);
                Ok(())
            })
        })
        .await?;
    Ok(PutRolePermissionsBoundaryResponse::default())
}
