//! Which tasks belong to a service, without looking at all tasks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DeploymentId, ServiceKey};
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus};

/// What ties a task to the service that started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLink {
    /// Of the service, which is in the task's cluster.
    pub name: Arc<str>,
    /// Of the deployment or task set that started it.
    pub deployment: DeploymentId,
    /// The scheduler has taken note that the task stopped, or is to stop, and why.
    pub settled: bool,
}

/// Where a service's task stands, for the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not STOPPED.
    Live,
    /// STOPPED, and the scheduler has not taken note of it.
    Ended,
    /// STOPPED long since: only of interest to who lists tasks.
    Settled,
}

/// The tasks of every service, kept in step with the table of tasks by the store.
#[derive(Clone, Debug, Default)]
pub struct ServiceTasks(imbl::OrdSet<Entry>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    service: ServiceKey,
    phase: Phase,
    task: Arc<str>,
}

impl Entry {
    fn of(task: &Task) -> Option<Self> {
        let link = task.service.as_ref()?;
        let phase = match (task.last_status, link.settled) {
            (TaskStatus::Stopped, false) => Phase::Ended,
            (TaskStatus::Stopped, true) => Phase::Settled,
            _ => Phase::Live,
        };
        Some(Self { service: task.service_key()?, phase, task: task.key.id.clone() })
    }
}

impl ServiceTasks {
    /// The keys of a service's tasks in `phase`, by id.
    pub fn of<'a>(&'a self, service: &'a ServiceKey, phase: Phase) -> impl Iterator<Item = TaskKey> + 'a {
        let first = Entry { service: service.clone(), phase, task: "".into() };
        self.0.range(first..).take_while(move |entry| entry.phase == phase && entry.service == *service).map(|entry| {
            TaskKey { scope: service.scope.clone(), cluster: service.cluster.clone(), id: entry.task.clone() }
        })
    }

    /// Follows a change of a task's record; `None` is a task that is not there.
    pub(in crate::services::ecs::resources) fn follow(&mut self, old: Option<&Task>, new: Option<&Task>) {
        // Almost every change leaves the task where it is.
        if let (Some(old), Some(new)) = (old, new)
            && old.service == new.service
            && (old.last_status == TaskStatus::Stopped) == (new.last_status == TaskStatus::Stopped)
        {
            return;
        }
        if let Some(entry) = old.and_then(Entry::of) {
            self.0.remove(&entry);
        }
        if let Some(entry) = new.and_then(Entry::of) {
            self.0.insert(entry);
        }
    }
}

impl Task {
    /// The service the task belongs to.
    #[must_use]
    pub fn service_key(&self) -> Option<ServiceKey> {
        let link = self.service.as_ref()?;
        Some(ServiceKey { scope: self.key.scope.clone(), cluster: self.key.cluster.clone(), name: link.name.clone() })
    }
}
