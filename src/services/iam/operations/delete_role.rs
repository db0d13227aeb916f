//! DeleteRole: a role that nothing belongs to any more.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>

use api_models::iam::{CommonError, DeleteConflictException, DeleteRoleError, DeleteRoleRequest, DeleteRoleResponse};

use crate::services::Context;
use crate::services::iam::resources::{IamKey, Role, find_role, holding, protect};

pub(crate) async fn handle(context: Context, input: DeleteRoleRequest) -> Result<DeleteRoleResponse, DeleteRoleError> {
    let account = context.scope.account;
    let name = input.role_name.unwrap_or_default();
    let conflict = |message: &str| CommonError::from(DeleteConflictException::new(message));
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let role = find_role(tx, account, &name)?.clone();
            protect(&role)?;
            if holding(tx, account, &name).next().is_some() {
                return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
            }
            if !role.attached.is_empty() {
                return Err(conflict("Cannot delete entity, must detach all policies first."));
            }
            if !role.inline.is_empty() {
                return Err(conflict("Cannot delete entity, must delete policies first."));
            }
            tx.delete::<Role>(&IamKey::new(account, &name));
            Ok(())
        })
        .await?;
    Ok(DeleteRoleResponse::default())
}
