//! DescribeCapacityProviders: FARGATE and FARGATE_SPOT, and the user's own.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html>

use std::collections::BTreeMap;

use api_models::ecs::{
    CapacityProvider, CapacityProviderField, DescribeCapacityProvidersError, DescribeCapacityProvidersRequest,
    DescribeCapacityProvidersResponse, InvalidParameterException,
};

use crate::identity::Scope;
use crate::services::Context;
use crate::services::ecs::resources::capacity_provider::CapacityProviderKey;
use crate::services::ecs::resources::cluster::BuiltIn;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::store::State;

/// All ACTIVE ones when none is named, or those of one cluster; by name, up to 10 a page. A deleted one can still be
/// named.
pub(crate) async fn handle(
    context: Context,
    input: DescribeCapacityProvidersRequest,
) -> Result<DescribeCapacityProvidersResponse, DescribeCapacityProvidersError> {
    let state = context.snapshot();
    let scope = &context.scope;
    let include = input.include.unwrap_or_default();
    if let Some(other) = include.iter().find(|field| **field != CapacityProviderField::Tags) {
        return Err(InvalidParameterException::new(format!("{} should be one of [TAGS]", other.as_str())).into());
    }
    let tags = !include.is_empty();
    let named = input.capacity_providers.unwrap_or_default();
    if named.len() > 100 {
        return Err(InvalidParameterException::new("Capacity providers can have at most 100 items.").into());
    }
    let mut failures = Vec::new();
    let mut found: BTreeMap<String, CapacityProvider> = BTreeMap::new();
    for name in &named {
        let short = if name.starts_with("arn:") {
            lookup::resource_of_arn(scope, name, "capacity-provider")
        } else {
            Some(name.as_str())
        };
        match (short.and_then(|short| render(&state, scope, short, tags)), short) {
            (Some(provider), Some(short)) => drop(found.insert(short.to_owned(), provider)),
            (None, Some(short)) => failures.push(lookup::missing(CapacityProviderKey::new(scope, short).arn())),
            (_, None) => failures.push(lookup::missing(name.clone())),
        }
    }
    if named.is_empty() {
        found.extend(BuiltIn::ALL.map(|provider| (provider.name().to_owned(), provider.to_api(scope))));
        let first = CapacityProviderKey::new(scope, "");
        let own = state.capacity_providers.range(first..).take_while(|(key, _)| key.scope == *scope);
        found.extend(
            own.filter(|(_, provider)| provider.is_active())
                .map(|(key, provider)| (key.name.to_string(), provider.to_api(tags))),
        );
    }
    if let Some(cluster) = input.cluster.as_deref() {
        let cluster = lookup::active_cluster(&state, scope, Some(cluster))?;
        found.retain(|name, _| cluster.capacity_providers.iter().any(|own| own == name));
    }
    let page = PageRequest {
        default: 10,
        limit: 10,
        ..PageRequest::new("DescribeCapacityProviders", input.max_results, input.next_token.as_deref())
    };
    let (page, next_token) = page.cut(found, Order::Ascending, |(name, _)| name.clone())?;
    let providers = page.into_iter().map(|(_, provider)| provider).collect();
    Ok(DescribeCapacityProvidersResponse { capacity_providers: Some(providers), failures: Some(failures), next_token })
}

fn render(state: &State, scope: &Scope, name: &str, tags: bool) -> Option<CapacityProvider> {
    if let Some(provider) = BuiltIn::named(name) {
        return Some(provider.to_api(scope));
    }
    state.capacity_providers.get(&CapacityProviderKey::new(scope, name)).map(|provider| provider.to_api(tags))
}
