//! ListDaemons: a cluster's daemons, by name.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListDaemons.html>

use api_models::ecs::{InvalidParameterException, ListDaemonsError, ListDaemonsRequest, ListDaemonsResponse};

use crate::services::Context;
use crate::services::ecs::resources::daemon::{daemons_of, providers_of};
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};

/// Also those that are being deleted. `capacityProviderArns` narrows the list to the daemons of any of them.
pub(crate) async fn handle(
    context: Context,
    input: ListDaemonsRequest,
) -> Result<ListDaemonsResponse, ListDaemonsError> {
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster_arn.as_deref())?.key;
    let mut providers: Vec<&str> = Vec::new();
    for arn in input.capacity_provider_arns.iter().flatten() {
        let name = lookup::resource_of_arn(&context.scope, arn, "capacity-provider").ok_or_else(|| {
            InvalidParameterException::new(format!("The capacity provider ARN {arn} is invalid.")) // (ours)
        })?;
        providers.push(name);
    }
    let daemons = daemons_of(&state, cluster).filter(|daemon| {
        providers.is_empty() || providers.iter().any(|name| providers_of(&state, daemon).contains(*name))
    });
    let page = PageRequest::new("ListDaemons", input.max_results, input.next_token.as_deref());
    let (page, next_token) = page.cut(daemons, Order::Ascending, |daemon| daemon.key.name.to_string())?;
    let summaries = page.into_iter().map(|daemon| daemon.to_summary()).collect();
    Ok(ListDaemonsResponse { daemon_summaries_list: Some(summaries), next_token })
}
