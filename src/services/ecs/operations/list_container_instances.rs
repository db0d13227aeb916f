//! ListContainerInstances: the ARNs of a cluster's instances.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListContainerInstances.html>

use api_models::ecs::{
    ContainerInstanceStatus, InvalidParameterException, ListContainerInstancesError, ListContainerInstancesRequest,
    ListContainerInstancesResponse, UnsupportedFeatureException,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};

/// By id; without a status, all but the INACTIVE ones.
pub(crate) async fn handle(
    context: Context,
    input: ListContainerInstancesRequest,
) -> Result<ListContainerInstancesResponse, ListContainerInstancesError> {
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    if let Some(status) = input.status.as_ref().filter(|status| !ContainerInstanceStatus::ALL.contains(status)) {
        let known: Vec<_> = ContainerInstanceStatus::ALL.iter().map(|status| status.as_str()).collect();
        return Err(InvalidParameterException::new(format!("{status} should be one of [{}]", known.join(","))).into());
    }
    if let Some(filter) = input.filter.as_deref().filter(|filter| !filter.trim().is_empty()) {
        return Err(UnsupportedFeatureException::new(format!(
            "The filter '{filter}' cannot be used: LocalECS does not provide the cluster query language yet. Remove \
             the filter and try again."
        ))
        .into());
    }
    let page = PageRequest::new("ListContainerInstances", input.max_results, input.next_token.as_deref());
    let wanted = instances_of(&state, cluster).filter(|instance| match &input.status {
        None => instance.status != "INACTIVE",
        Some(status) => instance.status == status.as_str(),
    });
    let (found, next_token) = page.cut(wanted, Order::Ascending, |instance| instance.key.id.to_string())?;
    let arns = found.into_iter().map(|instance| instance.key.arn()).collect();
    Ok(ListContainerInstancesResponse { container_instance_arns: Some(arns), next_token })
}
