//! DescribeCapacityProviders: FARGATE and FARGATE_SPOT.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html>

use std::collections::BTreeSet;

use api_models::ecs::{
    DescribeCapacityProvidersError, DescribeCapacityProvidersRequest, DescribeCapacityProvidersResponse,
    InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::BuiltIn;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};

/// All of them when none is named, or those of one cluster; by name, up to 10 a page.
pub(crate) async fn handle(
    context: Context,
    input: DescribeCapacityProvidersRequest,
) -> Result<DescribeCapacityProvidersResponse, DescribeCapacityProvidersError> {
    let state = context.snapshot();
    let scope = &context.scope;
    let named = input.capacity_providers.unwrap_or_default();
    if named.len() > 100 {
        return Err(InvalidParameterException::new("Capacity providers can have at most 100 items.").into());
    }
    let mut failures = Vec::new();
    let mut found: BTreeSet<&'static str> = BTreeSet::new();
    for name in &named {
        let short = if name.starts_with("arn:") {
            lookup::resource_of_arn(scope, name, "capacity-provider")
        } else {
            Some(name.as_str())
        };
        match (short.and_then(BuiltIn::named), short) {
            (Some(provider), _) => {
                found.insert(provider.name());
            }
            (None, Some(short)) => {
                failures.push(lookup::missing(scope.arn("ecs", &["capacity-provider/", short])));
            }
            (None, None) => failures.push(lookup::missing(name.clone())),
        }
    }
    if named.is_empty() {
        found.extend(BuiltIn::ALL.map(BuiltIn::name));
    }
    if let Some(cluster) = input.cluster.as_deref() {
        let cluster = lookup::active_cluster(&state, scope, Some(cluster))?;
        found.retain(|name| cluster.capacity_providers.iter().any(|own| own == name));
    }
    let page = PageRequest {
        default: 10,
        limit: 10,
        ..PageRequest::new("DescribeCapacityProviders", input.max_results, input.next_token.as_deref())
    };
    let (names, next_token) = page.cut(found, Order::Ascending, |name| (*name).to_owned())?;
    let providers = names.into_iter().filter_map(BuiltIn::named).map(|provider| provider.to_api(scope)).collect();
    Ok(DescribeCapacityProvidersResponse { capacity_providers: Some(providers), failures: Some(failures), next_token })
}
