//! Pure: what to do for a service now.
//!
//! [`plan`] is a function of the service's record, its tasks and the time. It takes note of tasks that ended, fails or
//! completes the deployment under way, and says how many tasks are to be started and which are to be stopped: `replica`
//! and `daemon` know how many, `scale_in` which; `task_sets` keeps those of services with another controller. Nothing of it depends on what was planned before, so a plan that is
//! carried out twice, or half, does no harm; when all is as it should be the plan is empty.

mod daemon;
mod native;
mod replica;
mod scale_in;
mod stages;
mod task_sets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::capacity::Share;
use super::deployment::{self, Alarms, Ending, TargetHealth, Timing, Traffic, Worth, count_failures, ending, worth};
use crate::services::ecs::resources::service::{
    Action, ActionName, Controller, Deployment, DeploymentId, Rollout, Said, Scheduling, Service, ServiceDeployment,
    ServiceStatus, TaskSet, TaskSetKey,
};
use crate::services::ecs::resources::{ContainerInstanceKey, Task, TaskKey, TaskStatus};
use crate::time::Timestamp;

pub use task_sets::KeptTaskSet;

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub service: &'a Service,
    /// The service deployment under way.
    pub under_way: Option<&'a ServiceDeployment>,
    /// The service's tasks that are not STOPPED.
    pub live: &'a [Arc<Task>],
    /// Those that stopped, or are to stop, and whose end was not taken note of.
    pub ended: &'a [Arc<Task>],
    pub instances: &'a Instances,
    /// Only services with a controller of somebody else have any.
    pub task_sets: &'a [KeptTaskSet],
    pub targets: &'a dyn TargetHealth,
    pub alarms: &'a dyn Alarms,
    pub traffic: &'a dyn Traffic,
    pub timing: Timing,
    pub now: Timestamp,
}

/// What a service needs to know of container instances and zones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// Those a DAEMON has to have a task on.
    pub matching: Vec<ContainerInstanceKey>,
    /// Those a DAEMON must not have a task on, although they could run some.
    pub excluded: Vec<ContainerInstanceKey>,
    /// Those whose tasks are to be moved elsewhere.
    pub leaving: Vec<ContainerInstanceKey>,
    /// The zones that new tasks could run in.
    pub zones: Vec<String>,
    /// The capacity providers of the newest revision's strategy, and their shares.
    pub strategy: Vec<(String, Share)>,
}

/// Tasks to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub deployment: DeploymentId,
    pub count: usize,
    /// One on each of these; anywhere when empty.
    pub on: Vec<ContainerInstanceKey>,
    pub why: Why,
}

/// What tasks are started for, as the event says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There are too few.
    Wanted,
    /// So many of them take the places of unhealthy ones.
    Unhealthy(usize),
    /// To even out the zones.
    Rebalance,
}

impl Why {
    /// Why `count` tasks are started while there are `unhealthy` ones.
    fn of(unhealthy: usize, count: usize) -> Self {
        match unhealthy.min(count) {
            0 => Self::Wanted,
            replaced => Self::Unhealthy(replaced),
        }
    }
}

/// A task to be stopped, and the reason it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub task: TaskKey,
    pub reason: String,
    /// It did not run yet.
    pub pending: bool,
    /// Its zone, when it is stopped to even out the zones.
    pub moved_from: Option<Arc<str>>,
}

/// What to do. The records are as they are to be written; they are only in the plan when they change.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub service: Service,
    pub service_deployment: Option<ServiceDeployment>,
    pub task_sets: Vec<TaskSet>,
    /// Task sets that were deleted and have no tasks any more.
    pub over: Vec<TaskSetKey>,
    pub start: Vec<Start>,
    pub stop: Vec<Stop>,
    /// Tasks whose end is taken note of with this plan.
    pub settle: Vec<TaskKey>,
    /// New service events, oldest first.
    pub events: Vec<Said>,
    /// When to look again if nothing happens before.
    pub wake: Option<Timestamp>,
    /// What its events are about: `service <name>`.
    subject: String,
    changed: bool,
}

