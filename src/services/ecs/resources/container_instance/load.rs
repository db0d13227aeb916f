//! How much is going on on each instance of a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Resources;
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::{ClusterKey, ContainerInstanceKey, TaskStatus};
use crate::store::State;

/// Running and pending tasks of every instance of one cluster, by the instance's id.
#[derive(Debug, Default)]
pub struct Loads(BTreeMap<Arc<str>, (i32, i32)>);

impl Loads {
    #[must_use]
    pub fn of_cluster(state: &State, cluster: &ClusterKey) -> Self {
        let mut loads = BTreeMap::<_, (i32, i32)>::new();
        for task in tasks_of(state, cluster) {
            let Some(instance) = &task.container_instance else { continue };
            let load = loads.entry(instance.id.clone()).or_default();
            match task.last_status {
                TaskStatus::Running => load.0 += 1,
                TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating => load.1 += 1,
                _ => {}
            }
        }
        Self(loads)
    }

    /// (running, pending) tasks on the instance.
    #[must_use]
    pub fn of(&self, instance: &ContainerInstanceKey) -> (i32, i32) {
        self.0.get(&instance.id).copied().unwrap_or_default()
    }
}

/// What `registered` leaves once all that tasks hold of the instance is taken off.
#[must_use]
pub(super) fn remaining(state: &State, instance: &ContainerInstanceKey, registered: &Resources) -> Resources {
    let mut left = registered.clone();
    let cluster = instance.cluster();
    for task in tasks_of(state, &cluster).filter(|task| task.container_instance.as_ref() == Some(instance)) {
        let Some(held) = &task.reserved else { continue };
        left.cpu -= held.cpu;
        left.memory -= held.memory;
        left.tcp_ports.extend(&held.tcp_ports);
        left.udp_ports.extend(&held.udp_ports);
        left.gpus.retain(|gpu| !held.gpus.contains(gpu));
    }
    left
}
