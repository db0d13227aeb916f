//! GetServiceLinkedRoleDeletionStatus: how far the deletion of a service's role is: done.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLinkedRoleDeletionStatus.html>

use api_models::iam::{
    DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusError, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse, NoSuchEntityException,
};

use crate::services::Context;

pub(crate) async fn handle(
    _context: Context,
    input: GetServiceLinkedRoleDeletionStatusRequest,
) -> Result<GetServiceLinkedRoleDeletionStatusResponse, GetServiceLinkedRoleDeletionStatusError> {
    let task = input.deletion_task_id.unwrap_or_default();
    let role = task.strip_prefix("task/aws-service-role/").and_then(|rest| rest.split('/').nth(1));
    match role.filter(|role| !role.is_empty()) {
        Some(_) => Ok(GetServiceLinkedRoleDeletionStatusResponse {
            status: Some(DeletionTaskStatusType::Succeeded),
            ..Default::default()
        }),
        None => Err(NoSuchEntityException::new(format!("Deletion task {task} cannot be found.")).into()),
    }
}
