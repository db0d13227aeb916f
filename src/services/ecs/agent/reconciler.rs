//! Runs one task's steps until there is nothing to do but wait.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api_models::ecs::TaskStopCode;
use api_models::{Unexpected, ecs};
use async_trait::async_trait;
use parking_lot::Mutex;

use super::advance::advance;
use super::executor::{Executor, Subject};
use super::next_step::{Effect, next_step};
use super::observations::{Entry, Observations};
use super::warnings;
use crate::reconcile::{Next, Reconciler};
use crate::runtime::RuntimeError;
use crate::services::Shared;
use crate::services::ecs::resources::container_instance::ending;
use crate::services::ecs::resources::reservation;
use crate::services::ecs::resources::{
    ContainerInstance, ContainerInstanceKey, Task, TaskDefinition, TaskDefinitionKey, TaskKey, TaskStatus,
};
use crate::store::{Change, State};

/// How long to leave an engine alone that does not answer. Its return wakes the tasks earlier.
const ENGINE_AWAY: Duration = Duration::from_secs(2);

pub(super) struct Agent {
    pub(super) shared: Arc<Shared>,
    pub(super) executor: Executor,
    pub(super) observations: Observations,
    /// Whether the engine's containers were listed: before that, what runs already would be taken for missing.
    ready: AtomicBool,
    /// The task definitions whose warnings were logged.
    warned: Mutex<HashSet<TaskDefinitionKey>>,
    /// The instances whose agent is not connected: their tasks are looked at again when it is.
    disconnected: Mutex<BTreeSet<ContainerInstanceKey>>,
}

/// Whether the agent of the task's instance is not connected, so that nothing can be done for it, nor known of it. Where its
/// EC2 instance ended, nothing of the task is left either.
fn is_out_of_reach(state: &State, task: &Task) -> bool {
    let instance = task.container_instance.as_ref().and_then(|key| state.container_instances.get(key));
    instance.is_some_and(|instance| is_disconnected(instance))
        && task.stop_code != Some(TaskStopCode::TerminationNotice)
}

fn is_disconnected(instance: &ContainerInstance) -> bool {
    !instance.agent_connected && instance.status != "INACTIVE"
}

impl Agent {
    pub(super) fn new(shared: Arc<Shared>, executor: Executor) -> Self {
        Self {
            shared,
            executor,
            observations: Observations::default(),
            ready: AtomicBool::new(false),
            warned: Mutex::default(),
            disconnected: Mutex::default(),
        }
    }

    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Performs steps until one says to wait.
    async fn run(&self, key: &TaskKey) -> Result<Next, Failed> {
        // Before the snapshot, so that a StopTask after it finds whom to tell.
        let entry = match self.observations.get(key) {
            Some(entry) => entry,
            None => match self.shared.store.snapshot().tasks.get(key) {
                Some(task) if task.last_status != TaskStatus::Stopped => self.observations.entry(key),
                _ => return Ok(Next::Idle),
            },
        };
        loop {
            let state = self.shared.store.snapshot();
            let Some(task) = state.tasks.get(key) else {
                self.executor.remove_all(key, &entry).await?;
                return Ok(self.finished(key));
            };
            if is_out_of_reach(&state, task) {
                return Ok(Next::Idle);
            }
            let record = task.definition(&state);
            // Deleted although it is in use: the containers that exist can still be stopped and shown.
            let nothing = ecs::TaskDefinition::default();
            let definition = record.map_or(&nothing, |record| &record.definition);
            let observed = entry.read();
            let step = next_step(task, definition, &observed, self.shared.clock.now());
            tracing::trace!(?step, "next step");
            if let (Effect::Prepare { .. }, Some(record)) = (&step.effect, record) {
                self.warn_once(record);
            }
            if let Effect::Prepare { .. } = &step.effect {
                entry.look_up_secrets(&state, task, definition, self.shared.config.strict_iam);
            }
            let subject = Subject { task, definition, entry: &entry };
            match (step.record, &step.effect) {
                (false, Effect::Wait { until }) if task.last_status != TaskStatus::Stopped => {
                    return Ok(until.map_or(Next::Idle, Next::At));
                }
                (false, Effect::Wait { .. }) => return Ok(self.finished(key)),
                (false, effect) => self.executor.perform(subject, effect).await?,
                // Only what is known to be STOPPED may lose its containers.
                (true, Effect::RemoveContainers | Effect::Wait { .. }) => self.record(task, &entry).await?,
                (true, effect) => {
                    let (recorded, performed) =
                        futures_util::future::join(self.record(task, &entry), self.executor.perform(subject, effect))
                            .await;
                    recorded?;
                    performed?;
                }
            }
        }
    }

