//! Pure: in which order a task's containers start and stop.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html>

use std::sync::Arc;
use std::time::Duration;

use api_models::ecs::{self, ContainerCondition, ContainerDefinition};

use super::advance::container_definition;
use super::logs::firelens;
use super::observed::ObservedTask;
use super::reasons::{self, Hindrance};
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::{Container, Task, TaskStatus};
use crate::time::Timestamp;

/// What must hold of another container before one is created and started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// It exists: its volumes can be used.
    Created,
    /// It runs, or ran.
    Started,
    /// It ended.
    Complete,
    /// It ended with exit code 0.
    Success,
    Healthy,
}

/// Whether a container may be created and started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// Not yet; at `until` it is given up, if nothing happens.
    Waiting {
        until: Option<Timestamp>,
    },
    /// It never will be; the reason in the agent's words.
    Never(String),
}

/// The containers that `container` waits for: those of `dependsOn`, those whose links or volumes it uses, and the one
/// that routes its logs.
fn dependencies<'a>(
    definition: &'a ecs::TaskDefinition,
    container: &'a ContainerDefinition,
) -> impl Iterator<Item = (&'a str, Condition)> {
    let explicit = container.depends_on.iter().flatten().filter_map(|dependency| {
        let condition = match dependency.condition.as_ref()? {
            ContainerCondition::Start => Condition::Started,
            ContainerCondition::Complete => Condition::Complete,
            ContainerCondition::Success => Condition::Success,
            ContainerCondition::Healthy => Condition::Healthy,
            ContainerCondition::Unrecognized(_) => return None,
        };
        Some((dependency.container_name.as_deref()?, condition))
    });
    let links = container.links.iter().flatten();
    let links = links.map(|link| (link.split(':').next().unwrap_or_default(), Condition::Started));
    let volumes = container.volumes_from.iter().flatten();
    let volumes = volumes.filter_map(|volumes| Some((volumes.source_container.as_deref()?, Condition::Created)));
    let own = container.name.as_deref();
    let router = firelens::router(definition).filter(|it| firelens::is_routed(container) && own != Some(it.name));
    let router = router.map(|router| (router.name, Condition::Started));
    explicit.chain(links).chain(volumes).chain(router)
}

/// Whether the container `name`, which has not been started, may be by now.
pub(super) fn readiness(
    task: &Task,
    definition: &ecs::TaskDefinition,
    observed: &ObservedTask,
    name: &str,
    now: Timestamp,
) -> Readiness {
    let Some(own) = container_definition(definition, name) else { return Readiness::Ready };
    let mut ready = Readiness::Ready;
    for (on, condition) in dependencies(definition, own) {
        // Registration refuses names that are not in the task.
        let Some(other) = task.containers.iter().find(|container| *container.name == *on) else { continue };
        if holds(condition, other, observed) {
            continue;
        }
        let deadline = deadline(condition, other, definition);
        if let Some(hindrance) = hindrance(condition, other, deadline.is_some_and(|deadline| deadline <= now)) {
            let image = own.image.as_deref().unwrap_or_default();
            return Readiness::Never(reasons::dependency_failed(name, image, other, hindrance));
        }
        let before = match ready {
            Readiness::Waiting { until } => until,
            _ => None,
        };
        ready = Readiness::Waiting { until: before.into_iter().chain(deadline).min() };
    }
    ready
}

fn holds(condition: Condition, other: &Container, observed: &ObservedTask) -> bool {
    let ended = other.last_status == TaskStatus::Stopped && has_run(other);
    match condition {
        Condition::Created => {
            has_run(other) || observed.containers.get(&other.name).is_some_and(|seen| seen.id.is_some())
        }
        Condition::Started => other.last_status == TaskStatus::Running || ended,
        Condition::Complete => ended && other.exit_code.is_some(),
        Condition::Success => ended && other.exit_code == Some(0),
        Condition::Healthy => other.health == ObservedHealth::Healthy,
    }
}

/// When the wait for `other` ends: so long after its start as its `startTimeout` says.
fn deadline(condition: Condition, other: &Container, definition: &ecs::TaskDefinition) -> Option<Timestamp> {
    if matches!(condition, Condition::Created | Condition::Started) || other.last_status == TaskStatus::Stopped {
        return None;
    }
    let timeout = container_definition(definition, &other.name)?.start_timeout?;
    let timeout = Duration::from_secs(u64::try_from(timeout).ok().filter(|seconds| *seconds > 0)?);
    Some(other.started_at?.saturating_add(timeout))
}

/// Why a condition that does not hold never will.
fn hindrance(condition: Condition, other: &Container, too_late: bool) -> Option<Hindrance> {
    if too_late {
        return Some(Hindrance::TimedOut);
    }
    if other.last_status != TaskStatus::Stopped {
        // An unhealthy container may recover: the agent waits for it.
        return None;
    }
    Some(match condition {
        _ if !has_run(other) => Hindrance::NeverStarts,
        Condition::Success => Hindrance::NoSuccess,
        _ => Hindrance::Ended,
    })
}

fn has_run(container: &Container) -> bool {
    container.runtime_id.is_some()
}

/// The first container that waits in vain, by its place in the task, and why.
pub(super) fn hopeless(
    task: &Task,
    definition: &ecs::TaskDefinition,
    observed: &ObservedTask,
    now: Timestamp,
) -> Option<(usize, String)> {
    let pending = task.containers.iter().enumerate().filter(|(_, one)| one.last_status == TaskStatus::Pending);
    pending.into_iter().find_map(|(index, container)| {
        // What was tried to be started waits for nothing any more.
        if observed.containers.get(&container.name).is_some_and(|seen| !seen.is_created()) {
            return None;
        }
        match readiness(task, definition, observed, &container.name, now) {
            Readiness::Never(reason) => Some((index, reason)),
            Readiness::Ready | Readiness::Waiting { .. } => None,
        }
    })
}

/// Those of the `running` containers that no other of them depends on: what stops first.
pub(super) fn first_to_stop(definition: &ecs::TaskDefinition, running: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let definitions: Vec<_> = running.iter().filter_map(|name| container_definition(definition, name)).collect();
    let is_needed =
        |name: &str| definitions.iter().any(|other| dependencies(definition, other).any(|(on, _)| on == name));
    let (later, first): (Vec<_>, Vec<_>) = running.into_iter().partition(|name| is_needed(name));
    // Registration refuses circles; if there is one all the same, all stop at once.
    if first.is_empty() { later } else { first }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
