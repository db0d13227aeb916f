//! UpdateCapacityProvider: other settings for a capacity provider.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCapacityProvider.html>

use api_models::ecs::{
    CapacityProviderUpdateStatus, InvalidParameterException, UpdateCapacityProviderError,
    UpdateCapacityProviderRequest, UpdateCapacityProviderResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity_provider::{
    CapacityProvider, Kind, check_update, clusters_of, find, update,
};
use crate::services::ecs::resources::lookup;

/// What the request does not name stays. Managed instances that were launched before keep what they have.
pub(crate) async fn handle(
    context: Context,
    input: UpdateCapacityProviderRequest,
) -> Result<UpdateCapacityProviderResponse, UpdateCapacityProviderError> {
    let invalid = |message: &str| UpdateCapacityProviderError::from(InvalidParameterException::new(message));
    context
        .store()
        .transact(|tx| {
            let scope = &context.scope;
            let found = find(tx, scope, input.name.as_deref().unwrap_or_default())?;
            let mut provider = CapacityProvider::clone(found);
            if let Some(cluster) = input.cluster.as_deref().filter(|cluster| !cluster.is_empty()) {
                let cluster = lookup::active_cluster(tx, scope, Some(cluster))?;
                if provider.own_cluster().is_none_or(|own| own != cluster.key) {
                    return Err(invalid("The specified capacity provider does not belong to the specified cluster."));
                }
            }
            provider.kind = match (provider.kind, input.auto_scaling_group_provider, input.managed_instances_provider) {
                (Kind::AutoScaling(present), Some(given), None) => Kind::AutoScaling(update(&present, *given)?),
                (Kind::ManagedInstances { cluster, provider }, None, Some(given)) => {
                    Kind::ManagedInstances { cluster, provider: check_update(&provider, *given)? }
                }
                (Kind::AutoScaling(_), ..) => {
                    return Err(invalid("Only autoScalingGroupProvider can be updated for this capacity provider."));
                }
                (Kind::ManagedInstances { .. }, ..) => {
                    return Err(invalid("Only managedInstancesProvider can be updated for this capacity provider."));
                }
            };
            if provider.has_managed_scaling() && clusters_of(tx, &provider.key).nth(1).is_some() {
                return Err(invalid(
                    "A capacity provider with managed scaling enabled can only be associated with one cluster.",
                ));
            }
            provider.update_status = Some(CapacityProviderUpdateStatus::UpdateComplete);
            provider.update_status_reason = None;
            let mut answer = provider.to_api(true);
            answer.update_status = Some(CapacityProviderUpdateStatus::UpdateInProgress);
            tx.put(provider);
            Ok(UpdateCapacityProviderResponse { capacity_provider: Some(Box::new(answer)) })
        })
        .await
}
