//! What the tasks of a request run on: a launch type, or the capacity providers of a strategy.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/capacity-launch-type-comparison.html>

use api_models::ecs::{
    CapacityProviderStrategyItem, CommonError, Compatibility, InvalidParameterException, LaunchType,
    UnsupportedFeatureException,
};

use super::Cluster;
use super::capacity_provider::{self, Family};
use super::cluster::{check_kinds, strategy};
use crate::services::ecs::scheduler::capacity::{Share, distribute, grow};
use crate::store::State;

/// What was asked for, or follows from the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Capacity {
    /// Container instances of the cluster, EC2 or EXTERNAL.
    Instances(LaunchType),
    /// Fargate, asked for as a launch type.
    Fargate,
    /// FARGATE and FARGATE_SPOT as a strategy has them, weights and bases filled in.
    Strategy(Vec<CapacityProviderStrategyItem>),
    /// The same with providers that have container instances: EC2 for Auto Scaling groups, or MANAGED_INSTANCES.
    Providers { launch_type: LaunchType, items: Vec<CapacityProviderStrategyItem> },
}

impl Capacity {
    /// The launch type or the strategy of a request; when it has neither, the cluster's default strategy, and EC2
    /// when there is none.
    ///
    /// # Errors
    /// In ECS's words: both are given, the strategy can't be used with this cluster, or the launch type is none.
    pub fn resolve(
        state: &State,
        cluster: &Cluster,
        launch_type: Option<&LaunchType>,
        given: Option<&[CapacityProviderStrategyItem]>,
    ) -> Result<Self, CommonError> {
        let given = given.filter(|items| !items.is_empty());
        match (launch_type, given) {
            (Some(_), Some(_)) => invalid(
                "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try \
                 again.",
            ),
            (Some(LaunchType::Fargate), None) => Ok(Self::Fargate),
            (Some(kind @ (LaunchType::Ec2 | LaunchType::External)), None) => Ok(Self::Instances(kind.clone())),
            (Some(LaunchType::ManagedInstances), None) => Err(UnsupportedFeatureException::new(
                "The MANAGED_INSTANCES launch type is not supported. Specify another launch type and try again.",
            )
            .into()),
            (Some(LaunchType::Unrecognized(_)), None) => {
                invalid("launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]")
            }
            (None, Some(items)) => {
                let items = usable(state, cluster, items)?;
                Self::of_strategy(state, cluster, items)
            }
            (None, None) if cluster.default_capacity_provider_strategy.is_empty() => {
                Ok(Self::Instances(LaunchType::Ec2))
            }
            (None, None) => {
                let items = &cluster.default_capacity_provider_strategy;
                if !has_weight(items) {
                    return invalid(
                        "There are no capacity providers with a weight value greater than zero defined in the default \
                         capacity provider strategy. At least one capacity provider must have a weight value greater \
                         than zero specified. Update the cluster's default capacity provider strategy or specify a \
                         valid capacity provider strategy and try again.",
                    );
                }
                Self::of_strategy(state, cluster, items.clone())
            }
        }
    }

    fn of_strategy(
        state: &State,
        cluster: &Cluster,
        items: Vec<CapacityProviderStrategyItem>,
    ) -> Result<Self, CommonError> {
        Ok(match check_kinds(state, &cluster.key.scope, &items)? {
            None | Some(Family::Fargate) => Self::Strategy(items),
            Some(Family::AutoScaling) => Self::Providers { launch_type: LaunchType::Ec2, items },
            Some(Family::ManagedInstances) => Self::Providers { launch_type: LaunchType::ManagedInstances, items },
        })
    }

    /// What task definitions call it.
    #[must_use]
    pub fn compatibility(&self) -> Compatibility {
        match self {
            Self::Instances(LaunchType::External) => Compatibility::External,
            Self::Providers { launch_type: LaunchType::ManagedInstances, .. } => Compatibility::ManagedInstances,
            Self::Instances(_) | Self::Providers { .. } => Compatibility::Ec2,
            Self::Fargate | Self::Strategy(_) => Compatibility::Fargate,
        }
    }

    /// The strategy's providers and their shares; none for a launch type.
    #[must_use]
    pub fn shares(&self) -> Vec<(String, Share)> {
        let (Self::Strategy(items) | Self::Providers { items, .. }) = self else { return Vec::new() };
        let number = |value: Option<i32>| value.and_then(|value| usize::try_from(value).ok()).unwrap_or(0);
        let share =
            |item: &CapacityProviderStrategyItem| Share { base: number(item.base), weight: number(item.weight) };
        items.iter().map(|item| (item.capacity_provider.clone().unwrap_or_default(), share(item))).collect()
    }

    /// How many of the `count` tasks of a call each provider gets.
    #[must_use]
    pub fn distribute(&self, count: usize) -> Vec<(String, usize)> {
        let (names, shares): (Vec<String>, Vec<Share>) = self.shares().into_iter().unzip();
        names.into_iter().zip(distribute(&shares, count)).collect()
    }

    /// How many of `count` more tasks each provider gets; `present` says how many of the service's it has.
    #[must_use]
    pub fn grow(&self, present: impl Fn(&str) -> usize, count: usize) -> Vec<(String, usize)> {
        let (names, shares): (Vec<String>, Vec<Share>) = self.shares().into_iter().unzip();
        let present: Vec<usize> = names.iter().map(|name| present(name)).collect();
        names.into_iter().zip(grow(&shares, &present, count)).collect()
    }
}

/// The provider of each task on Fargate; `None` where a launch type was asked for.
#[must_use]
pub fn each(shared_out: Vec<(String, usize)>) -> Vec<Option<String>> {
    shared_out.into_iter().flat_map(|(name, many)| std::iter::repeat_n(Some(name), many)).collect()
}

fn invalid<T>(message: &str) -> Result<T, CommonError> {
    Err(InvalidParameterException::new(message).into())
}

fn has_weight(items: &[CapacityProviderStrategyItem]) -> bool {
    items.iter().any(|item| item.weight.is_some_and(|weight| weight > 0))
}

/// A request's strategy, if the cluster's tasks can run by it.
fn usable(
    state: &State,
    cluster: &Cluster,
    given: &[CapacityProviderStrategyItem],
) -> Result<Vec<CapacityProviderStrategyItem>, CommonError> {
    let items = strategy(given.to_vec())?;
    for item in &items {
        let name = item.capacity_provider.as_deref().unwrap_or_default();
        if capacity_provider::family(state, &cluster.key.scope, name).is_none() {
            return invalid(
                "The specified capacity provider was not found. Specify a valid capacity provider and try again.",
            );
        }
        if !cluster.capacity_providers.iter().any(|own| own == name) {
            return invalid(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated \
                 with the cluster. Associate the capacity provider with the cluster or specify a valid capacity \
                 provider and try again.",
            );
        }
    }
    if items.iter().filter(|item| item.base.is_some_and(|base| base > 0)).count() > 1 {
        return invalid(
            "There are multiple capacity providers in the specified capacity provider strategy with a base value \
             greater than zero. Only one capacity provider can have a base value greater than zero. Specify a valid \
             capacity provider strategy and try again.",
        );
    }
    if !has_weight(&items) {
        return invalid(
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero. \
             Specify a weight value greater than zero for at least one capacity provider and try again.",
        );
    }
    Ok(items)
}
