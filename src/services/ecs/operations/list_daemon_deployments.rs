//! ListDaemonDeployments: a daemon's deployments, newest first.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListDaemonDeployments.html>

use std::cmp::Reverse;

use api_models::ecs::{
    DaemonDeploymentStatus, InvalidParameterException, ListDaemonDeploymentsError, ListDaemonDeploymentsRequest,
    ListDaemonDeploymentsResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::daemon::{deployments_of, find_plainly};
use crate::services::ecs::resources::paging::{Order, PageRequest};

/// `createdAt` and `status` narrow the list.
pub(crate) async fn handle(
    context: Context,
    input: ListDaemonDeploymentsRequest,
) -> Result<ListDaemonDeploymentsResponse, ListDaemonDeploymentsError> {
    let statuses = input.status.unwrap_or_default();
    if statuses.iter().any(|status| matches!(status, DaemonDeploymentStatus::Unrecognized(_))) {
        let known: Vec<_> = DaemonDeploymentStatus::ALL.iter().map(DaemonDeploymentStatus::as_str).collect();
        let message = format!("status should be one of [{}]", known.join(","));
        return Err(InvalidParameterException::new(message).into());
    }
    let created = input.created_at.map(|created| *created).unwrap_or_default();
    let state = context.snapshot();
    let daemon = find_plainly(&state, &context.scope, input.daemon_arn.as_deref())?;
    let mut deployments: Vec<_> = deployments_of(&state, &daemon.key)
        .filter(|deployment| {
            (statuses.is_empty() || statuses.contains(&deployment.status))
                && created.after.is_none_or(|after| deployment.created_at > after)
                && created.before.is_none_or(|before| deployment.created_at < before)
        })
        .collect();
    deployments.sort_by_key(|deployment| (Reverse(deployment.created_at), Reverse(deployment.key.id.clone())));
    let page = PageRequest::new("ListDaemonDeployments", input.max_results, input.next_token.as_deref());
    let page = PageRequest { default: 20, ..page };
    let (page, next_token) = page.cut(deployments, Order::Descending, |deployment| {
        // As wide as any time there will be, so that texts sort as times do.
        format!("{:020}/{}", deployment.created_at.as_millis(), deployment.key.id)
    })?;
    let summaries = page.into_iter().map(|deployment| deployment.to_summary()).collect();
    Ok(ListDaemonDeploymentsResponse { daemon_deployments: Some(summaries), next_token })
}
