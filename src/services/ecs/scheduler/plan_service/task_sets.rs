//! Services whose controller is somebody else: each task set is kept at its part of the desired count.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html>
//!
//! A task set is kept as a service with one deployment is that was completed long since: for each, the plan of such a
//! service is made, of the task set's own tasks, and taken into the plan of the real one.

use std::sync::Arc;

use api_models::ecs::AvailabilityZoneRebalancing;

use super::{IMPAIRED, Instances, PROTECTED, Plan, STUCK, View, judge, replica, say_stopped, take_note};
use crate::services::ecs::resources::service::{
    Action, ActionName, Deployment, Rollout, Service, TaskSet, TaskSetStatus,
};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::services::ecs::scheduler::deployment;

/// A task set, and what it needs to know of container instances and zones.
#[derive(Clone, Debug)]
pub struct KeptTaskSet {
    pub set: Arc<TaskSet>,
    pub instances: Instances,
}

/// Keeps all of a service's task sets.
pub(super) fn plan(view: &View<'_>, plan: &mut Plan) {
    let mut steady = true;
    for kept in view.task_sets {
        steady &= keep(view, plan, kept);
    }
    if !steady {
        plan.service.steady = false;
    } else if !plan.service.steady && !view.task_sets.is_empty() {
        plan.service.steady = true;
        plan.say("has reached a steady state.");
    }
}

/// The service is over: so are its task sets.
pub(super) fn end(view: &View<'_>, plan: &mut Plan) {
    plan.over.extend(view.task_sets.iter().map(|kept| kept.set.key.clone()));
}

/// Plans for one task set; returns whether it is steady.
fn keep(view: &View<'_>, plan: &mut Plan, kept: &KeptTaskSet) -> bool {
    let before = &*kept.set;
    let mut set = before.clone();
    let belongs = |task: &&Arc<Task>| task.service.as_ref().is_some_and(|link| link.deployment == before.key.id);
    let live: Vec<Arc<Task>> = view.live.iter().filter(belongs).cloned().collect();
    let ended: Vec<Arc<Task>> = view.ended.iter().filter(belongs).cloned().collect();
    if set.status == TaskSetStatus::Draining && live.is_empty() {
        plan.over.push(set.key);
        return true;
    }
    let desired = set.share_of(view.service.desired_count);
    if set.computed_desired != desired {
        set.computed_desired = desired;
        set.updated_at = view.now;
        plan.say(&format!("updated computedDesiredCount for taskSet {} to {desired}.", set.key.name()));
    }
    let stand_in = stand_in(view.service, &set);
    let part = View {
        service: &stand_in,
        under_way: None,
        live: &live,
        ended: &ended,
        instances: &kept.instances,
        task_sets: &[],
        ..*view
    };
    let mut own = Plan::new(&part);
    own.subject = format!("{}, taskSet {}", plan.subject, set.key.name());
    take_note(&part, &mut own);
    let judged = judge(&part, &mut own);
    let reached = match set.status {
        TaskSetStatus::Draining => stop_all(&part, &mut own),
        TaskSetStatus::Primary | TaskSetStatus::Active => replica::plan(&part, &mut own, &judged, false),
    };
    let impaired = own.service.primary().is_some_and(|it| it.backoff.failures >= deployment::IMPAIRED);
    if reached {
        own.forget(IMPAIRED);
        own.forget(STUCK);
        own.forget(PROTECTED);
    } else if impaired {
        let mut action = Action::new(ActionName::ServiceTaskStartImpaired);
        action.task_set_arns.push(set.key.arn());
        own.tell_once(IMPAIRED, "is unable to consistently start tasks successfully.", action);
    }
    say_stopped(&mut own);
    let steady = reached && own.start.is_empty() && own.stop.is_empty();
    if set.steady != steady {
        set.steady = steady;
        set.stability_at = view.now;
        set.updated_at = view.now;
        if steady {
            own.say("updated state to STEADY_STATE.");
        }
    }
    if let Some(deployment) = own.service.primary() {
        set.backoff = deployment.backoff;
    }
    set.noted = own.service.noted;
    plan.start.extend(own.start);
    plan.stop.extend(own.stop);
    plan.events.extend(own.events);
    if let Some(at) = own.wake {
        plan.wake_at(at);
    }
    if set != *before {
        plan.task_sets.push(set);
    }
    steady
}

fn stop_all(view: &View<'_>, plan: &mut Plan) -> bool {
    let reason = super::scaling_reason(view.service);
    let running = view.live.iter().filter(|task| task.desired_status == TaskStatus::Running);
    running.for_each(|task| plan.stop(task, reason.clone()));
    false
}

/// The service that the task set would be alone.
fn stand_in(service: &Service, set: &TaskSet) -> Service {
    let deployment = Deployment {
        rollout: Rollout::Completed,
        backoff: set.backoff,
        service_deployment: None,
        ..Deployment::new(set.key.id.clone(), "".into(), set.created_at)
    };
    Service {
        desired_count: set.computed_desired,
        revision: Some(set.key.id.clone()),
        deployments: vec![deployment],
        noted: set.noted.clone(),
        // Each for itself they would undo each other's moves: new tasks go where the service has fewest.
        zone_rebalancing: AvailabilityZoneRebalancing::Disabled,
        ..service.clone()
    }
}
