//! DescribeClusters: clusters by name or ARN, the deleted ones too.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html>

use std::collections::BTreeSet;

use api_models::ecs::{
    ClusterField, DescribeClustersError, DescribeClustersRequest, DescribeClustersResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::checks;
use crate::services::ecs::resources::lookup::{self, DEFAULT_CLUSTER};

/// The default cluster when none is named, up to 100, in the order of the request.
pub(crate) async fn handle(
    context: Context,
    input: DescribeClustersRequest,
) -> Result<DescribeClustersResponse, DescribeClustersError> {
    let include = input.include.unwrap_or_default();
    if let Some(ClusterField::Unrecognized(other)) = include.iter().find(|field| !ClusterField::ALL.contains(field)) {
        let known: Vec<_> = ClusterField::ALL.iter().map(ClusterField::as_str).collect();
        return Err(InvalidParameterException::new(format!("{other} should be one of [{}]", known.join(","))).into());
    }
    let mut named = input.clusters.unwrap_or_default();
    if named.is_empty() {
        named.push(DEFAULT_CLUSTER.to_owned());
    }
    if named.len() > 100 {
        return Err(InvalidParameterException::new("Clusters can have at most 100 items.").into());
    }
    let state = context.snapshot();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for name in named {
        let key = lookup::cluster_key(&context.scope, Some(&name)).ok();
        if let Some(key) = &key {
            checks::check_name(&key.name)?;
        }
        let arn = key.as_ref().map_or(name, |key| key.arn());
        if !seen.insert(arn.clone()) {
            continue;
        }
        match key.and_then(|key| state.clusters.get(&key)) {
            Some(cluster) => clusters.push(cluster.to_api(&state, &include)),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeClustersResponse { clusters: Some(clusters), failures: Some(failures) })
}
