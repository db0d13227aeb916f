//! ListClusters: the ARNs of the ACTIVE clusters.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html>

use api_models::ecs::{ListClustersError, ListClustersRequest, ListClustersResponse};

use crate::services::Context;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::{ClusterKey, ClusterStatus};

/// By name.
pub(crate) async fn handle(
    context: Context,
    input: ListClustersRequest,
) -> Result<ListClustersResponse, ListClustersError> {
    let state = context.snapshot();
    let page = PageRequest::new("ListClusters", input.max_results, input.next_token.as_deref());
    let active = state
        .clusters
        .range(ClusterKey::new(&context.scope, "")..)
        .take_while(|(key, _)| key.scope == context.scope)
        .filter(|(_, cluster)| cluster.status == ClusterStatus::Active)
        .map(|(key, _)| key);
    let (keys, next_token) = page.cut(active, Order::Ascending, |key| key.name.to_string())?;
    Ok(ListClustersResponse { cluster_arns: Some(keys.into_iter().map(ClusterKey::arn).collect()), next_token })
}
