//! SubmitAttachmentStateChanges: an agent reports how the network interfaces of tasks on its instance fare.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SubmitAttachmentStateChanges.html>

use api_models::ecs::{
    InvalidParameterException, SubmitAttachmentStateChangesError, SubmitAttachmentStateChangesRequest,
    SubmitAttachmentStateChangesResponse,
};

use super::submit_task_state_change::ACKNOWLEDGMENT;
use crate::services::Context;
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::{Task, TaskReport, lookup};

/// As in [`submit_task_state_change`](super::submit_task_state_change).
pub(crate) async fn handle(
    context: Context,
    input: SubmitAttachmentStateChangesRequest,
) -> Result<SubmitAttachmentStateChangesResponse, SubmitAttachmentStateChangesError> {
    let changes = input.attachments.unwrap_or_default();
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            for change in changes {
                let arn = change.attachment_arn.clone().unwrap_or_default();
                let owner = tasks_of(tx, &cluster)
                    .find(|task| task.container_instance.is_some() && task.has_attachment(&arn))
                    .map(|task| task.key.clone());
                let Some(owner) = owner else {
                    let message = format!("The referenced attachment {arn} was not found.");
                    return Err(InvalidParameterException::new(message).into());
                };
                let report = TaskReport { attachments: vec![change], ..TaskReport::default() };
                tx.update(&owner, |task: &mut Task| task.take_report(&report, now));
            }
            Ok(SubmitAttachmentStateChangesResponse { acknowledgment: Some(ACKNOWLEDGMENT.to_owned()) })
        })
        .await
}
