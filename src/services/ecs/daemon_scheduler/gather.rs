//! What a plan for a cluster's daemons is made from, out of the state.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ecs::AutoRepairActionsStatus;

use crate::services::ecs::resources::capacity_provider::{CapacityProviderKey, Kind};
use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::daemon::{DaemonDeploymentKey, RevisionId, daemons_of, is_over, revisions_of};
use crate::services::ecs::resources::service::Phase;
use crate::services::ecs::resources::{
    ClusterKey, ContainerInstance, ContainerInstanceKey, Daemon, DaemonDeployment, DaemonRevision, Origin, Task,
    TaskStatus,
};
use crate::services::ecs::scheduler::deployment::{Alarms, Timing};
use crate::services::ecs::scheduler::plan_daemons::{Host, Kept, View};
use crate::store::State;
use crate::time::Timestamp;

/// The part of the state that concerns a cluster's daemons.
pub(super) struct Gathered {
    daemons: Vec<Own>,
    hosts: Vec<Managed>,
}

struct Own {
    daemon: Arc<Daemon>,
    deployment: Option<Arc<DaemonDeployment>>,
    revisions: BTreeMap<RevisionId, Arc<DaemonRevision>>,
    ended: Vec<Arc<Task>>,
}

struct Managed {
    instance: Arc<ContainerInstance>,
    repairs: bool,
    tasks: Vec<Arc<Task>>,
}

impl Gathered {
    pub(super) fn new(state: &State, cluster: &ClusterKey) -> Self {
        let mut on: BTreeMap<ContainerInstanceKey, Vec<Arc<Task>>> = BTreeMap::new();
        let daemons = daemons_of(state, cluster).map(|daemon| {
            let tasks = |phase| state.daemon_tasks.of(&daemon.key, phase).filter_map(|key| state.tasks.get(&key));
            let mut ended: Vec<Arc<Task>> = tasks(Phase::Ended).cloned().collect();
            for task in tasks(Phase::Live) {
                if let Some(instance) = &task.container_instance {
                    on.entry(instance.clone()).or_default().push(task.clone());
                }
                // Known as soon as it is to stop.
                if task.desired_status == TaskStatus::Stopped && task.daemon.as_ref().is_some_and(|it| !it.settled) {
                    ended.push(task.clone());
                }
            }
            let key = DaemonDeploymentKey { daemon: daemon.key.clone(), id: daemon.deployment.clone() };
            let newest = state.daemon_deployments.get(&key);
            Own {
                daemon: daemon.clone(),
                deployment: newest.filter(|deployment| !is_over(&deployment.status)).cloned(),
                revisions: revisions_of(state, &daemon.key).map(|it| (it.key.id.clone(), it.clone())).collect(),
                ended,
            }
        });
        let daemons: Vec<Own> = daemons.collect();
        let managed = instances_of(state, cluster).filter(|it| it.origin == Origin::Managed && it.status != "INACTIVE");
        let hosts = managed.map(|instance| Managed {
            instance: instance.clone(),
            repairs: repairs(state, instance),
            tasks: on.remove(&instance.key).unwrap_or_default(),
        });
        Self { hosts: hosts.collect(), daemons }
    }

    pub(super) fn view<'a>(&'a self, alarms: &'a dyn Alarms, timing: Timing, now: Timestamp) -> View<'a> {
        let kept = |own: &'a Own| Kept {
            daemon: &own.daemon,
            deployment: own.deployment.as_deref(),
            revisions: &own.revisions,
            ended: &own.ended,
        };
        let host = |managed: &'a Managed| Host {
            instance: &managed.instance,
            provider: managed.instance.capacity_provider.as_deref().unwrap_or_default(),
            repairs: managed.repairs,
            tasks: &managed.tasks,
        };
        View {
            daemons: self.daemons.iter().map(kept).collect(),
            hosts: self.hosts.iter().map(host).collect(),
            alarms,
            timing,
            now,
        }
    }
}

/// Whether the instance's provider replaces impaired ones, which it does unless it was told not to.
fn repairs(state: &State, instance: &ContainerInstance) -> bool {
    let name = instance.capacity_provider.as_deref().unwrap_or_default();
    let provider = state.capacity_providers.get(&CapacityProviderKey::new(&instance.key.scope, name));
    let off = provider.is_some_and(|provider| match &provider.kind {
        Kind::ManagedInstances { provider, .. } => {
            let repair = provider.auto_repair_configuration.as_ref();
            repair.and_then(|repair| repair.actions_status.as_ref()) == Some(&AutoRepairActionsStatus::Disabled)
        }
        Kind::AutoScaling(_) => false,
    });
    !off
}
