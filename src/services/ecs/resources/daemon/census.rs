//! How many instances run a revision of a daemon.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DaemonKey, RevisionId};
use crate::services::ecs::resources::service::Phase;
use crate::services::ecs::resources::{ContainerInstance, Task, TaskStatus};
use crate::store::State;

/// The instances of one capacity provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instances {
    /// With a task of the revision that is RUNNING, but for those that are drained.
    pub running: i32,
    /// ACTIVE without one, which only daemons that are not critical may be.
    pub without: i32,
    /// DRAINING with a task of the revision.
    pub draining: i32,
}

/// The instances with a revision, by capacity provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts(pub BTreeMap<Arc<str>, Instances>);

impl Counts {
    /// Those of a daemon's revisions that have tasks, and of the one it should run.
    #[must_use]
    pub fn of_daemon(state: &State, key: &DaemonKey) -> BTreeMap<RevisionId, Self> {
        let mut all: BTreeMap<RevisionId, Self> = BTreeMap::new();
        let tasks: Vec<&Arc<Task>> =
            state.daemon_tasks.of(key, Phase::Live).filter_map(|key| state.tasks.get(&key)).collect();
        for task in &tasks {
            let (Some(link), Some(instance)) = (&task.daemon, instance_of(state, task)) else { continue };
            let Some(provider) = instance.capacity_provider.as_deref() else { continue };
            // Its tasks are on their way out.
            if instance.status == "INACTIVE" {
                continue;
            }
            let counts = all.entry(link.revision.clone()).or_default();
            let counts = counts.0.entry(provider.into()).or_default();
            if instance.status == "DRAINING" {
                counts.draining += 1;
            } else if task.last_status == TaskStatus::Running && task.desired_status == TaskStatus::Running {
                counts.running += 1;
            }
        }
        let daemon = state.daemons.get(key);
        let wanted =
            daemon.and_then(|daemon| state.daemon_revisions.get(&daemon.revision_key(daemon.revision.as_ref()?)));
        if let Some(revision) = wanted {
            let counts = all.entry(revision.key.id.clone()).or_default();
            for provider in &revision.capacity_providers {
                counts.0.entry(provider.clone()).or_default();
            }
            // An instance that has an older revision still is not without the daemon.
            let has = |instance: &ContainerInstance| {
                let runs = |task: &&&Arc<Task>| {
                    task.last_status == TaskStatus::Running && task.container_instance.as_ref() == Some(&instance.key)
                };
                tasks.iter().any(|task| runs(&task))
            };
            for instance in super::super::cluster::instances_of(state, &key.cluster()) {
                let Some(provider) = instance.capacity_provider.as_deref() else { continue };
                if !revision.critical && instance.status == "ACTIVE" && revision.covers(provider) && !has(instance) {
                    counts.0.entry(provider.into()).or_default().without += 1;
                }
            }
        }
        all
    }

    /// The sum over all capacity providers.
    #[must_use]
    pub fn total(&self) -> Instances {
        self.0.values().fold(Instances::default(), |sum, one| Instances {
            running: sum.running + one.running,
            without: sum.without + one.without,
            draining: sum.draining + one.draining,
        })
    }
}

fn instance_of<'s>(state: &'s State, task: &Task) -> Option<&'s Arc<ContainerInstance>> {
    state.container_instances.get(task.container_instance.as_ref()?)
}
