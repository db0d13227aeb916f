//! UpdateTaskSet: another part of the service's desired count.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskSet.html>

use api_models::ecs::{InvalidParameterException, UpdateTaskSetError, UpdateTaskSetRequest, UpdateTaskSetResponse};

use crate::services::Context;
use crate::services::ecs::resources::service::{Backoff, TaskSetStatus, checks, find_task_set};
use crate::services::ecs::resources::{TaskSet, lookup};

/// Answers at once; the scheduler starts and stops tasks.
pub(crate) async fn handle(
    context: Context,
    input: UpdateTaskSetRequest,
) -> Result<UpdateTaskSetResponse, UpdateTaskSetError> {
    let scale = input.scale.as_deref().ok_or_else(|| InvalidParameterException::new("Scale can not be blank."))?;
    let percent = checks::scale(scale)?;
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let service = checks::controlled_outside::<UpdateTaskSetError>(tx, &cluster, input.service.as_deref())?;
            let found = find_task_set::<UpdateTaskSetError>(tx, &service.key, input.task_set.as_deref())?;
            let mut set = TaskSet::clone(found);
            if set.status == TaskSetStatus::Draining {
                return Err(InvalidParameterException::new("Unable to update a TaskSet that is DRAINING.").into()); // (ours)
            }
            if set.percent.total_cmp(&percent).is_ne() {
                set.percent = percent;
                set.updated_at = now;
                set.backoff = Backoff::default();
                if set.steady {
                    set.steady = false;
                    set.stability_at = now;
                }
                tx.put(set.clone());
            }
            Ok(UpdateTaskSetResponse { task_set: Some(Box::new(set.to_api(tx, true))) })
        })
        .await
}