impl Plan {
    /// Nothing is to be done.
    fn new(view: &View<'_>) -> Self {
        Self {
            service: view.service.clone(),
            service_deployment: view.under_way.cloned(),
            task_sets: Vec::new(),
            over: Vec::new(),
            start: Vec::new(),
            stop: Vec::new(),
            settle: Vec::new(),
            events: Vec::new(),
            wake: None,
            subject: format!("service {}", view.service.key.name),
            changed: false,
        }
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.changed && self.start.is_empty() && self.stop.is_empty() && self.settle.is_empty()
    }

    fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |other| other.min(at)));
    }

    /// `(<subject>) <what>`
    fn say(&mut self, what: &str) {
        self.tell(what, None);
    }

    /// The same, with what EventBridge is told.
    fn tell(&mut self, what: &str, action: impl Into<Option<Action>>) {
        let message = format!("({}) {what}", self.subject);
        self.events.push(Said { message, action: action.into() });
    }

    /// Says something once, until [`Plan::forget`] is called for its cause.
    fn say_once(&mut self, cause: &str, what: &str) {
        self.tell_once(cause, what, None);
    }

    fn tell_once(&mut self, cause: &str, what: &str, action: impl Into<Option<Action>>) {
        if self.service.noted.insert(cause.to_owned()) {
            self.tell(what, action);
        }
    }

    fn forget(&mut self, cause: &str) {
        self.service.noted.remove(cause);
    }

    fn stop(&mut self, task: &Task, reason: String) {
        let pending = task.last_status < TaskStatus::Running;
        self.stop.push(Stop { task: task.key.clone(), reason, pending, moved_from: None });
    }

    /// Stops one that is too many; another one may have taken its place in a zone that had fewer.
    fn stop_surplus(&mut self, task: &Task, reason: String) {
        self.stop(task, reason);
        if let Some(stop) = self.stop.last_mut().filter(|_| self.service.moving) {
            stop.moved_from.clone_from(&task.availability_zone);
        }
    }
}

/// Why events are said only once: the causes that last.
const IMPAIRED: &str = "impaired";
const STUCK: &str = "stuck";
/// A task can't be launched as it is configured; said once for each deployment.
const UNFIT: &str = "unfit";

/// How the reason of a task begins whose role can't be assumed.
const NOT_ASSUMED: &str = "ECS was unable to assume the role";
const PROTECTED: &str = "protected";
const UNEVEN: &str = "uneven";

/// A task that should run, judged.
#[derive(Clone, Copy, Debug)]
struct Judged<'a> {
    task: &'a Task,
    worth: Worth,
}

impl Judged<'_> {
    fn is_healthy(&self) -> bool {
        self.worth == Worth::Healthy
    }

    /// Whether somebody may rely on it: it runs, and nothing says that it is unwell.
    fn serves(&self) -> bool {
        self.is_healthy() || (self.is_fresh() && self.task.last_status == TaskStatus::Running)
    }

    fn is_fresh(&self) -> bool {
        matches!(self.worth, Worth::Fresh(_))
    }

    /// Until when it must not be stopped, if it must not now.
    fn protected_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.task.protection.map(|protection| protection.expires_at).filter(|expiry| *expiry > now)
    }
}

/// The plan for a service.
#[must_use]
pub fn plan(view: &View<'_>) -> Plan {
    let mut plan = Plan::new(view);
    take_note(view, &mut plan);
    match view.service.status {
        ServiceStatus::Inactive => {}
        ServiceStatus::Draining => drain(view, &mut plan),
        ServiceStatus::Active if view.service.controller == Controller::Ecs => keep(view, &mut plan),
        ServiceStatus::Active => task_sets::plan(view, &mut plan),
    }
    plan.service_deployment = plan.service_deployment.filter(|after| Some(after) != view.under_way);
    plan.changed = plan.service != *view.service
        || plan.service_deployment.is_some()
        || !plan.task_sets.is_empty()
        || !plan.over.is_empty()
        || !plan.events.is_empty();
    plan
}

