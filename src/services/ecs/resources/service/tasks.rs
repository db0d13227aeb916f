//! What ties tasks to the service that started them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DeploymentId, ServiceKey};
use crate::services::ecs::resources::task::{Owner, TasksOf};
use crate::services::ecs::resources::{Task, TaskKey};

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

/// The tasks of every service.
pub type ServiceTasks = TasksOf<ServiceKey>;

impl Owner for ServiceKey {
    fn of(task: &Task) -> Option<(Self, bool)> {
        Some((task.service_key()?, task.service.as_ref()?.settled))
    }

    fn same(one: &Task, other: &Task) -> bool {
        one.service == other.service
    }

    fn task(&self, id: &Arc<str>) -> TaskKey {
        TaskKey { scope: self.scope.clone(), cluster: self.cluster.clone(), id: id.clone() }
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
