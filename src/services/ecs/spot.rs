//! Interruptions of Fargate Spot, which come when somebody asks the admin API for one.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
//!
//! The task is to stop from then on, which EventBridge hears of while it still runs: that is the warning. Its containers
//! get SIGTERM, and SIGKILL after their `stopTimeout`, two minutes at most. A service replaces it.

use api_models::Unexpected;
use api_models::ecs::TaskStopCode;
use serde::Deserialize;

use super::resources::cluster::BuiltIn;
use super::resources::{Task, TaskKey, TaskStatus};
use crate::services::Shared;
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// Whose tasks are interrupted: all that are given must fit, and at least one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interruption {
    /// `spotInterruption`
    pub fault: String,
    /// An id or ARN.
    pub task: Option<String>,
    /// A service's name.
    pub service: Option<String>,
    /// A cluster's name.
    pub cluster: Option<String>,
}

/// Why nothing is interrupted.
#[derive(Debug, thiserror::Error)]
pub enum NotInterrupted {
    #[error("give a task, a service or a cluster")]
    Whose,
    #[error("no task of FARGATE_SPOT that runs is meant")]
    Nobody,
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// The tasks that are meant.
fn meant(state: &State, interruption: &Interruption) -> Vec<TaskKey> {
    let Interruption { fault: _, task, service, cluster } = interruption;
    let is_meant = |it: &Task| {
        it.capacity_provider.as_deref() == Some(BuiltIn::FargateSpot.name())
            && it.desired_status == TaskStatus::Running
            && task.as_ref().is_none_or(|task| *it.key.id == **task || it.key.arn() == *task)
            && service.as_deref().is_none_or(|name| it.service.as_ref().is_some_and(|link| *link.name == *name))
            && cluster.as_deref().is_none_or(|name| *it.key.cluster == *name)
    };
    state.tasks.values().filter(|task| is_meant(task)).map(|task| task.key.clone()).collect()
}

/// Interrupts tasks; returns how many.
///
/// # Errors
/// None is meant, or the store can't be written.
pub async fn interrupt(shared: &Shared, interruption: &Interruption) -> Result<usize, NotInterrupted> {
    if interruption.task.is_none() && interruption.service.is_none() && interruption.cluster.is_none() {
        return Err(NotInterrupted::Whose);
    }
    let now = shared.clock.now();
    let work = |tx: &mut Transaction| {
        let keys = meant(tx, interruption);
        for key in &keys {
            tx.update(key, |task: &mut Task| {
                stop(task, now);
                true
            });
        }
        if keys.is_empty() { Err(NotInterrupted::Nobody) } else { Ok(keys.len()) }
    };
    shared.store.transact(work).await
}

fn stop(task: &mut Task, now: Timestamp) {
    task.desired_status = TaskStatus::Stopped;
    task.stop_code = Some(TaskStopCode::SpotInterruption);
    task.stopped_reason = Some("Your Spot Task was interrupted.".to_owned());
    task.stopping_at = task.stopping_at.or(Some(now));
    task.version += 1;
}
