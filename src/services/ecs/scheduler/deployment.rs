//! Pure: what the tasks of a deployment are worth, how many there may be, and what their failures mean.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>

use std::time::Duration;

use api_models::ecs::{DeploymentConfiguration, TaskStopCode};
use serde::Deserialize;

use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::service::{Backoff, Deployment, Rollout, ServiceDeployment};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::time::Timestamp;

/// What the scheduler waits for and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a task without health checks must have run to count as healthy; 40 s on AWS.
    pub settle: Duration,
    /// A task that stops by itself earlier than this counts as one of a crash loop.
    pub short_lived: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { settle: Duration::from_secs(2), short_lived: Duration::from_secs(60) }
    }
}

/// What a load balancer says of a task that is one of its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Registered, and not judged yet.
    Initial,
    Healthy,
    Unhealthy,
}

/// Where the health of targets is known: load balancers.
pub trait TargetHealth: Send + Sync {
    /// The worst of a task's targets; `None` when it is a target of nothing.
    fn of(&self, task: &Task) -> Option<Target>;
}

/// No task is a target of anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTargets;

impl TargetHealth for NoTargets {
    fn of(&self, _: &Task) -> Option<Target> {
        None
    }
}

/// Where alarms are known: Amazon CloudWatch.
pub trait Alarms: Send + Sync {
    /// Those of `names` that are in the ALARM state.
    fn in_alarm(&self, names: &[String]) -> Vec<String>;
}

/// No alarm ever rings.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAlarms;

impl Alarms for NoAlarms {
    fn in_alarm(&self, _: &[String]) -> Vec<String> {
        Vec::new()
    }
}

/// Who directs traffic to revisions: load balancers. What they are to do is in the deployment's course: which part of the
/// test and of the production traffic goes to the target, and which to what it replaces.
pub trait Traffic: Send + Sync {
    /// Whether the traffic goes as the deployment's course asks for. Its next stage waits until it does; whoever directs
    /// the traffic wakes the service's scheduler then.
    fn arrived(&self, deployment: &ServiceDeployment) -> bool;
}

/// No service has traffic that somebody directs: the stages go by as they do on AWS for such services, and hooks are told
/// the weights.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTraffic;

impl Traffic for NoTraffic {
    fn arrived(&self, _: &ServiceDeployment) -> bool {
        true
    }
}

/// What a task that should run is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Not judged yet: it starts, its checks have not decided, or a grace period covers it. Time alone may change that
    /// at the time given.
    Fresh(Option<Timestamp>),
    Healthy,
    /// To be replaced: the reason it is stopped for.
    Unhealthy(&'static str),
}

/// Why a task is stopped whose container health checks fail.
pub const FAILED_CHECKS: &str = "Task failed container health checks";

/// Judges a task. `grace` is the service's healthCheckGracePeriodSeconds.
#[must_use]
pub fn worth(task: &Task, targets: &dyn TargetHealth, timing: Timing, grace: Duration, now: Timestamp) -> Worth {
    let Some(started_at) = task.started_at.filter(|_| task.last_status == TaskStatus::Running) else {
        return Worth::Fresh(None);
    };
    let grace_ends = started_at.saturating_add(grace);
    let unhealthy = |reason| if grace_ends > now { Worth::Fresh(Some(grace_ends)) } else { Worth::Unhealthy(reason) };
    let essential = task.containers.iter().filter(|container| container.essential);
    let checks = essential.map(|container| container.health).filter(|health| *health != ObservedHealth::None);
    let (mut checked, mut undecided) = (false, false);
    for health in checks {
        match health {
            ObservedHealth::Unhealthy => return unhealthy(FAILED_CHECKS),
            ObservedHealth::Starting => undecided = true,
            ObservedHealth::Healthy | ObservedHealth::None => checked = true,
        }
    }
    let target = targets.of(task);
    match target {
        Some(Target::Unhealthy) => return unhealthy("Task failed ELB health checks"),
        Some(Target::Initial) => return Worth::Fresh(None),
        Some(Target::Healthy) | None => {}
    }
    if undecided {
        return Worth::Fresh(None);
    }
    let settled = started_at.saturating_add(timing.settle);
    if !checked && target.is_none() && settled > now {
        return Worth::Fresh(Some(settled));
    }
    Worth::Healthy
}

