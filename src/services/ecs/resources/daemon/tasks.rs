//! What ties tasks to the daemon that started them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DaemonKey, DaemonRevisionKey, RevisionId};
use crate::services::ecs::resources::task::{Owner, TasksOf};
use crate::services::ecs::resources::{Task, TaskDefinition, TaskKey};
use crate::store::State;

/// What ties a task to the daemon that started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonLink {
    /// Of the daemon, which is in the task's cluster.
    pub name: Arc<str>,
    /// What it was started from.
    pub revision: RevisionId,
    /// The scheduler has taken note that the task stopped, or is to stop, and why.
    pub settled: bool,
}

/// The tasks of every daemon.
pub type DaemonTasks = TasksOf<DaemonKey>;

impl Owner for DaemonKey {
    fn of(task: &Task) -> Option<(Self, bool)> {
        Some((task.daemon_key()?, task.daemon.as_ref()?.settled))
    }

    fn same(one: &Task, other: &Task) -> bool {
        one.daemon == other.daemon
    }

    fn task(&self, id: &Arc<str>) -> TaskKey {
        TaskKey { scope: self.scope.clone(), cluster: self.cluster.clone(), id: id.clone() }
    }
}

impl Task {
    /// The daemon the task belongs to.
    #[must_use]
    pub fn daemon_key(&self) -> Option<DaemonKey> {
        let link = self.daemon.as_ref()?;
        Some(DaemonKey { scope: self.key.scope.clone(), cluster: self.key.cluster.clone(), name: link.name.clone() })
    }

    /// The revision of its daemon that the task was started from.
    #[must_use]
    pub fn daemon_revision(&self) -> Option<DaemonRevisionKey> {
        let link = self.daemon.as_ref()?;
        Some(DaemonRevisionKey { daemon: self.daemon_key()?, id: link.revision.clone() })
    }

    /// The ARN of the task definition, or daemon task definition, that the task was made from.
    #[must_use]
    pub fn definition_arn(&self) -> String {
        match self.daemon {
            Some(_) => super::task_definition::key_of_task(self).arn(),
            None => self.task_definition.arn(),
        }
    }

    /// What the task was made from; that of a daemon's task as a task definition. `None` when it was deleted.
    #[must_use]
    pub fn definition<'s>(&self, state: &'s State) -> Option<&'s Arc<TaskDefinition>> {
        match self.daemon {
            Some(_) => {
                let key = super::task_definition::key_of_task(self);
                state.daemon_task_definitions.get(&key).map(|definition| definition.as_task_definition())
            }
            None => state.task_definitions.get(&self.task_definition),
        }
    }
}
