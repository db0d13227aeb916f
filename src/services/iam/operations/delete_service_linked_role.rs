//! DeleteServiceLinkedRole: the role of an AWS service, gone.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServiceLinkedRole.html>

use api_models::iam::{
    CommonError, DeleteServiceLinkedRoleError, DeleteServiceLinkedRoleRequest, DeleteServiceLinkedRoleResponse,
    InvalidInputException,
};

use crate::services::Context;
use crate::services::iam::resources::{IamKey, Role, find_role};

pub(crate) async fn handle(
    context: Context,
    input: DeleteServiceLinkedRoleRequest,
) -> Result<DeleteServiceLinkedRoleResponse, DeleteServiceLinkedRoleError> {
    let account = context.scope.account;
    let name = input.role_name.unwrap_or_default();
    let path = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let role = find_role(tx, account, &name)?;
            let path = format!("{}{}", role.path, role.name);
            if role.linked_to.is_none() {
                let message = format!("{name} is not a service-linked role.");
                return Err(InvalidInputException::new(message).into());
            }
            tx.delete::<Role>(&IamKey::new(account, &name));
            Ok(path)
        })
        .await?;
    // Done at once: the id names the role, so that its deletion can be asked about.
    let task = format!("task{path}/{}", context.ids().uuid());
    Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: Some(task) })
}