/// Between how many tasks a deployment has to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Healthy ones, at least.
    pub minimum: usize,
    /// All that should run, at most.
    pub maximum: usize,
}

impl Limits {
    /// The percentages of a desired count: the lower bound is rounded up, the upper one down.
    #[must_use]
    pub fn of(configuration: &DeploymentConfiguration, desired: usize) -> Self {
        let percent = |given: Option<i32>, default: usize| given.map_or(default, |it| usize::try_from(it).unwrap_or(0));
        let minimum = percent(configuration.minimum_healthy_percent, 100);
        let maximum = percent(configuration.maximum_percent, 200);
        Self { minimum: (desired * minimum).div_ceil(100), maximum: desired * maximum / 100 }
    }
}

/// How a task ended, for the deployment that started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody stopped it, or it had run for a good while.
    Ordinary,
    /// By itself and soon. `failed` when it was never healthy: the circuit breaker counts that.
    TooSoon { failed: bool },
}

/// What the end of a task that is STOPPED says.
#[must_use]
pub fn ending(task: &Task, timing: Timing) -> Ending {
    match task.stop_code {
        Some(TaskStopCode::UserInitiated | TaskStopCode::ServiceSchedulerInitiated) => return Ending::Ordinary,
        Some(TaskStopCode::SpotInterruption | TaskStopCode::TerminationNotice) => return Ending::Ordinary,
        _ => {}
    }
    let Some(started_at) = task.started_at else { return Ending::TooSoon { failed: true } };
    let ended_at = task.execution_stopped_at.or(task.stopping_at).or(task.stopped_at).unwrap_or(started_at);
    if ended_at >= started_at.saturating_add(timing.short_lived) {
        return Ending::Ordinary;
    }
    let checks = || task.containers.iter().filter(|it| it.essential && it.health != ObservedHealth::None);
    let was_healthy = if checks().next().is_some() {
        checks().all(|container| container.health == ObservedHealth::Healthy)
    } else {
        ended_at >= started_at.saturating_add(timing.settle)
    };
    Ending::TooSoon { failed: !was_healthy }
}

/// How long to wait after the n-th failure in a row: the first is replaced at once, and it is 27 minutes at most.
#[must_use]
pub fn delay(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(27 * 60);
    match failures {
        0 | 1 => Duration::ZERO,
        n => Duration::from_secs(5).saturating_mul(2_u32.saturating_pow(n - 2)).min(LONGEST),
    }
}

/// After this long without a failure the count begins again.
const FORGIVEN: Duration = Duration::from_secs(300);

/// From this many failures in a row the service is called impaired.
pub const IMPAIRED: u32 = 3;

/// Counts one or more tasks of a deployment that ended too soon, `failed` of them without ever having been healthy.
/// What fails while the deployment waits already does not make it wait longer.
pub fn count_failures(deployment: &mut Deployment, failed: i32, now: Timestamp) {
    if deployment.rollout == Rollout::InProgress {
        deployment.failed_tasks = deployment.failed_tasks.saturating_add(failed);
    }
    if back_off(&mut deployment.backoff, now) {
        deployment.updated_at = now;
    }
}

/// Waits longer before the next start; returns whether it did not wait already.
pub fn back_off(backoff: &mut Backoff, now: Timestamp) -> bool {
    let Backoff { failures, until } = *backoff;
    if until.is_some_and(|until| until > now) {
        return false;
    }
    let forgiven = until.is_some_and(|until| now >= until.saturating_add(FORGIVEN));
    let failures = if forgiven { 1 } else { failures.saturating_add(1) };
    *backoff = Backoff { failures, until: Some(now.saturating_add(delay(failures))) };
    true
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