/// Takes note of the tasks that ended by themselves.
fn take_note(view: &View<'_>, plan: &mut Plan) {
    plan.settle = view.ended.iter().map(|task| task.key.clone()).collect();
    for deployment in &mut plan.service.deployments {
        let own = view.ended.iter().filter(|task| belongs(task, deployment));
        let (mut soon, mut failed) = (false, 0);
        for task in own {
            match ending(task, view.timing) {
                Ending::Ordinary => {}
                Ending::TooSoon { failed: never_healthy } => {
                    soon = true;
                    failed += i32::from(never_healthy);
                }
            }
        }
        if soon {
            count_failures(deployment, failed, view.now);
        }
    }
    let reasons = view.ended.iter().filter_map(|task| task.stopped_reason.as_deref());
    // It is the same for each task of a deployment.
    if let Some(reason) = reasons.into_iter().find(|reason| reason.starts_with(NOT_ASSUMED)) {
        let action = Action::new(ActionName::ServiceTaskConfigurationFailure).because(reason);
        plan.tell_once(UNFIT, &format!("failed to launch a task with (error {reason})."), action);
    }
}

fn belongs(task: &Task, deployment: &Deployment) -> bool {
    of_deployment(task, &deployment.id)
}

fn of_deployment(task: &Task, id: &DeploymentId) -> bool {
    task.service.as_ref().is_some_and(|link| link.deployment == *id)
}

/// The service is deleted: its tasks end, and then it does.
fn drain(view: &View<'_>, plan: &mut Plan) {
    for task in view.live.iter().filter(|task| task.desired_status == TaskStatus::Running) {
        plan.stop(task, scaling_reason(view.service));
    }
    say_stopped(plan);
    if view.live.is_empty() {
        plan.service.status = ServiceStatus::Inactive;
        plan.service.inactive_at = Some(view.now);
        plan.service.deployments.clear();
        plan.service.lacks_capacity = false;
        task_sets::end(view, plan);
    }
}

/// Brings the service to where it should be.
fn keep(view: &View<'_>, plan: &mut Plan) {
    stages::begin(view, plan);
    let judged = judge(view, plan);
    stages::watch(view, plan, &judged);
    let early = stages::succeeds_early(view, plan, &judged);
    // Deferred, what is outdated goes as it always does.
    let alone = early && !stages::cleans_up_later(plan);
    let reached = match view.service.scheduling {
        Scheduling::Replica if native::is_under_way(plan) => native::plan(view, plan, &judged),
        Scheduling::Replica => replica::plan(view, plan, &judged, alone),
        Scheduling::Daemon => daemon::plan(view, plan, &judged),
    };
    if !reached && plan.service.primary().is_some_and(|primary| primary.backoff.failures >= deployment::IMPAIRED) {
        let action = Action::new(ActionName::ServiceTaskStartImpaired);
        plan.tell_once(IMPAIRED, "is unable to consistently start tasks successfully.", action);
    }
    say_stopped(plan);
    stages::end(view, plan, reached, early);
}

/// All tasks that should run, judged; asks to be woken when time changes a judgement.
fn judge<'a>(view: &View<'a>, plan: &mut Plan) -> Vec<Judged<'a>> {
    let seconds = view.service.health_check_grace_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    let grace = Duration::from_secs(seconds);
    let mut judged = Vec::with_capacity(view.live.len());
    for task in view.live.iter().filter(|task| task.desired_status == TaskStatus::Running) {
        let worth = worth(task, view.targets, view.timing, grace, view.now);
        if let Worth::Fresh(Some(at)) = worth {
            plan.wake_at(at);
        }
        judged.push(Judged { task, worth });
    }
    judged
}

