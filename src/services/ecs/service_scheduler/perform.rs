//! Carries a plan out, inside a transaction.

use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::TaskStopCode;

use super::gather::Gathered;
use super::launch::{self, Failure};
use crate::services::Shared;
use crate::services::ecs::resources::service::{DeploymentId, Said, Service, TaskSet, TaskSetKey, add_event};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::services::ecs::scheduler::deployment::{back_off, count_failures};
use crate::services::ecs::scheduler::plan_service::{Plan, Stop, Why, in_groups};
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
    let (mut failure, mut again) = (None, Vec::new());
    for start in &plan.start {
        let started = launch::start(tx, shared, &service, start, now)?;
        let ids: Vec<Arc<str>> = started.tasks.iter().map(|task| task.key.id.clone()).collect();
        let subject = subject(gathered, &service, &start.deployment);
        events.extend(told(&start.why, &started.tasks, &ids).iter().map(|text| format!("({subject}) {text}").into()));
        if started.failure.as_ref().is_some_and(|failure| failure.try_again) {
            again.push(start.deployment.clone());
        }
        failure = failure.or(started.failure);
        started.tasks.into_iter().for_each(|task| tx.put(task));
    }
    if !plan.start.is_empty() {
        note_failure(&mut service, &mut events, gathered, failure, now);
    } else if service.lacks_capacity {
        // Nothing is wanted any more, or not now.
        service.lacks_capacity = false;
        forget_failures(&mut service);
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
    for id in again {
        let key = TaskSetKey { service: key.clone(), id };
        tx.update::<TaskSet>(&key, |set| back_off(&mut set.backoff, now));
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

/// Begin the notes of what could not be placed or launched, so that the same is not said twice.
const FAILURES: [&str; 2] = ["was unable to place", "failed to launch"];

fn forget_failures(service: &mut Service) {
    service.noted.retain(|cause| !FAILURES.iter().any(|failure| cause.starts_with(failure)));
}

/// What the event says of tasks that were started.
fn told(why: &Why, tasks: &[Task], ids: &[Arc<str>]) -> Vec<String> {
    match why {
        Why::Wanted => in_groups("has started", "tasks", ids),
        Why::Unhealthy(replaced) => {
            let mut lines = in_groups("has started", "tasks", ids);
            if let Some(last) = lines.last_mut() {
                last.push_str(&format!(" Amazon ECS replaced {replaced} tasks due to an unhealthy status."));
            }
            lines
        }
        Why::Rebalance => {
            let zone = tasks.first().and_then(|task| task.availability_zone.as_deref()).unwrap_or_default();
            in_groups("has started", &format!("tasks in {zone} to AZ Rebalance"), ids)
        }
    }
}

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
        forget_failures(service);
        return;
    };
    service.lacks_capacity = !failure.try_again;
    // What the service's own tasks hold that are stopping will be free in a moment.
    if gathered.live.iter().any(|task| task.desired_status == TaskStatus::Stopped) {
        return;
    }
    if service.noted.insert(failure.what.clone()) {
        events.push(Said { message: say(service, &failure.what), action: Some(failure.action) });
    }
    let breaker = service.deployment_configuration.deployment_circuit_breaker.as_ref();
    if (failure.try_again || breaker.is_some_and(|breaker| breaker.enable == Some(true)))
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
