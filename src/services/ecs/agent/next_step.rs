//! Pure: the next thing to do for a task, from its record, its definition and what is known of its containers.

use std::sync::Arc;
use std::time::Duration;

use api_models::ecs;

use super::advance::{advance, container_definition, lacks_pause};
use super::observed::{Image, ObservedTask, Seen};
use super::order::{self, Readiness};
use super::restart;
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::time::Timestamp;

/// The ECS agent's default (`ECS_CONTAINER_STOP_TIMEOUT`).
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// The record is behind: write [`advance`]'s changes, while the effect goes on.
    pub(super) record: bool,
    pub(super) effect: Effect,
}

/// One thing to do on the runtime. Names are those of containers in the task definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Give the task its pause container (if `network`), and look which of the images the engine has.
    Prepare {
        network: bool,
        images: Vec<Arc<str>>,
    },
    Pull(Vec<Arc<str>>),
    /// Those of the task's definition.
    MakeVolumes,
    Create(Vec<Arc<str>>),
    /// For the first time, or again in place.
    Start(Vec<Arc<str>>),
    /// Each with the time it has between SIGTERM and SIGKILL.
    Stop(Vec<(Arc<str>, Duration)>),
    /// The task gives up its network.
    RemovePause,
    /// Everything the engine holds for the task; only once STOPPED is written.
    RemoveContainers,
    /// Nothing, until there is news or it is this time.
    Wait {
        until: Option<Timestamp>,
    },
}

pub(super) fn next_step(
    task: &Task,
    definition: &ecs::TaskDefinition,
    observed: &ObservedTask,
    now: Timestamp,
) -> Step {
    if task.waits() {
        // Its instance's agent will hear of it.
        return Step { record: false, effect: Effect::Wait { until: None } };
    }
    let mut after = task.clone();
    let record = advance(&mut after, definition, observed, now);
    Step { record, effect: effect(&after, definition, observed, now) }
}

fn effect(task: &Task, definition: &ecs::TaskDefinition, observed: &ObservedTask, now: Timestamp) -> Effect {
    if task.last_status == TaskStatus::Stopped {
        return if observed.is_empty() { Effect::Wait { until: None } } else { Effect::RemoveContainers };
    }
    if task.desired_status == TaskStatus::Stopped {
        return stop(task, definition, observed);
    }
    start(task, definition, observed, now)
}

fn stop(task: &Task, definition: &ecs::TaskDefinition, observed: &ObservedTask) -> Effect {
    let running: Vec<_> = task
        .containers
        .iter()
        .filter(|container| observed.containers.get(&container.name).is_some_and(Seen::is_running))
        .map(|container| container.name.clone())
        .collect();
    if !running.is_empty() {
        let first = order::first_to_stop(definition, running).into_iter();
        return Effect::Stop(first.map(|name| (name.clone(), stop_timeout(definition, &name))).collect());
    }
    match &observed.pause {
        Some(pause) if pause.id.is_some() => Effect::RemovePause,
        _ => Effect::Wait { until: None },
    }
}

fn start(task: &Task, definition: &ecs::TaskDefinition, observed: &ObservedTask, now: Timestamp) -> Effect {
    let again: Vec<_> = task
        .containers
        .iter()
        .filter(|container| restart::is_due(task, container, definition, observed))
        .map(|container| container.name.clone())
        .collect();
    if !again.is_empty() {
        return Effect::Start(again);
    }
    let pending = || task.containers.iter().filter(|container| container.last_status == TaskStatus::Pending);
    // A container that exists has its mounts.
    let lacks_volumes =
        definition.volumes.as_ref().is_some_and(|volumes| !volumes.is_empty()) && !observed.volumes.ready;
    if lacks_volumes && pending().any(|container| !observed.containers.contains_key(&container.name)) {
        return Effect::MakeVolumes;
    }
    let network = lacks_pause(definition, observed);
    // A container that exists had its image.
    let unseen = || pending().filter(|container| !observed.containers.contains_key(&container.name));
    let unknown: Vec<_> = unseen()
        .filter(|container| !observed.images.contains_key(&container.name))
        .map(|container| container.name.clone())
        .collect();
    if network || !unknown.is_empty() {
        return Effect::Prepare { network, images: unknown };
    }
    let mut missing = Vec::new();
    let mut later = None;
    for container in unseen() {
        match observed.images.get(&container.name) {
            Some(Image::Missing { next: Some(next), .. }) if *next > now => {
                later = Some(later.map_or(*next, |other: Timestamp| other.min(*next)));
            }
            Some(Image::Missing { .. }) => missing.push(container.name.clone()),
            Some(Image::Here { .. }) | None => {}
        }
    }
    if !missing.is_empty() {
        return Effect::Pull(missing);
    }
    if later.is_some() {
        return Effect::Wait { until: later };
    }
    let (mut create, mut start, mut until) = (Vec::new(), Vec::new(), None);
    for name in pending().map(|container| &container.name) {
        let list = match observed.containers.get(name) {
            None => &mut create,
            Some(seen) if seen.is_created() => &mut start,
            Some(_) => continue,
        };
        match order::readiness(task, definition, observed, name, now) {
            Readiness::Ready => list.push(name.clone()),
            Readiness::Waiting { until: given_up } => until = until.into_iter().chain(given_up).min(),
            // Not pending any more once that is recorded.
            Readiness::Never(_) => {}
        }
    }
    match (create.is_empty(), start.is_empty()) {
        (false, _) => Effect::Create(create),
        (true, false) => Effect::Start(start),
        (true, true) => Effect::Wait { until },
    }
}

fn stop_timeout(definition: &ecs::TaskDefinition, name: &str) -> Duration {
    container_definition(definition, name)
        .and_then(|container| container.stop_timeout)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(STOP_TIMEOUT, Duration::from_secs)
}

/// When a pull that failed `attempts` times is tried again: 1 to 5 seconds later, as the ECS agent does.
pub(super) fn pull_again(attempts: u32, now: Timestamp) -> Timestamp {
    now.saturating_add(Duration::from_secs(u64::from(attempts.clamp(1, 5))))
}

#[cfg(test)]
#[path = "next_step_tests.rs"]
mod tests;
