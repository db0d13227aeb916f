//! Instances of Managed Instances capacity providers: launched for tasks that wait, retired when they have none.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ecs::{ManagedInstancesProvider, PropagateMITags};

use super::place;
use crate::services::Shared;
use crate::services::ecs::network;
use crate::services::ecs::resources::cluster::{instances_of, tasks_of};
use crate::services::ecs::resources::container_instance::launch::{NewInstance, launch};
use crate::services::ecs::resources::container_instance::{Origin, ending};
use crate::services::ecs::resources::reservation::Needs;
use crate::services::ecs::resources::{
    CapacityProvider, ClusterKey, ContainerInstance, DaemonRevision, TaskStatus, daemon,
};
use crate::services::ecs::scheduler::managed_instances::{self, Group, Plan, Standing, View};
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// Carries out the plan for the provider; returns when to look again.
pub(super) fn manage(
    tx: &mut Transaction,
    shared: &Shared,
    provider: &CapacityProvider,
    cluster: &str,
    settings: &ManagedInstancesProvider,
    now: Timestamp,
) -> Option<Timestamp> {
    let cluster = ClusterKey::new(&provider.key.scope, cluster);
    let plan = plan(tx, provider, &cluster, settings, now);
    if plan.hopeless > 0 {
        tracing::info!(
            provider = %provider.key.name, tasks = plan.hopeless,
            "tasks wait for a managed instance that the capacity provider's requirements do not allow"
        );
    }
    for key in &plan.retire {
        ending::terminate(tx, key, now);
    }
    let tags = match settings.propagate_tags {
        Some(PropagateMITags::CapacityProvider) => provider.tags.clone(),
        _ => Vec::new(),
    };
    let awaits_daemons = daemons_of(tx, &cluster, &provider.key.name).next().is_some();
    for wanted in &plan.launch {
        let mut new = NewInstance::new(cluster.clone(), wanted.instance_type, &wanted.zone, Origin::Managed);
        new.subnet_id = Some(wanted.subnet.clone());
        new.capacity_provider = Some(provider.key.name.to_string());
        new.tags.clone_from(&tags);
        new.awaits_daemons = awaits_daemons;
        if let Err(error) = launch(tx, shared, new) {
            tracing::warn!(provider = %provider.key.name, %error, "a managed instance could not be launched");
        }
    }
    if !plan.launch.is_empty() {
        place::place_waiting(tx, shared, &provider.key);
    }
    plan.wake
}

fn plan(
    state: &State,
    provider: &CapacityProvider,
    cluster: &ClusterKey,
    settings: &ManagedInstancesProvider,
    now: Timestamp,
) -> Plan {
    let own: Vec<Arc<ContainerInstance>> = instances_of(state, cluster)
        .filter(|instance| instance.capacity_provider.as_deref() == Some(&*provider.key.name))
        .filter(|instance| instance.status != "INACTIVE")
        .cloned()
        .collect();
    // How many tasks each has, and when the last one stopped. Daemons' are everywhere.
    let mut doing: BTreeMap<&str, (usize, Option<Timestamp>)> = BTreeMap::new();
    if !own.is_empty() {
        for task in tasks_of(state, cluster) {
            let Some(instance) = task.container_instance.as_ref().filter(|_| task.daemon.is_none()) else { continue };
            let entry = doing.entry(&instance.id).or_default();
            match task.last_status {
                TaskStatus::Stopped => entry.1 = entry.1.max(task.stopped_at),
                _ => entry.0 += 1,
            }
        }
    }
    let standing = |instance| -> Standing<'_> {
        let instance: &ContainerInstance = instance;
        let (tasks, stopped) = doing.get(&*instance.key.id).copied().unwrap_or_default();
        Standing { instance, tasks, idle_since: stopped.unwrap_or(instance.registered_at).max(instance.registered_at) }
    };
    let batches = place::waiting(state, &provider.key);
    let template = settings.instance_launch_template.as_deref();
    let network = template.and_then(|template| template.network_configuration.as_deref());
    let subnets = network.and_then(|network| network.subnets.as_deref()).unwrap_or_default();
    let region = &cluster.scope.region;
    let daemons = daemons_of(state, cluster, &provider.key.name)
        .map(|revision| daemon::needs(state, revision))
        .fold(Needs::default(), |sum, one| Needs { cpu: sum.cpu + one.cpu, memory: sum.memory + one.memory, ..sum });
    managed_instances::plan(&View {
        provider: settings,
        daemons,
        deleted: !provider.is_active(),
        instances: own.iter().map(|instance| standing(instance)).collect(),
        waiting: batches
            .iter()
            .map(|batch| Group { requirements: batch.requirements(), count: batch.tasks.len() })
            .collect(),
        subnets: subnets.iter().map(|id| (id.clone(), network::zone_of_subnet(region, id))).collect(),
        now,
    })
}

/// What new instances of the provider run of the cluster's daemons.
fn daemons_of<'s>(
    state: &'s State,
    cluster: &ClusterKey,
    provider: &'s str,
) -> impl Iterator<Item = &'s Arc<DaemonRevision>> + use<'s> {
    daemon::active(state, cluster)
        .filter_map(|daemon| state.daemon_revisions.get(&daemon.revision_key(daemon.revision.as_ref()?)))
        .filter(move |revision| revision.covers(provider))
}
