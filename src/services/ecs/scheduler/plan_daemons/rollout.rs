//! How a deployment goes on: instances that run something else are drained, a part of them at a time, until all run what
//! they should; it goes back when tasks fail to start, or alarms ring.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-deployments.html>

use std::time::Duration;

use api_models::ecs::{DaemonDeploymentConfiguration, DaemonDeploymentStatus as Status};

use super::{Draft, Drain, Host, Plan, View, draining};
use crate::services::ecs::resources::daemon::{DaemonStatus, Rollback};
use crate::services::ecs::resources::{Daemon, DaemonDeployment, DaemonRevision};
use crate::services::ecs::scheduler::deployment::Alarms;
use crate::time::Timestamp;

// From AWS's examples.
const SUCCESSFUL: &str = "Deployment completed successfully.";
// These are those of service deployments, said of daemons. (ours)
const BREAKER: &str = "Daemon deployment failed because the circuit breaker threshold was exceeded.";
const BREAKER_BACK: &str = "Daemon deployment rolled back because the circuit breaker threshold was exceeded.";
const ALARMS: &str = "Daemon deployment failed because these CloudWatch alarms were in the ALARM state: ";
const ALARMS_BACK: &str = "Daemon deployment rolled back because these CloudWatch alarms were in the ALARM state: ";

/// How many tasks may fail to start: AWS shows 10 for a daemon on three instances, and has half of a service's tasks, at most
/// 200, for services.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeDaemonDeployments.html>
fn threshold(hosts: usize) -> i32 {
    i32::try_from(hosts.div_ceil(2)).unwrap_or(i32::MAX).clamp(10, 200)
}

pub(super) fn plan(draft: &mut Draft<'_>, view: &View<'_>, plan: &mut Plan) {
    let Some(mut deployment) = draft.deployment.take() else { return };
    match deployment.status {
        Status::Pending => {
            deployment.status = Status::InProgress;
            deployment.started_at = Some(view.now);
            deployment.alarms_ignored = ringing(&deployment.configuration, view.alarms);
            deployment.threshold = threshold(concerned(draft, view).count());
        }
        Status::StopRequested => roll_back(draft, &mut deployment, view.now),
        Status::InProgress | Status::RollbackInProgress => match failure(&deployment, view) {
            Some(alarms) => fail(draft, &mut deployment, alarms, view.now),
            None => advance(draft, &mut deployment, view, plan),
        },
        _ => {}
    }
    draft.deployment = Some(deployment);
}

/// The instances that have to do with the daemon.
fn concerned<'v>(draft: &Draft<'_>, view: &'v View<'_>) -> impl Iterator<Item = &'v Host<'v>> {
    let has =
        |host: &&Host<'_>| draft.wanted(host.provider).is_some() || host.instance.daemons.contains_key(draft.name());
    view.hosts.iter().filter(has).collect::<Vec<_>>().into_iter()
}

fn ringing(configuration: &DaemonDeploymentConfiguration, alarms: &dyn Alarms) -> Vec<String> {
    let watched = configuration.alarms.as_deref().filter(|alarms| alarms.enable == Some(true));
    let names = watched.and_then(|alarms| alarms.alarm_names.as_deref()).unwrap_or_default();
    if names.is_empty() { Vec::new() } else { alarms.in_alarm(names) }
}

/// The alarms because of which the deployment can't go on; none when too many tasks failed. `None` when it can.
fn failure(deployment: &DaemonDeployment, view: &View<'_>) -> Option<Vec<String>> {
    if deployment.failure_count >= deployment.threshold {
        return Some(Vec::new());
    }
    // While it goes back nobody listens to them any more.
    if deployment.status == Status::RollbackInProgress {
        return None;
    }
    let mut alarms = ringing(&deployment.configuration, view.alarms);
    alarms.retain(|name| !deployment.alarms_ignored.contains(name));
    (!alarms.is_empty()).then_some(alarms)
}

fn fail(draft: &Draft<'_>, deployment: &mut DaemonDeployment, alarms: Vec<String>, now: Timestamp) {
    let back = deployment.status != Status::RollbackInProgress && back(draft, deployment).is_some();
    let reason = match (alarms.is_empty(), back) {
        (true, true) => BREAKER_BACK.to_owned(),
        (true, false) => BREAKER.to_owned(),
        (false, true) => format!("{ALARMS_BACK}{}.", alarms.join(", ")),
        (false, false) => format!("{ALARMS}{}.", alarms.join(", ")),
    };
    if deployment.status == Status::RollbackInProgress {
        return end(deployment, Status::RollbackFailed, reason, now);
    }
    deployment.breaker_triggered = alarms.is_empty();
    deployment.triggered_alarms = alarms;
    if back {
        deployment.status = Status::StopRequested;
        deployment.status_reason = Some(reason);
    } else {
        end(deployment, Status::Stopped, reason, now);
    }
}

