//! From a name to a capacity provider, and who uses it.

use std::sync::Arc;

use api_models::ecs::{ClientException, CommonError, InvalidParameterException, LaunchType};

use super::{CapacityProvider, CapacityProviderKey, Kind};
use crate::identity::Scope;
use crate::services::ecs::resources::cluster::{BuiltIn, instances_of, tasks_of};
use crate::services::ecs::resources::container_instance::Origin;
use crate::services::ecs::resources::daemon::{daemons_of, providers_of};
use crate::services::ecs::resources::service::{ServiceStatus, services_of};
use crate::services::ecs::resources::{ClusterKey, ClusterStatus, ContainerInstance, TaskStatus, lookup};
use crate::store::State;

/// What kind of capacity a provider has. A strategy has providers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Fargate,
    AutoScaling,
    ManagedInstances,
}

/// The kind of the ACTIVE provider of this name; `None` when there is none.
#[must_use]
pub fn family(state: &State, scope: &Scope, name: &str) -> Option<Family> {
    if BuiltIn::named(name).is_some() {
        return Some(Family::Fargate);
    }
    active(state, scope, name).map(|provider| match provider.kind {
        Kind::AutoScaling(_) => Family::AutoScaling,
        Kind::ManagedInstances { .. } => Family::ManagedInstances,
    })
}

/// The user's own ACTIVE provider of this name.
#[must_use]
pub fn active<'a>(state: &'a State, scope: &Scope, name: &str) -> Option<&'a Arc<CapacityProvider>> {
    state.capacity_providers.get(&CapacityProviderKey::new(scope, name)).filter(|provider| provider.is_active())
}

/// The ACTIVE provider that a request names or gives the ARN of.
///
/// # Errors
/// InvalidParameterException without a name, ClientException when it is one of Fargate's, or there is none.
pub fn find<'a>(state: &'a State, scope: &Scope, named: &str) -> Result<&'a Arc<CapacityProvider>, CommonError> {
    if named.is_empty() {
        return Err(InvalidParameterException::new("Capacity provider can not be blank.").into());
    }
    let name = if named.starts_with("arn:") {
        lookup::resource_of_arn(scope, named, "capacity-provider")
    } else {
        Some(named)
    };
    if name.and_then(BuiltIn::named).is_some() {
        return Err(ClientException::new(
            "The FARGATE and FARGATE_SPOT capacity providers are reserved and cannot be updated or deleted.",
        )
        .into());
    }
    name.and_then(|name| active(state, scope, name)).ok_or_else(|| {
        ClientException::new(
            "The specified capacity provider does not exist. Specify a valid name or ARN and try again.",
        )
        .into()
    })
}

/// Checks the name of a new provider.
///
/// # Errors
/// ClientException unless it is 1 to 255 letters, digits, hyphens and underscores and begins as no name of AWS's.
pub fn check_name(name: &str) -> Result<(), CommonError> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let lower = name.to_ascii_lowercase();
    let reserved = ["aws", "ecs", "fargate"].iter().any(|prefix| lower.starts_with(prefix));
    if (1..=255).contains(&name.len()) && name.bytes().all(allowed) && !reserved {
        return Ok(());
    }
    Err(ClientException::new(
        "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters (upper \
         and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with \"aws\", \"ecs\", or \
         \"fargate\". Specify a valid name and try again.",
    )
    .into())
}

/// The ACTIVE clusters that have the provider.
pub fn clusters_of<'a>(state: &'a State, provider: &'a CapacityProviderKey) -> impl Iterator<Item = &'a ClusterKey> {
    let has = |name: &String| **name == *provider.name;
    state
        .clusters
        .values()
        .filter(|cluster| cluster.key.scope == provider.scope && cluster.status == ClusterStatus::Active)
        .filter(move |cluster| cluster.capacity_providers.iter().any(has))
        .map(|cluster| &cluster.key)
}

/// Whether a daemon of the cluster is for the provider's instances.
#[must_use]
pub fn has_daemons(state: &State, cluster: &ClusterKey, name: &str) -> bool {
    daemons_of(state, cluster).any(|daemon| providers_of(state, daemon).contains(name))
}

/// Whether a task that has not stopped, a service or a daemon of the cluster needs the provider.
#[must_use]
pub fn in_use(state: &State, cluster: &ClusterKey, name: &str) -> bool {
    let by_task = tasks_of(state, cluster)
        .any(|task| task.last_status != TaskStatus::Stopped && task.capacity_provider.as_deref() == Some(name));
    by_task
        || has_daemons(state, cluster, name)
        || services_of(state, cluster).filter(|service| service.status == ServiceStatus::Active).any(|service| {
            let revision = service.revision.as_ref().map(|id| service.revision_key(id));
            revision.and_then(|key| state.service_revisions.get(&key)).is_some_and(|revision| {
                let strategy = &revision.spec.capacity_provider_strategy;
                strategy.iter().any(|item| item.capacity_provider.as_deref() == Some(name))
            })
        })
}

/// Whether tasks that the provider has no room for wait until it has: ECS gets more instances for them.
#[must_use]
pub fn gets_more(state: &State, scope: &Scope, name: &str) -> bool {
    active(state, scope, name).is_some_and(|provider| match provider.kind {
        Kind::AutoScaling(_) => provider.has_managed_scaling(),
        Kind::ManagedInstances { .. } => true,
    })
}

/// Tasks in PROVISIONING that each cluster may have, of those that wait for an Auto Scaling group's instances.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const MAX_WAITING: usize = 500;
/// What is said of one more.
pub const TOO_MANY_WAIT: &str = "Tasks provisioning capacity limit exceeded.";

/// How many more tasks of that launch type may wait in the cluster. Managed instances have no quota for this.
#[must_use]
pub fn may_wait(state: &State, cluster: &ClusterKey, launch_type: &LaunchType) -> usize {
    match launch_type {
        LaunchType::ManagedInstances => usize::MAX,
        _ => MAX_WAITING.saturating_sub(state.cluster_tallies.of(cluster).waiting()),
    }
}

/// The ACTIVE container instances that tasks may be placed on: those of the provider that a strategy chose, else all
/// but those that ECS manages, which are for their provider's tasks alone.
#[must_use]
pub fn instances_for(state: &State, cluster: &ClusterKey, provider: Option<&str>) -> Vec<Arc<ContainerInstance>> {
    let is_for = |instance: &&Arc<ContainerInstance>| match provider {
        Some(_) => instance.capacity_provider.as_deref() == provider,
        None => instance.origin != Origin::Managed,
    };
    instances_of(state, cluster).filter(|instance| instance.status == "ACTIVE").filter(is_for).cloned().collect()
}

/// The user's own providers of an account and region.
pub fn all_of<'a>(state: &'a State, scope: &'a Scope) -> impl Iterator<Item = &'a Arc<CapacityProvider>> {
    let first = CapacityProviderKey::new(scope, "");
    state.capacity_providers.range(first..).map(|(_, provider)| provider).take_while(move |it| it.key.scope == *scope)
}
