//! Capacity providers of a cluster and strategies over them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html>

use std::collections::BTreeSet;

use api_models::ecs::{
    self, CapacityProviderStatus, CapacityProviderStrategyItem, CapacityProviderType, InvalidParameterException,
};

use crate::identity::Scope;
use crate::services::ecs::resources::capacity_provider::{self, Family, clusters_of};
use crate::services::ecs::resources::{ClusterKey, ClusterStatus};
use crate::store::State;

/// How many a cluster, and a strategy, can have.
const MAX_PROVIDERS: usize = 20;

/// The capacity providers that every account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuiltIn {
    Fargate,
    FargateSpot,
}

impl BuiltIn {
    pub const ALL: [Self; 2] = [Self::Fargate, Self::FargateSpot];

    /// The provider of this name, if it is one of the two.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::FargateSpot => "FARGATE_SPOT",
        }
    }

    /// As DescribeCapacityProviders answers it; these two can't be tagged.
    #[must_use]
    pub fn to_api(self, scope: &Scope) -> ecs::CapacityProvider {
        ecs::CapacityProvider {
            capacity_provider_arn: Some(scope.arn("ecs", &["capacity-provider/", self.name()])),
            name: Some(self.name().to_owned()),
            status: Some(CapacityProviderStatus::Active),
            tags: Some(Vec::new()),
            r#type: Some(match self {
                Self::Fargate => CapacityProviderType::Fargate,
                Self::FargateSpot => CapacityProviderType::FargateSpot,
            }),
            ..ecs::CapacityProvider::default()
        }
    }
}

/// The providers a cluster is to have, each once, those of its own managed instances among them.
///
/// # Errors
/// InvalidParameterException when there is one that does not exist or is another cluster's, or too many.
pub fn check_providers(
    state: &State,
    cluster: &ClusterKey,
    given: Vec<String>,
) -> Result<Vec<String>, InvalidParameterException> {
    let refuse = |message: &str| Err(InvalidParameterException::new(message));
    let mut seen = BTreeSet::new();
    let mut providers: Vec<String> = given.into_iter().filter(|name| seen.insert(name.clone())).collect();
    for name in providers.iter().filter(|name| BuiltIn::named(name).is_none()) {
        let Some(provider) = capacity_provider::active(state, &cluster.scope, name) else {
            return refuse(
                "The specified capacity provider was not found. Specify a valid capacity provider and try again.",
            );
        };
        if provider.own_cluster().is_some_and(|own| own != *cluster) {
            return refuse(
                "Cannot associate Managed Instances capacity provider to clusters using this API. Managed Instances \
                 capacity providers are already associated with the cluster they were created in.",
            );
        }
        if provider.has_managed_scaling() && clusters_of(state, &provider.key).any(|other| other != cluster) {
            return refuse("A capacity provider with managed scaling enabled can only be associated with one cluster.");
        }
    }
    let present = state.clusters.get(cluster).filter(|cluster| cluster.status == ClusterStatus::Active);
    for name in present.iter().flat_map(|cluster| &cluster.capacity_providers) {
        let own = capacity_provider::family(state, &cluster.scope, name) == Some(Family::ManagedInstances);
        if own && seen.insert(name.clone()) {
            providers.push(name.clone());
        }
    }
    if providers.len() > MAX_PROVIDERS {
        return refuse("The maximum number of capacity providers per cluster has been exceeded.");
    }
    Ok(providers)
}

/// Refuses a strategy whose providers are of different kinds.
///
/// # Errors
/// InvalidParameterException in ECS's words.
pub fn check_kinds(
    state: &State,
    scope: &Scope,
    items: &[CapacityProviderStrategyItem],
) -> Result<Option<Family>, InvalidParameterException> {
    let mut kinds =
        items.iter().filter_map(|item| capacity_provider::family(state, scope, item.capacity_provider.as_deref()?));
    let Some(first) = kinds.next() else { return Ok(None) };
    match kinds.find(|kind| *kind != first) {
        None => Ok(Some(first)),
        Some(other) if first != Family::ManagedInstances && other != Family::ManagedInstances => {
            Err(InvalidParameterException::new(
                "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and \
                 Fargate providers. Specify one or the other and try again.",
            ))
        }
        Some(_) => Err(InvalidParameterException::new(
            "A capacity provider strategy cannot contain a mix of Managed Instances capacity providers and other \
             capacity providers. Specify one or the other and try again.",
        )),
    }
}

/// Checks the numbers of a strategy, wherever it is given, and fills in its defaults: weight 0 and base 0.
///
/// # Errors
/// InvalidParameterException for a number out of bounds, a provider named twice, or too many of them.
pub fn strategy(
    given: Vec<CapacityProviderStrategyItem>,
) -> Result<Vec<CapacityProviderStrategyItem>, InvalidParameterException> {
    let refuse = |message: &str| Err(InvalidParameterException::new(message));
    if given.len() > MAX_PROVIDERS {
        return refuse("The maximum number of capacity providers in a capacity provider strategy has been exceeded.");
    }
    let mut seen = BTreeSet::new();
    let mut items = Vec::with_capacity(given.len());
    for item in given {
        let (weight, base) = (item.weight.unwrap_or(0), item.base.unwrap_or(0));
        let Some(name) = item.capacity_provider.filter(|name| !name.is_empty()) else {
            return refuse("Capacity provider can not be blank.");
        };
        if !(0..=1000).contains(&weight) {
            return refuse("The specified capacity provider strategy weight must be between 0 and 1000.");
        }
        if !(0..=100_000).contains(&base) {
            return refuse("The specified capacity provider strategy base must be between 0 and 100000.");
        }
        if !seen.insert(name.clone()) {
            return refuse("The specified capacity provider strategy contains duplicate capacity providers.");
        }
        items.push(CapacityProviderStrategyItem {
            capacity_provider: Some(name),
            weight: Some(weight),
            base: Some(base),
        });
    }
    Ok(items)
}

/// The default strategy of a cluster that has `providers`. One whose weights are all 0 is accepted here, and refused
/// where it is used.
///
/// # Errors
/// InvalidParameterException as [`strategy`] and [`check_kinds`] give them, and for a provider that is not the
/// cluster's, or two bases.
pub fn check_strategy(
    state: &State,
    scope: &Scope,
    given: Vec<CapacityProviderStrategyItem>,
    providers: &[String],
) -> Result<Vec<CapacityProviderStrategyItem>, InvalidParameterException> {
    let items = strategy(given)?;
    let foreign = |item: &CapacityProviderStrategyItem| {
        !item.capacity_provider.as_ref().is_some_and(|name| providers.contains(name))
    };
    if items.iter().any(foreign) {
        return Err(InvalidParameterException::new(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with \
             the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and \
             try again.",
        ));
    }
    if items.iter().filter(|item| item.base.is_some_and(|base| base > 0)).count() > 1 {
        return Err(InvalidParameterException::new(
            "The specified capacity provider strategy contains multiple capacity providers with a base value defined. \
             Only one capacity provider per strategy can have a base value defined.",
        ));
    }
    check_kinds(state, scope, &items)?;
    Ok(items)
}
