//! ListServiceDeployments: a service's deployments, newest first.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html>

use api_models::ecs::{
    InvalidParameterException, ListServiceDeploymentsError, ListServiceDeploymentsRequest,
    ListServiceDeploymentsResponse, ServiceDeploymentStatus,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::service::{find, ordered_by_age};

/// `createdAt` and `status` narrow the list.
pub(crate) async fn handle(
    context: Context,
    input: ListServiceDeploymentsRequest,
) -> Result<ListServiceDeploymentsResponse, ListServiceDeploymentsError> {
    let statuses = input.status.unwrap_or_default();
    if statuses.iter().any(|status| matches!(status, ServiceDeploymentStatus::Unrecognized(_))) {
        let known: Vec<_> = ServiceDeploymentStatus::ALL.iter().map(ServiceDeploymentStatus::as_str).collect();
        let message = format!("status should be one of [{}]", known.join(","));
        return Err(InvalidParameterException::new(message).into());
    }
    let created = input.created_at.map(|created| *created).unwrap_or_default();
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let service = find::<ListServiceDeploymentsError>(&state, cluster, input.service.as_deref())?;
    let deployments = ordered_by_age(&state, &service.key).into_iter().filter(|deployment| {
        (statuses.is_empty() || statuses.contains(&deployment.status))
            && created.after.is_none_or(|after| deployment.created_at > after)
            && created.before.is_none_or(|before| deployment.created_at < before)
    });
    let page = PageRequest::new("ListServiceDeployments", input.max_results, input.next_token.as_deref());
    let page = PageRequest { default: 20, ..page };
    let (page, next_token) = page.cut(deployments, Order::Descending, |deployment| {
        // As wide as any time there will be, so that texts sort as times do.
        format!("{:020}/{}", deployment.created_at.as_millis(), deployment.key.id)
    })?;
    let briefs = page.into_iter().map(|deployment| deployment.to_brief()).collect();
    Ok(ListServiceDeploymentsResponse { service_deployments: Some(briefs), next_token })
}