/// Whether a deployment may start tasks now; asks to be woken when it waits.
fn may_start(plan: &mut Plan, id: &DeploymentId, now: Timestamp) -> bool {
    let Some(deployment) = plan.service.deployments.iter().find(|deployment| deployment.id == *id) else {
        return false;
    };
    if deployment.rollout == Rollout::Failed {
        return false;
    }
    match deployment.backoff.until.filter(|until| *until > now) {
        Some(until) => {
            plan.wake_at(until);
            false
        }
        None => true,
    }
}

/// Stops a task that was found unhealthy, which counts as a failure of its deployment.
fn stop_unhealthy(plan: &mut Plan, judged: &Judged<'_>, now: Timestamp) {
    let reason = match judged.worth {
        Worth::Unhealthy(reason) => {
            // Of targets, the load balancer's own event tells.
            if reason == deployment::FAILED_CHECKS {
                plan.say(&format!("(task {}) failed container health checks.", judged.task.key.id));
            }
            reason.to_owned()
        }
        Worth::Fresh(_) | Worth::Healthy => scaling_reason(&plan.service),
    };
    plan.stop(judged.task, reason);
    let id = judged.task.service.as_ref().map(|link| &link.deployment);
    if let Some(deployment) = plan.service.deployments.iter_mut().find(|deployment| Some(&deployment.id) == id) {
        count_failures(deployment, 1, now);
    }
}

/// The reason tasks show that the scheduler stops.
fn scaling_reason(service: &Service) -> String {
    match service.revision.as_ref() {
        Some(id) => format!("Scaling activity initiated by (deployment ecs-svc/{id})"),
        None => "Scaling activity initiated by the service scheduler".to_owned(),
    }
}

fn say_stopped(plan: &mut Plan) {
    let (pending, running): (Vec<&Stop>, Vec<&Stop>) = plan.stop.iter().partition(|stop| stop.pending);
    let mut by_zone: BTreeMap<Option<&str>, Vec<&TaskKey>> = BTreeMap::new();
    for stop in running {
        by_zone.entry(stop.moved_from.as_deref()).or_default().push(&stop.task);
    }
    let mut lines = Vec::new();
    for (zone, tasks) in by_zone {
        let what = match zone {
            None => "running tasks".to_owned(),
            Some(zone) => format!("running tasks in {zone} due to AZ rebalancing"),
        };
        let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
        let arns = |group: &[&TaskKey]| group.iter().map(|task| task.arn()).collect();
        let groups = tasks.chunks(group_size(tasks.len())).map(arns);
        lines.extend(in_groups("has stopped", &what, &ids).into_iter().zip(groups));
    }
    if !pending.is_empty() {
        let arns: Vec<String> = pending.iter().map(|stop| stop.task.arn()).collect();
        lines.push((format!("stopped {} pending tasks.", pending.len()), arns));
    }
    for (text, arns) in lines {
        plan.tell(&text, Action::new(ActionName::TasksStopped).of_tasks(arns));
    }
}

/// Protected tasks are in the way of a scale-in: they are of the deployment or task set that `task` is of.
fn say_protected(plan: &mut Plan, task: &Task, protected: usize) {
    let Some(link) = &task.service else { return };
    let set = &link.deployment;
    plan.say_once(
        PROTECTED,
        &format!(
            "was unable to reach steady state because (taskSet ecs-svc/{set}) was unable to scale in due to (reason \
             {protected} tasks under protection)"
        ),
    );
}

/// `has started 2 tasks: (task a) (task b).`, in so many lines that none is too long.
#[must_use]
pub fn in_groups(verb: &str, what: &str, tasks: &[Arc<str>]) -> Vec<String> {
    let line = |group: &[Arc<str>]| {
        let list: Vec<String> = group.iter().map(|id| format!("(task {id})")).collect();
        format!("{verb} {} {what}: {}.", group.len(), list.join(" "))
    };
    tasks.chunks(group_size(tasks.len())).map(line).collect()
}

/// How many of so many tasks one event names.
fn group_size(tasks: usize) -> usize {
    (tasks / 10).max(10)
}

#[cfg(test)]
mod tests;
