//! DeleteTaskSet: the task set drains, and is gone once its tasks have stopped.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskSet.html>

use api_models::ecs::{DeleteTaskSetError, DeleteTaskSetRequest, DeleteTaskSetResponse, InvalidParameterException};

use crate::services::Context;
use crate::services::ecs::resources::service::{TaskSetStatus, checks, find_task_set};
use crate::services::ecs::resources::{TaskSet, lookup};

/// Deleting a task set that drains already answers it again.
pub(crate) async fn handle(
    context: Context,
    input: DeleteTaskSetRequest,
) -> Result<DeleteTaskSetResponse, DeleteTaskSetError> {
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let service = checks::controlled_outside::<DeleteTaskSetError>(tx, &cluster, input.service.as_deref())?;
            let found = find_task_set::<DeleteTaskSetError>(tx, &service.key, input.task_set.as_deref())?;
            let mut set = TaskSet::clone(found);
            if set.status != TaskSetStatus::Draining {
                // Both sentences are (ours).
                let in_use = match set.status {
                    TaskSetStatus::Primary => Some("it is the primary TaskSet of its service"),
                    _ if set.share_of(service.desired_count) > 0 => Some("it is scaled above 0"),
                    _ => None,
                };
                if let Some(why) = in_use.filter(|_| input.force != Some(true)) {
                    return Err(InvalidParameterException::new(format!(
                        "The TaskSet cannot be deleted while {why}. Specify force and try again."
                    ))
                    .into());
                }
                set.status = TaskSetStatus::Draining;
                set.updated_at = now;
                set.steady = false;
                set.stability_at = now;
                tx.put(set.clone());
            }
            Ok(DeleteTaskSetResponse { task_set: Some(Box::new(set.to_api(tx, true))) })
        })
        .await
}
