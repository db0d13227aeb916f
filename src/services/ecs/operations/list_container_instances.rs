//! ListContainerInstances: the ARNs of a cluster's instances.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListContainerInstances.html>

use api_models::ecs::{
    ContainerInstanceStatus, InvalidParameterException, ListContainerInstancesError, ListContainerInstancesRequest,
    ListContainerInstancesResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::scheduler::placement::Candidate;
use crate::services::ecs::scheduler::query::Expression;

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
    let filter = input.filter.as_deref().filter(|filter| !filter.trim().is_empty()).map(parse).transpose()?;
    let instances = instances_of(&state, cluster).map(|instance| &**instance);
    let candidates = Candidate::with_loads(instances, &state.instance_loads, "");
    let page = PageRequest::new("ListContainerInstances", input.max_results, input.next_token.as_deref());
    let wanted = candidates.iter().filter(|candidate| {
        let of_status = match &input.status {
            None => candidate.instance.status != "INACTIVE",
            Some(status) => candidate.instance.status == status.as_str(),
        };
        of_status && filter.as_ref().is_none_or(|filter| filter.selects(&candidate.facts()))
    });
    let (found, next_token) = page.cut(wanted, Order::Ascending, |candidate| candidate.instance.key.id.to_string())?;
    let arns = found.into_iter().map(|candidate| candidate.instance.key.arn()).collect();
    Ok(ListContainerInstancesResponse { container_instance_arns: Some(arns), next_token })
}

fn parse(filter: &str) -> Result<Expression, InvalidParameterException> {
    Expression::parse(filter)
        .map_err(|error| InvalidParameterException::new(format!("Invalid filter '{filter}': {error}.")))
}
