//! UpdateServicePrimaryTaskSet: which task set serves the traffic of production.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateServicePrimaryTaskSet.html>

use api_models::ecs::{
    InvalidParameterException, UpdateServicePrimaryTaskSetError, UpdateServicePrimaryTaskSetRequest,
    UpdateServicePrimaryTaskSetResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::service::{TaskSetKey, TaskSetStatus, checks, find_task_set, task_sets_of};
use crate::services::ecs::resources::{TaskSet, lookup};

/// The one that was PRIMARY becomes ACTIVE. No task starts or stops for it.
pub(crate) async fn handle(
    context: Context,
    input: UpdateServicePrimaryTaskSetRequest,
) -> Result<UpdateServicePrimaryTaskSetResponse, UpdateServicePrimaryTaskSetError> {
    type Error = UpdateServicePrimaryTaskSetError;
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let service = checks::controlled_outside::<Error>(tx, &cluster, input.service.as_deref())?.key.clone();
            let chosen = find_task_set::<Error>(tx, &service, input.primary_task_set.as_deref())?;
            if chosen.status == TaskSetStatus::Draining {
                // (ours)
                return Err(InvalidParameterException::new("A TaskSet that is DRAINING cannot be the primary.").into());
            }
            let chosen = chosen.key.clone();
            let primary = task_sets_of(tx, &service).filter(|set| set.status == TaskSetStatus::Primary);
            let before: Vec<TaskSetKey> = primary.map(|set| set.key.clone()).filter(|key| *key != chosen).collect();
            let mut set_status = |key: &TaskSetKey, status| {
                tx.update::<TaskSet>(key, |set| {
                    let changes = set.status != status;
                    if changes {
                        set.status = status;
                        set.updated_at = now;
                    }
                    changes
                });
            };
            before.iter().for_each(|key| set_status(key, TaskSetStatus::Active));
            set_status(&chosen, TaskSetStatus::Primary);
            let task_set = tx.task_sets.get(&chosen).map(|set| Box::new(set.to_api(tx, true)));
            Ok(UpdateServicePrimaryTaskSetResponse { task_set })
        })
        .await
}
