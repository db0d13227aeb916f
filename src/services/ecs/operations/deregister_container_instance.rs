//! DeregisterContainerInstance: the instance becomes INACTIVE and takes no tasks any more.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterContainerInstance.html>

use api_models::ecs::{
    ContainerInstanceField, DeregisterContainerInstanceError, DeregisterContainerInstanceRequest,
    DeregisterContainerInstanceResponse, InvalidParameterException, TaskStopCode,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::{Loads, ending, registration};
use crate::services::ecs::resources::lookup;

/// The reason that tasks show.
const FORCED: &str = "Container instance deregistration forced by user";

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
            let key = found.key.clone();
            if !force && !ending::live_tasks(tx, &key).is_empty() {
                return Err(InvalidParameterException::new("Found running tasks on the instance.").into());
            }
            ending::stop_tasks(tx, &key, &TaskStopCode::UserInitiated, FORCED, now);
            ending::deregister(tx, &key);
            let loads = Loads::of_cluster(tx, &cluster);
            let instance = tx.container_instances.get(&key);
            let answer = instance.map(|instance| instance.to_api(&loads, &[ContainerInstanceField::Tags], now));
            Ok(DeregisterContainerInstanceResponse { container_instance: answer.map(Box::new) })
        })
        .await
}