    /// Writes what [`advance`] makes of the newest record.
    async fn record(&self, task: &Task, entry: &Entry) -> Result<(), Unexpected> {
        let key = &task.key;
        let observed = entry.read();
        self.executor.logs.settle(&observed).await;
        let now = self.shared.clock.now();
        self.shared
            .store
            .transact(|tx| {
                let Some(newest) = tx.tasks.get(key) else { return Ok(()) };
                let mut task = Task::clone(newest);
                let nothing = ecs::TaskDefinition::default();
                let definition = task.definition(tx).map(|record| record.definition.clone());
                if !advance(&mut task, definition.as_deref().unwrap_or(&nothing), &observed, now) {
                    return Ok(());
                }
                tracing::debug!(status = task.last_status.as_str(), version = task.version, "task");
                if task.last_status == TaskStatus::Stopped {
                    reservation::release(tx, &mut task);
                }
                tx.put(task);
                Ok(())
            })
            .await
    }

    /// The tasks of an instance whose agent is connected again; called for every change of an instance.
    fn back_in_reach(&self, key: &ContainerInstanceKey, state: &State) -> Vec<TaskKey> {
        let mut disconnected = self.disconnected.lock();
        if state.container_instances.get(key).is_some_and(|instance| is_disconnected(instance)) {
            disconnected.insert(key.clone());
            return Vec::new();
        }
        if !disconnected.remove(key) {
            return Vec::new();
        }
        ending::live_tasks(state, key)
    }

    /// The engine holds nothing for the task any more.
    fn finished(&self, key: &TaskKey) -> Next {
        self.executor.release(key);
        self.observations.remove(key);
        Next::Idle
    }

    fn warn_once(&self, record: &TaskDefinition) {
        let unapplied = warnings::not_applied(&record.definition);
        if unapplied.is_empty() || !self.warned.lock().insert(record.key.clone()) {
            return;
        }
        tracing::warn!(
            task_definition = format!("{}:{}", record.key.family, record.key.revision),
            fields = unapplied.join(", "),
            "the task definition has fields that are kept but not applied"
        );
    }
}

/// Why the steps broke off.
enum Failed {
    /// The engine does not answer.
    Engine(RuntimeError),
    Unexpected(Unexpected),
}

impl From<RuntimeError> for Failed {
    fn from(error: RuntimeError) -> Self {
        match error {
            error @ RuntimeError::Unavailable(_) => Self::Engine(error),
            error => Self::Unexpected(Unexpected::new(error)),
        }
    }
}

impl From<Unexpected> for Failed {
    fn from(error: Unexpected) -> Self {
        Self::Unexpected(error)
    }
}

#[async_trait]
impl Reconciler for Agent {
    type Key = TaskKey;

    fn name(&self) -> &'static str {
        "ecs-agent"
    }

    fn initial(&self, state: &State) -> Vec<TaskKey> {
        let disconnected = state.container_instances.values().filter(|instance| is_disconnected(instance));
        self.disconnected.lock().extend(disconnected.map(|instance| instance.key.clone()));
        let unfinished = state.tasks.values().filter(|task| task.last_status != TaskStatus::Stopped);
        unfinished.map(|task| task.key.clone()).collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<TaskKey> {
        let key = match change {
            Change::Task(key) => key,
            Change::ContainerInstance(key) => return self.back_in_reach(key, state),
            _ => return Vec::new(),
        };
        let entry = self.observations.get(key);
        match state.tasks.get(key) {
            Some(task) if task.last_status == TaskStatus::Stopped && entry.is_none() => return Vec::new(),
            Some(task) if task.desired_status != TaskStatus::Stopped => {}
            // It is to stop, or it is gone.
            _ => {
                if let Some(entry) = entry {
                    entry.stop.notify_one();
                }
            }
        }
        vec![key.clone()]
    }

    async fn reconcile(&self, key: &TaskKey) -> Result<Next, Unexpected> {
        if !self.is_ready() {
            return Ok(Next::Idle);
        }
        match self.run(key).await {
            Ok(next) => Ok(next),
            Err(Failed::Engine(error)) => {
                tracing::debug!(%error, "waiting for the engine");
                Ok(Next::At(self.shared.clock.now().saturating_add(ENGINE_AWAY)))
            }
            Err(Failed::Unexpected(error)) => Err(error),
        }
    }
}
