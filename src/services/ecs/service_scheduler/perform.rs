//! Carries a plan out, inside a transaction.

use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::TaskStopCode;

use super::gather::Gathered;
use super::launch::{self, Failure};
use crate::services::Shared;
use crate::services::ecs::resources::service::{DeploymentId, Said, Service, TaskSet, add_event};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::services::ecs::scheduler::deployment::count_failures;
use crate::services::ecs::scheduler::plan_service::{Plan, Stop, in_groups};
use crate::store::Transaction;
use crate::time::Timestamp;

/// Writes all that `plan` says.
pub(super) fn perform(
    tx: &mut Transaction,
    shared: &Shared,
    gathered: &Gathered,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), Unexpected> {
    let mut service = plan.service.clone();
    let mut events = plan.events.clone();
    for key in &plan.settle {
        tx.update::<Task>(key, |task| {
            task.service.as_mut().is_some_and(|link| !std::mem::replace(&mut link.settled, true))
        });
    }
    for stop in &plan.stop {
        stop_task(tx, stop, now);
    }
    let mut failure = None;
    for start in &plan.start {
        let started = launch::start(tx, shared, &service, start, now)?;
        let ids: Vec<Arc<str>> = started.tasks.iter().map(|task| task.key.id.clone()).collect();
        let subject = subject(gathered, &service, &start.deployment);
        events.extend(in_groups("has started", "tasks", &ids).iter().map(|text| format!("({subject}) {text}").into()));
        failure = failure.or(started.failure);
        started.tasks.into_iter().for_each(|task| tx.put(task));
    }
    if !plan.start.is_empty() {
        note_failure(&mut service, &mut events, gathered, failure, now);
    } else if service.lacks_capacity {
        // Nothing is wanted any more, or not now.
        service.lacks_capacity = false;
        service.noted.retain(|cause| !cause.starts_with(PLACEMENT));
    }
    let key = service.key.clone();
    if tx.services.get(&key).is_some_and(|present| **present != service) {
        tx.put(service);
    }
    if let Some(deployment) = &plan.service_deployment {
        tx.put(deployment.clone());
    }
    for set in &plan.task_sets {
        tx.put(set.clone());
    }
    for set in &plan.over {
        tx.delete::<TaskSet>(set);
    }
    if let Some(revision) = &gathered.images {
        tx.put(revision.clone());
    }
    for said in events {
        add_event(tx, &key, said, &shared.ids, now);
    }
    Ok(())
}

/// Begins the notes of what could not be placed, so that the same is not said twice.
const PLACEMENT: &str = "was unable to place";

/// Whose start an event tells of.
fn subject(gathered: &Gathered, service: &Service, deployment: &DeploymentId) -> String {
    let name = &service.key.name;
    match gathered.task_sets.iter().find(|kept| kept.set.key.id == *deployment) {
        Some(kept) => format!("service {name}, taskSet {}", kept.set.key.name()),
        None => format!("service {name}"),
    }
}

fn say(service: &Service, what: &str) -> String {
    format!("(service {}) {what}", service.key.name)
}

/// Not every task found a place, or all did after some had not.
fn note_failure(
    service: &mut Service,
    events: &mut Vec<Said>,
    gathered: &Gathered,
    failure: Option<Failure>,
    now: Timestamp,
) {
    let Some(failure) = failure else {
        service.lacks_capacity = false;
        service.noted.retain(|cause| !cause.starts_with(PLACEMENT));
        return;
    };
    service.lacks_capacity = true;
    // What the service's own tasks hold that are stopping will be free in a moment.
    if gathered.live.iter().any(|task| task.desired_status == TaskStatus::Stopped) {
        return;
    }
    if service.noted.insert(failure.what.clone()) {
        events.push(Said { message: say(service, &failure.what), action: Some(failure.action) });
    }
    let breaker = service.deployment_configuration.deployment_circuit_breaker.as_ref();
    if breaker.is_some_and(|breaker| breaker.enable == Some(true))
        && let Some(primary) = service.deployments.first_mut()
    {
        count_failures(primary, 1, now);
    }
}

fn stop_task(tx: &mut Transaction, stop: &Stop, now: Timestamp) {
    tx.update::<Task>(&stop.task, |task| {
        if task.desired_status == TaskStatus::Stopped {
            return false;
        }
        task.desired_status = TaskStatus::Stopped;
        task.stop_code = Some(TaskStopCode::ServiceSchedulerInitiated);
        task.stopped_reason = Some(stop.reason.clone());
        task.stopping_at = Some(now);
        task.version += 1;
        if let Some(link) = &mut task.service {
            link.settled = true;
        }
        true
    });
}
