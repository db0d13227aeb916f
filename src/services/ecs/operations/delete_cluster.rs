//! DeleteCluster: an empty cluster becomes INACTIVE.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html>

use api_models::ecs::{
    ClientException, ClusterContainsContainerInstancesException, ClusterContainsServicesException,
    ClusterContainsTasksException, ClusterNotFoundException, DeleteClusterError, DeleteClusterRequest,
    DeleteClusterResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity_provider::{Family, family};
use crate::services::ecs::resources::cluster::{instances_of, tasks_of};
use crate::services::ecs::resources::daemon::{self, daemons_of};
use crate::services::ecs::resources::service::{ServiceStatus, forget, services_of};
use crate::services::ecs::resources::{Cluster, ClusterStatus, ContainerInstance, TaskStatus, lookup};

/// It stays describable, and the deletion can be repeated.
pub(crate) async fn handle(
    context: Context,
    input: DeleteClusterRequest,
) -> Result<DeleteClusterResponse, DeleteClusterError> {
    let named = input.cluster.ok_or_else(|| InvalidParameterException::new("Cluster can not be blank."))?;
    let key = lookup::cluster_key(&context.scope, Some(&named))?;
    context
        .store()
        .transact(|tx| {
            let Some(found) = tx.clusters.get(&key) else {
                return Err(ClusterNotFoundException::new("Cluster not found.").into());
            };
            let mut cluster = Cluster::clone(found);
            if instances_of(tx, &key).any(|instance| instance.status != "INACTIVE") {
                return Err(ClusterContainsContainerInstancesException::new(
                    "The Cluster cannot be deleted while Container Instances are active or draining.",
                )
                .into());
            }
            if services_of(tx, &key).any(|service| service.status != ServiceStatus::Inactive) {
                return Err(ClusterContainsServicesException::new(
                    "The Cluster cannot be deleted while Services are active.",
                )
                .into());
            }
            if daemons_of(tx, &key).next().is_some() {
                // (ours)
                return Err(ClientException::new("The Cluster cannot be deleted while Daemons are active.").into());
            }
            if tasks_of(tx, &key).any(|task| task.last_status != TaskStatus::Stopped) {
                return Err(ClusterContainsTasksException::new(
                    "The Cluster cannot be deleted while Tasks are active.",
                )
                .into());
            }
            let own = |name: &String| family(tx, &key.scope, name) == Some(Family::ManagedInstances);
            if cluster.capacity_providers.iter().any(own) {
                return Err(ClientException::new(
                    "The Cluster cannot be deleted while Cluster Scoped Capacity Providers are attached to the cluster.",
                )
                .into());
            }
            // All INACTIVE: with their cluster gone, nothing can describe them.
            let gone: Vec<_> = instances_of(tx, &key).map(|instance| instance.key.clone()).collect();
            for key in &gone {
                tx.delete::<ContainerInstance>(key);
            }
            let gone: Vec<_> = services_of(tx, &key).map(|service| service.key.clone()).collect();
            gone.iter().for_each(|key| forget(tx, key));
            daemon::forget_all(tx, &key);
            cluster.status = ClusterStatus::Inactive;
            let answer = cluster.to_answer(tx);
            tx.put(cluster);
            Ok(DeleteClusterResponse { cluster: Some(Box::new(answer)) })
        })
        .await
}
