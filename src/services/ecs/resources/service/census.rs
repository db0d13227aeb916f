//! A service's tasks, counted.

use serde::{Deserialize, Serialize};

use super::{DeploymentId, Phase, ServiceKey};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::store::State;

/// Tasks that should run, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub desired: i32,
    pub running: i32,
    pub pending: i32,
}

impl Counts {
    fn add(&mut self, task: &Task) {
        if task.desired_status != TaskStatus::Running {
            return;
        }
        match task.last_status {
            TaskStatus::Running => self.running += 1,
            TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating => self.pending += 1,
            _ => return,
        }
        self.desired += 1;
    }

    /// The tasks of each of a service's deployments (or task sets) that has any.
    #[must_use]
    pub fn of_service(state: &State, service: &ServiceKey) -> Vec<(DeploymentId, Self)> {
        let mut all: Vec<(DeploymentId, Self)> = Vec::new();
        for key in state.service_tasks.of(service, Phase::Live) {
            let Some(task) = state.tasks.get(&key) else { continue };
            let Some(link) = &task.service else { continue };
            match all.iter_mut().find(|(id, _)| *id == link.deployment) {
                Some((_, counts)) => counts.add(task),
                None => {
                    let mut counts = Self::default();
                    counts.add(task);
                    all.push((link.deployment.clone(), counts));
                }
            }
        }
        all
    }

    /// The tasks of one deployment.
    #[must_use]
    pub fn of_deployment(state: &State, service: &ServiceKey, id: &DeploymentId) -> Self {
        let all = Self::of_service(state, service);
        all.into_iter().find(|(deployment, _)| deployment == id).map_or_else(Self::default, |(_, counts)| counts)
    }
}
