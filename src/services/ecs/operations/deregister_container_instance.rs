//! DeregisterContainerInstance: the instance becomes INACTIVE and takes no tasks any more.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html>

use api_models::ecs::{
    ContainerInstanceField, DeregisterContainerInstanceError, DeregisterContainerInstanceRequest,
    DeregisterContainerInstanceResponse, InvalidParameterException, TaskStopCode,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::container_instance::{Loads, registration};
use crate::services::ecs::resources::{ContainerInstance, Task, TaskStatus, lookup};

/// With `force`, tasks on the instance stop. (On EC2 their containers would live on, unknown to ECS, until the
/// instance ends; the engine here does not end, so they are stopped.)
pub(crate) async fn handle(
    context: Context,
    input: DeregisterContainerInstanceRequest,
) -> Result<DeregisterContainerInstanceResponse, DeregisterContainerInstanceError> {
    let named = input
        .container_instance
        .filter(|named| !named.is_empty())
        .ok_or_else(|| InvalidParameterException::new("Container instance can not be blank."))?;
    let force = input.force.unwrap_or(false);
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let found = registration::find(tx, &cluster, &named)?.filter(|found| found.status != "INACTIVE");
            let Some(found) = found else {
                let id = named.rsplit('/').next().unwrap_or(&named);
                return Err(
                    InvalidParameterException::new(format!("Referenced container instance {id} not found.")).into()
                );
            };
            let mut instance = ContainerInstance::clone(found);
            let tasks: Vec<_> = tasks_of(tx, &cluster)
                .filter(|task| task.container_instance.as_ref() == Some(&instance.key))
                .filter(|task| task.last_status != TaskStatus::Stopped)
                .map(|task| task.key.clone())
                .collect();
            if !tasks.is_empty() && !force {
                return Err(InvalidParameterException::new("Found running tasks on the instance.").into());
            }
            for key in &tasks {
                tx.update(key, |task: &mut Task| {
                    let stops = task.desired_status != TaskStatus::Stopped;
                    if stops {
                        task.desired_status = TaskStatus::Stopped;
                        task.stop_code = Some(TaskStopCode::UserInitiated);
                        task.stopped_reason = Some("Container instance deregistration forced by user".to_owned());
                        task.version += 1;
                    }
                    stops
                });
            }
            instance.status = "INACTIVE".to_owned();
            instance.version += 1;
            let answer = instance.to_api(&Loads::of_cluster(tx, &cluster), &[ContainerInstanceField::Tags], now);
            tx.put(instance);
            Ok(DeregisterContainerInstanceResponse { container_instance: Some(Box::new(answer)) })
        })
        .await
}
