//! PutClusterCapacityProviders: a cluster's capacity providers and default strategy, replacing what was there.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html>

use api_models::ecs::{
    InvalidParameterException, PutClusterCapacityProvidersError, PutClusterCapacityProvidersRequest,
    PutClusterCapacityProvidersResponse, ResourceInUseException,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity_provider::{attachments, in_use};
use crate::services::ecs::resources::cluster::{check_providers, check_strategy};
use crate::services::ecs::resources::{Cluster, lookup};

/// A provider that tasks or services use can't be removed. Providers of managed instances belong to their cluster, and
/// stay whether they are named or not.
pub(crate) async fn handle(
    context: Context,
    input: PutClusterCapacityProvidersRequest,
) -> Result<PutClusterCapacityProvidersResponse, PutClusterCapacityProvidersError> {
    let missing = |what: &str| InvalidParameterException::new(format!("{what} can not be null."));
    let named = input.cluster.ok_or_else(|| InvalidParameterException::new("Cluster can not be blank."))?;
    let given = input.capacity_providers.ok_or_else(|| missing("Capacity providers"))?;
    let strategy =
        input.default_capacity_provider_strategy.ok_or_else(|| missing("Default capacity provider strategy"))?;
    context
        .store()
        .transact(|tx| {
            let mut cluster = Cluster::clone(lookup::active_cluster(tx, &context.scope, Some(&named))?);
            let providers = check_providers(tx, &cluster.key, given)?;
            let strategy = check_strategy(tx, &context.scope, strategy, &providers)?;
            let removed: Vec<String> =
                cluster.capacity_providers.iter().filter(|name| !providers.contains(name)).cloned().collect();
            if removed.iter().any(|name| in_use(tx, &cluster.key, name)) {
                return Err(ResourceInUseException::new(
                    "The specified capacity provider is in use and cannot be removed.",
                )
                .into());
            }
            cluster.capacity_providers = providers;
            cluster.default_capacity_provider_strategy = strategy;
            let mut answer = cluster.to_answer(tx);
            // AWS attaches in the background even when there is nothing to attach; DescribeClusters says it is done.
            let mut attached = attachments(tx, &cluster, &cluster.capacity_providers, "ACTIVE");
            attached.extend(attachments(tx, &cluster, &removed, "DELETING"));
            answer.attachments = Some(attached);
            answer.attachments_status = Some("UPDATE_IN_PROGRESS".to_owned());
            tx.put(cluster);
            Ok(PutClusterCapacityProvidersResponse { cluster: Some(Box::new(answer)) })
        })
        .await
}
