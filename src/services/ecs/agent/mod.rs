//! The ECS agent: what makes a task's containers run, stop and be reported.
//!
//! - [`next_step`] (pure) says the next thing to do for a task, [`advance`] (pure) what its record becomes;
//! - `order`, `restart` (pure): what waits for what, and what is started again in place;
//! - `observed`, `observations`: what is known of the containers, in memory (`by_name` is their map);
//! - `executor`: does things on the runtime; `spec`, `ports`, `reasons` (pure) say with which words;
//! - `pull`: their images; `logs`, `routing`: what they print;
//! - `volumes` (pure), `storage`: what tasks keep files in;
//! - `configuration`: secrets, environment files and credentials that containers are given;
//! - `vpc`, `addresses`: the network of tasks in awsvpc mode; `daemons`: what the daemons of an instance share;
//! - `reconciler` runs the steps of one task, `events` wakes it when the engine says something;
//! - `retention` forgets stopped tasks; [`fields`] says which fields of a task definition
//!   are applied, [`warnings`] names those that are not.
//!
//! Running containers are left alone: after a restart of LocalECS they are found by their labels. What the engine
//! holds for tasks that are stopped or unknown is removed.

mod addresses;
mod advance;
mod by_name;
mod configuration;
mod daemons;
mod events;
mod executor;
pub mod fields;
#[cfg(test)]
pub(crate) mod fixtures;
mod logs;
mod next_step;
mod observations;
mod observed;
mod order;
mod ports;
mod pull;
mod reasons;
mod reconciler;
mod restart;
mod retention;
mod routing;
#[cfg(test)]
mod simulation_tests;
mod spec;
mod storage;
mod volumes;
mod vpc;
pub mod warnings;

use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::TaskStopCode;
use futures_util::future::join_all;

use self::executor::Executor;
use self::logs::Logs;
pub use self::logs::view::{Line as LogLine, Refusal as LogsRefusal, Wanted as LogsWanted, view as view_logs};
use self::reconciler::Agent;
use self::retention::Retention;
use self::vpc::Vpc;
use super::resources::{Task, TaskStatus};
use crate::inside::Inside;
use crate::reconcile::{Driver, Reconciler, Waker};
use crate::runtime::{ContainerRuntime, Result, RuntimeError};
use crate::services::Shared;
use crate::store::Transaction;
use tokio::task::AbortHandle;

/// A step that was under way when the store was emptied may still make a container, which then holds the network: what
/// can't be removed is tried again.
const PURGE_ATTEMPTS: u32 = 40;
const PURGE_PAUSE: Duration = Duration::from_millis(250);

/// The running agent. Dropping it ends the reading of events; the reconcilers belong to the driver.
pub struct AgentHandle {
    agent: Arc<Agent>,
    events: AbortHandle,
}

/// Starts the agent: its reconcilers on `driver`, and the reading of the engine's events. Nothing is done for any task
/// until the engine's containers were listed once.
#[allow(clippy::unused_async, reason = "must be called inside a Tokio runtime")]
pub async fn start(
    shared: Arc<Shared>,
    runtime: Arc<dyn ContainerRuntime>,
    inside: Arc<Inside>,
    driver: &mut Driver,
) -> AgentHandle {
    let vpc = Vpc::new(runtime.clone(), shared.store.clone(), &shared.config.vpc_cidr, shared.config.vpc_range.clone());
    let logs = Logs::new(shared.clone(), runtime.clone());
    let executor = Executor::new(runtime.clone(), vpc, inside, logs, shared.clock.clone(), &shared.config);
    let agent = Arc::new(Agent::new(shared.clone(), executor));
    let (waker, wakes) = Driver::waker();
    let events = tokio::spawn(events::follow(agent.clone(), Waker::clone(&waker), runtime.subscribe()));
    driver.run(agent.clone(), wakes);
    let (_, no_wakes) = Driver::waker::<<Retention as Reconciler>::Key>();
    driver.run(Arc::new(Retention { shared }), no_wakes);
    AgentHandle { agent, events: events.abort_handle() }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.events.abort();
    }
}

impl AgentHandle {
    /// Removes every container, network and volume of the store, shared volumes too. To be called when the store is
    /// empty (a reset) or will never be used again; tasks that still run would see their containers vanish.
    ///
    /// # Errors
    /// The first of those that could not be removed; the others are.
    pub async fn purge(&self) -> Result<()> {
        self.purge_all(true).await
    }

    async fn purge_all(&self, shared_volumes: bool) -> Result<()> {
        for _ in 1..PURGE_ATTEMPTS {
            match self.purge_once(shared_volumes).await {
                Ok(()) => return Ok(()),
                Err(RuntimeError::Unavailable(why)) => return Err(RuntimeError::Unavailable(why)),
                Err(error) => tracing::debug!(%error, "not everything could be removed yet"),
            }
            crate::time::real_sleep(PURGE_PAUSE).await;
        }
        self.purge_once(shared_volumes).await
    }

    async fn purge_once(&self, shared_volumes: bool) -> Result<()> {
        let executor = &self.agent.executor;
        executor.logs.abandon_all();
        let containers = executor.runtime.list_containers().await?;
        // Owners of a network namespace after those that use it.
        let (pauses, others): (Vec<_>, Vec<_>) = containers.iter().partition(|container| {
            container.labels.get(crate::runtime::ROLE_LABEL).is_some_and(|role| role == "pause")
        });
        let mut first_error = None;
        for group in [others, pauses] {
            let removals = group.iter().map(|container| executor.runtime.remove_container(&container.id));
            for error in join_all(removals).await.into_iter().filter_map(Result::err) {
                first_error.get_or_insert(error);
            }
        }
        if let Err(error) = executor.vpc.remove().await {
            first_error.get_or_insert(error);
        }
        if let Err(error) = executor.purge_volumes(shared_volumes).await {
            first_error.get_or_insert(error);
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Stops every task, and returns when all are STOPPED and nothing of them is left on the engine; shared volumes
    /// stay.
    ///
    /// # Errors
    /// The store could not be written, or the engine does not answer when the network is removed.
    pub async fn stop_all(&self, reason: &str) -> Result<(), Unexpected> {
        let store = &self.agent.shared.store;
        let now = self.agent.shared.clock.now();
        let mut commits = store.subscribe();
        let stop = |tx: &mut Transaction| {
            let running: Vec<_> =
                tx.tasks.values().filter(|task| is_to_run(task)).map(|task| task.key.clone()).collect();
            for key in running {
                tx.update(&key, |task: &mut Task| {
                    task.desired_status = TaskStatus::Stopped;
                    task.stop_code = Some(TaskStopCode::TerminationNotice);
                    task.stopped_reason = Some(reason.to_owned());
                    task.stopping_at = task.stopping_at.or(Some(now));
                    task.version += 1;
                    true
                });
            }
            Ok::<_, Unexpected>(())
        };
        loop {
            let state = store.snapshot();
            if state.tasks.values().all(|task| task.last_status == TaskStatus::Stopped) {
                break;
            }
            // A task may have been written by what was under way.
            if state.tasks.values().any(|task| is_to_run(task)) {
                store.transact(stop).await?;
            } else if commits.recv().await.is_none() {
                break;
            }
        }
        self.purge_all(false).await.map_err(|error: RuntimeError| Unexpected::new(error))
    }

    /// Whether no task has anything left on the engine.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.agent.observations.is_empty()
    }
}

fn is_to_run(task: &Task) -> bool {
    task.desired_status != TaskStatus::Stopped
}
