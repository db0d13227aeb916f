//! Removes the task definitions whose deletion was asked for, when nothing uses them any more.

use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use super::resources::task_definition::{can_be_deleted, delete};
use super::resources::{TaskDefinitionKey, TaskDefinitionStatus, TaskStatus};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State};

/// Looks at one revision that is DELETE_IN_PROGRESS.
pub struct TaskDefinitionDeletion {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Reconciler for TaskDefinitionDeletion {
    type Key = TaskDefinitionKey;

    fn name(&self) -> &'static str {
        "ecs-task-definition-deletion"
    }

    fn initial(&self, state: &State) -> Vec<TaskDefinitionKey> {
        let families = state.task_definition_families.values().any(|family| family.deleting > 0);
        if !families {
            return Vec::new();
        }
        state.task_definitions.keys().filter(|key| is_deleting(state, key)).cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<TaskDefinitionKey> {
        if let Change::Service(key) = change {
            // A service that moved on, or ended, may have let go of any of its definitions.
            let deleting = state.task_definition_families.values().any(|family| family.deleting > 0);
            let revisions = || state.service_revisions.values().filter(|revision| revision.key.service == *key);
            let mut keys: Vec<_> =
                if deleting { revisions().map(|it| it.spec.task_definition.clone()).collect() } else { Vec::new() };
            keys.retain(|key| is_deleting(state, key));
            return keys;
        }
        let key = match change {
            Change::TaskDefinition(key) => Some(key),
            // A task that stops lets go of its definition.
            Change::Task(key) => state
                .tasks
                .get(key)
                .filter(|task| task.last_status == TaskStatus::Stopped)
                .map(|task| &task.task_definition),
            _ => None,
        };
        key.filter(|key| is_deleting(state, key)).cloned().into_iter().collect()
    }

    async fn reconcile(&self, key: &TaskDefinitionKey) -> Result<Next, Unexpected> {
        let now = self.shared.clock.now();
        // While something uses it, what stops using it wakes this key.
        let Some(due) = can_be_deleted(&self.shared.store.snapshot(), key) else { return Ok(Next::Idle) };
        if due > now {
            return Ok(Next::At(due));
        }
        self.shared
            .store
            .transact(|tx| {
                if can_be_deleted(tx, key).is_some_and(|due| due <= now) {
                    delete(tx, key);
                }
                Ok(Next::Idle)
            })
            .await
    }
}

fn is_deleting(state: &State, key: &TaskDefinitionKey) -> bool {
    state
        .task_definitions
        .get(key)
        .is_some_and(|definition| definition.status == TaskDefinitionStatus::DeleteInProgress)
}
