//! Containers' output: which log driver keeps it, and how what they print gets into CloudWatch Logs.
//!
//! - `plan` (pure): what a container's log configuration asks for; [`awslogs`] its options, `datetime` a format;
//! - `pipeline` (pure): from records to events, with `lines`, `multiline` and `resume`;
//! - `firelens` (pure): who routes whose logs;
//! - `capture`: the task that reads one container's log and writes its events;
//! - `view`: what a task printed, for people;
//! - this file: all of them, and what the executor asks of them.
//!
//! Containers with the driver `awslogs` are made with a driver of the engine that keeps their output in files, and
//! what they print is read from there. So nothing is lost while LocalECS is not running: how far each log was read is
//! stored with the events that came of it, and the next start goes on there.

pub(super) mod awslogs;
mod bytes;
mod capture;
mod datetime;
pub(super) mod firelens;
mod lines;
mod multiline;
mod pipeline;
pub(super) mod plan;
mod resume;
pub(super) mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api_models::ecs;
use parking_lot::Mutex;

use self::awslogs::Awslogs;
use self::capture::Capture;
use self::plan::Plan;
use super::advance::container_definition;
use super::observed::{ObservedTask, SeenState};
use super::reasons;
use crate::identity::{Region, Scope};
use crate::logstore::{GroupSettings, LogStoreError, StreamKey};
use crate::runtime::{ContainerId, ContainerRuntime};
use crate::services::Shared;
use crate::services::ecs::resources::Task;

/// How long a task's end waits for its logs: they are there when it is STOPPED, unless there are very many of them.
const SETTLE: Duration = Duration::from_secs(2);
/// A container is removed without the rest of its log when nothing of it could be read for so long.
const STUCK: Duration = Duration::from_secs(15);

/// The logs that are read.
pub(super) struct Logs {
    shared: Arc<Shared>,
    runtime: Arc<dyn ContainerRuntime>,
    captures: Mutex<HashMap<ContainerId, Capture>>,
}

impl Logs {
    pub(super) fn new(shared: Arc<Shared>, runtime: Arc<dyn ContainerRuntime>) -> Self {
        Self { shared, runtime, captures: Mutex::default() }
    }

    /// Gets everything ready for a container that exists and is about to start: its log stream, and its group if that
    /// is asked for.
    ///
    /// # Errors
    /// Why it can't start, in the words of the ECS agent.
    pub(super) async fn prepare(
        &self,
        task: &Task,
        definition: &ecs::TaskDefinition,
        name: &str,
        id: &ContainerId,
    ) -> Result<(), String> {
        let Some(awslogs) = captured(task, definition, name) else { return Ok(()) };
        let key = stream_key(task, &awslogs, id);
        match self.make_stream(&key, awslogs.create_group).await {
            Ok(()) | Err(LogStoreError::StreamExists) => Ok(()),
            Err(error) => Err(reasons::log_stream_failed(task, &error)),
        }
    }

    async fn make_stream(&self, key: &StreamKey, create_group: bool) -> Result<(), LogStoreError> {
        let store = &self.shared.logs;
        match store.create_stream(key).await {
            Err(LogStoreError::NoSuchGroup) if create_group => {
                match store.create_group(&key.group_key(), GroupSettings::new(self.shared.clock.now())).await {
                    // Another container was first.
                    Ok(()) | Err(LogStoreError::GroupExists) => store.create_stream(key).await,
                    Err(error) => Err(error),
                }
            }
            answer => answer,
        }
    }

    /// Reads what the container prints from now on; from where it was left if it was read before.
    pub(super) fn follow(&self, task: &Task, definition: &ecs::TaskDefinition, name: &str, id: &ContainerId) {
        let mut captures = self.captures.lock();
        if let Some(capture) = captures.get(id) {
            capture.again();
            return;
        }
        let Some(awslogs) = captured(task, definition, name) else { return };
        let key = stream_key(task, &awslogs, id);
        let capture =
            Capture::start(self.shared.logs.clone(), self.runtime.clone(), id.clone(), key, awslogs.multiline);
        captures.insert(id.clone(), capture);
    }

    /// The engine says that the container runs: whoever started it, it is read.
    pub(super) fn runs(&self, id: &ContainerId) {
        if let Some(capture) = self.captures.lock().get(id) {
            capture.runs();
        }
    }

    /// Waits a moment for the events of containers that have ended, so that who sees that a task has stopped finds
    /// its logs.
    pub(super) async fn settle(&self, observed: &ObservedTask) {
        let ended = observed.containers.values().filter(|seen| matches!(seen.state, SeenState::Exited(_)));
        let waits: Vec<_> = {
            let captures = self.captures.lock();
            ended.filter_map(|seen| captures.get(seen.id.as_ref()?)).map(Capture::ended).collect()
        };
        if waits.is_empty() {
            return;
        }
        tokio::select! {
            _ = futures_util::future::join_all(waits) => {}
            () = crate::time::real_sleep(SETTLE) => {}
        }
    }

    /// Before a container is removed: waits until everything it printed is stored, for as long as there is progress.
    pub(super) async fn drain(&self, id: &ContainerId) {
        let Some(drained) = self.captures.lock().get(id).map(|capture| capture.drained(STUCK)) else { return };
        if !drained.await {
            tracing::warn!(container = %id, "the rest of its log can't be read, and is lost with the container");
        }
    }

    /// The container is gone.
    pub(super) async fn forget(&self, id: &ContainerId) {
        if self.captures.lock().remove(id).is_none() {
            return;
        }
        if let Err(error) = self.shared.logs.forget_cursors(id.as_str()).await {
            tracing::debug!(container = %id, %error, "how far its log was read is still noted");
        }
    }

    /// All containers are to vanish with their logs (a reset).
    pub(super) fn abandon_all(&self) {
        self.captures.lock().clear();
    }
}

/// Where the container's output goes, if LocalECS takes it there. Options that make no sense have failed the container.
fn captured(task: &Task, definition: &ecs::TaskDefinition, name: &str) -> Option<Awslogs> {
    match plan::plan(task, container_definition(definition, name)?) {
        Ok(Plan::CloudWatch(awslogs)) => Some(awslogs),
        _ => None,
    }
}

fn stream_key(task: &Task, awslogs: &Awslogs, id: &ContainerId) -> StreamKey {
    let scope = Scope::new(task.key.scope.account, Region::new(&awslogs.region));
    StreamKey::new(&scope, &awslogs.group, awslogs.stream.as_deref().unwrap_or(id.as_str()))
}