/// The revision it can go back to.
fn back<'d>(draft: &'d Draft<'_>, deployment: &DaemonDeployment) -> Option<&'d DaemonRevision> {
    let settled = draft.daemon.settled.as_ref().filter(|settled| deployment.target.as_ref() != Some(settled));
    draft.revision(settled)
}

fn roll_back(draft: &mut Draft<'_>, deployment: &mut DaemonDeployment, now: Timestamp) {
    let Some(revision) = back(draft, deployment) else {
        let reason = deployment.status_reason.clone().unwrap_or_default();
        return end(deployment, Status::Stopped, reason, now);
    };
    let id = revision.key.id.clone();
    deployment.rollback = Some(Rollback {
        reason: deployment.status_reason.clone().unwrap_or_default(),
        started_at: now,
        revision: id.clone(),
        capacity_providers: revision.capacity_providers.clone(),
    });
    deployment.status = Status::RollbackInProgress;
    deployment.failure_count = 0;
    deployment.bakes_since = None;
    draft.daemon.revision = Some(id);
    draft.daemon.backoff = Default::default();
}

fn end(deployment: &mut DaemonDeployment, status: Status, reason: String, now: Timestamp) {
    if matches!(status, Status::Stopped | Status::RollbackFailed) {
        deployment.stopped_at = Some(now);
    }
    deployment.status = status;
    deployment.status_reason = Some(reason);
    deployment.finished_at = Some(now);
}

/// Drains the next instances, and finds out whether all is done.
fn advance(draft: &mut Draft<'_>, deployment: &mut DaemonDeployment, view: &View<'_>, plan: &mut Plan) {
    let gone = draining(view, plan);
    let (mut stale, mut leaving, mut coming, mut total) = (Vec::new(), 0, false, 0_usize);
    for host in concerned(draft, view) {
        match host.instance.status.as_str() {
            "REGISTERING" => coming = true,
            _ => {
                total += 1;
                if gone.contains(&host.instance.key) {
                    leaving += usize::from(draft.is_stale(host));
                } else if draft.is_stale(host) {
                    stale.push(host.instance.key.clone());
                }
            }
        }
    }
    if !stale.is_empty() || leaving > 0 {
        deployment.bakes_since = None;
        let batch = at_once(&deployment.configuration, total).saturating_sub(leaving);
        let next = stale.into_iter().take(batch).map(|instance| Drain { instance, impaired: false });
        plan.drain.extend(next.collect::<Vec<_>>());
        return;
    }
    if coming {
        return;
    }
    if deployment.status == Status::InProgress && baking(deployment, view.now, plan) {
        return;
    }
    done(&mut draft.daemon, deployment, view.now);
}

/// How many instances may be drained at once.
fn at_once(configuration: &DaemonDeploymentConfiguration, total: usize) -> usize {
    let percent = configuration.drain_percent.unwrap_or(100.0).clamp(0.0, 100.0);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let part = (total as f64 * percent / 100.0).floor() as usize;
    part.max(1)
}

/// Whether the bake time is not over.
fn baking(deployment: &mut DaemonDeployment, now: Timestamp, plan: &mut Plan) -> bool {
    let minutes = deployment.configuration.bake_time_in_minutes.unwrap_or(0);
    let time = Duration::from_secs(60 * u64::try_from(minutes).unwrap_or(0));
    if time.is_zero() {
        return false;
    }
    let until = deployment.bakes_since.get_or_insert(now).saturating_add(time);
    if until > now {
        plan.wake_at(until);
    }
    until > now
}

fn done(daemon: &mut Daemon, deployment: &mut DaemonDeployment, now: Timestamp) {
    if deployment.status == Status::RollbackInProgress {
        let reason = deployment.rollback.as_ref().map(|rollback| rollback.reason.clone()).unwrap_or_default();
        end(deployment, Status::RollbackSuccessful, reason, now);
    } else {
        end(deployment, Status::Successful, SUCCESSFUL.to_owned(), now);
        daemon.settled.clone_from(&deployment.target);
    }
    if daemon.status == DaemonStatus::Deleting {
        daemon.status = DaemonStatus::Deleted;
        daemon.deleted_at = Some(now);
    }
}
