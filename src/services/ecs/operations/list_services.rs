//! ListServices: the ARNs of a cluster's services, filtered.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html>

use api_models::ecs::{
    InvalidParameterException, LaunchType, ListServicesError, ListServicesRequest, ListServicesResponse,
    ResourceManagementType, SchedulingStrategy,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::service::{ServiceStatus, services_of};

fn invalid(message: &str) -> ListServicesError {
    InvalidParameterException::new(message).into()
}

/// By name; services that are deleted are left out.
pub(crate) async fn handle(
    context: Context,
    input: ListServicesRequest,
) -> Result<ListServicesResponse, ListServicesError> {
    if matches!(input.launch_type, Some(LaunchType::Unrecognized(_))) {
        return Err(invalid("launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"));
    }
    if matches!(input.scheduling_strategy, Some(SchedulingStrategy::Unrecognized(_))) {
        return Err(invalid("schedulingStrategy should be one of [REPLICA,DAEMON]"));
    }
    if matches!(input.resource_management_type, Some(ResourceManagementType::Unrecognized(_))) {
        return Err(invalid("resourceManagementType should be one of [CUSTOMER,ECS]"));
    }
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    // Express services, whose resources ECS manages, are not there.
    let nobody = input.resource_management_type == Some(ResourceManagementType::Ecs);
    let services = services_of(&state, cluster).filter(|service| {
        let launch_type = || service.spec(&state).and_then(|spec| spec.launch_type.as_ref());
        !nobody
            && service.status == ServiceStatus::Active
            && input.scheduling_strategy.as_ref().is_none_or(|wanted| *wanted == service.scheduling.to_api())
            && input.launch_type.as_ref().is_none_or(|wanted| launch_type() == Some(wanted))
    });
    let page = PageRequest::new("ListServices", input.max_results, input.next_token.as_deref());
    let page = PageRequest { default: 10, ..page };
    let (page, next_token) = page.cut(services, Order::Ascending, |service| service.key.name.to_string())?;
    Ok(ListServicesResponse { service_arns: Some(page.iter().map(|service| service.key.arn()).collect()), next_token })
}
