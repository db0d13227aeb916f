//! Forgets stopped tasks after a while: about an hour on AWS.

use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus};
use crate::store::{Change, State};
use crate::time::Timestamp;

pub(super) struct Retention {
    pub(super) shared: Arc<Shared>,
}

impl Retention {
    /// When the task is to be forgotten; `None` while it is not STOPPED.
    fn due(&self, task: &Task) -> Option<Timestamp> {
        let stopped_at = task.stopped_at.filter(|_| task.last_status == TaskStatus::Stopped)?;
        Some(stopped_at.saturating_add(self.shared.config.stopped_task_retention))
    }
}

#[async_trait]
impl Reconciler for Retention {
    type Key = TaskKey;

    fn name(&self) -> &'static str {
        "ecs-task-retention"
    }

    fn initial(&self, state: &State) -> Vec<TaskKey> {
        let stopped = state.tasks.values().filter(|task| task.last_status == TaskStatus::Stopped);
        stopped.map(|task| task.key.clone()).collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<TaskKey> {
        let Change::Task(key) = change else { return Vec::new() };
        let stopped = state.tasks.get(key).is_some_and(|task| task.last_status == TaskStatus::Stopped);
        if stopped { vec![key.clone()] } else { Vec::new() }
    }

    async fn reconcile(&self, key: &TaskKey) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some(due) = state.tasks.get(key).and_then(|task| self.due(task)) else { return Ok(Next::Idle) };
        let now = self.shared.clock.now();
        if due > now {
            return Ok(Next::At(due));
        }
        self.shared
            .store
            .transact(|tx| {
                tx.delete::<Task>(key);
                Ok(Next::Idle)
            })
            .await
    }
}
