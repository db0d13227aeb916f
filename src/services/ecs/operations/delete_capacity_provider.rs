//! DeleteCapacityProvider: a capacity provider that nobody uses becomes INACTIVE.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html>

use api_models::ecs::{
    CapacityProviderStatus, CapacityProviderUpdateStatus, DeleteCapacityProviderError, DeleteCapacityProviderRequest,
    DeleteCapacityProviderResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity_provider::{CapacityProvider, clusters_of, find, has_daemons, in_use};
use crate::services::ecs::resources::{Cluster, ClusterKey, lookup};
use crate::store::{State, Transaction};

/// As on AWS, what stands in the way is no error: the provider shows DELETE_FAILED and why.
pub(crate) async fn handle(
    context: Context,
    input: DeleteCapacityProviderRequest,
) -> Result<DeleteCapacityProviderResponse, DeleteCapacityProviderError> {
    context
        .store()
        .transact(|tx| {
            let scope = &context.scope;
            let named = input.capacity_provider.as_deref().unwrap_or_default();
            let mut provider = CapacityProvider::clone(find(tx, scope, named)?);
            if let Some(cluster) = input.cluster.as_deref().filter(|cluster| !cluster.is_empty()) {
                let cluster = lookup::active_cluster(tx, scope, Some(cluster))?;
                if provider.own_cluster().is_none_or(|own| own != cluster.key) {
                    return Err(InvalidParameterException::new(
                        "The specified capacity provider does not belong to the specified cluster.",
                    )
                    .into());
                }
            }
            let mut answer = match obstacle(tx, &provider) {
                Some(reason) => {
                    provider.update_status = Some(CapacityProviderUpdateStatus::DeleteFailed);
                    provider.update_status_reason = Some(reason);
                    provider.to_api(true)
                }
                None => {
                    // On AWS it takes a moment; whoever looks again sees that it is done.
                    provider.update_status = Some(CapacityProviderUpdateStatus::DeleteInProgress);
                    provider.update_status_reason = None;
                    let answer = provider.to_api(true);
                    provider.status = CapacityProviderStatus::Inactive;
                    provider.update_status = Some(CapacityProviderUpdateStatus::DeleteComplete);
                    if let Some(cluster) = provider.own_cluster() {
                        leave(tx, &cluster, &provider.key.name);
                    }
                    answer
                }
            };
            if provider.own_cluster().is_some() && provider.status == CapacityProviderStatus::Inactive {
                answer.status = Some(CapacityProviderStatus::Deprovisioning);
            }
            tx.put(provider);
            Ok(DeleteCapacityProviderResponse { capacity_provider: Some(Box::new(answer)) })
        })
        .await
}

/// Why the provider can't be deleted now.
fn obstacle(state: &State, provider: &CapacityProvider) -> Option<String> {
    let name = &provider.key.name;
    let Some(cluster) = provider.own_cluster() else {
        return clusters_of(state, &provider.key).next().map(|cluster| {
            format!(
                "The capacity provider cannot be deleted because it is associated with cluster: {}. Remove the \
                 capacity provider from the cluster and try again.",
                cluster.name
            )
        });
    };
    if has_daemons(state, &cluster, name) {
        return Some(
            "The capacity provider cannot be deleted because it is in use by daemons. You must delete all daemons and \
             services using the capacity provider first."
                .to_owned(), // (ours)
        );
    }
    in_use(state, &cluster, name).then(|| {
        "The capacity provider cannot be deleted because it is in use by tasks or services. Stop them and try again."
            .to_owned()
    })
}

/// The cluster has the provider no more.
fn leave(tx: &mut Transaction, cluster: &ClusterKey, name: &str) {
    tx.update(cluster, |cluster: &mut Cluster| {
        cluster.capacity_providers.retain(|own| own != name);
        cluster.default_capacity_provider_strategy.retain(|item| item.capacity_provider.as_deref() != Some(name));
        true
    });
}
