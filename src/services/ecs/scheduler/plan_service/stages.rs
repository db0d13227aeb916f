//! The stages of a deployment: begun, watched by circuit breaker and alarms, rolled back or stopped, completed.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
//!
//! What the strategies other than the rolling update do between begin and end is in `native`.

use api_models::ecs::{
    DeploymentConfiguration, DeploymentEarlySuccessCriteria, ServiceDeploymentStatus, ServiceRevisionCleanup,
};

use super::{IMPAIRED, Judged, PROTECTED, Plan, STUCK, View, belongs, native};
use crate::services::ecs::resources::service::{
    Counts, Deployment, DeploymentId, FinalCounts, Rollback, Rollout, breaker_threshold, minutes_of,
};
use crate::services::ecs::resources::{TaskStatus, service::Service};
use crate::time::Timestamp;

/// What made a deployment fail.
pub(super) enum Failure {
    TasksFailed,
    Alarms(Vec<String>),
    /// StopServiceDeployment, with a rollback or without.
    Stopped {
        roll_back: bool,
    },
    /// A lifecycle hook, or who answers for it: the end of a sentence that begins with "because".
    Hook(String),
    /// A lifecycle stage took too long.
    Stage(&'static str),
}

impl Failure {
    /// Of the event and of `rolloutStateReason`.
    fn what(&self) -> String {
        match self {
            Self::TasksFailed => "tasks failed to start".to_owned(),
            Self::Alarms(_) => "alarm detected".to_owned(),
            Self::Stopped { .. } => "service deployment stopped by user".to_owned(),
            Self::Hook(_) | Self::Stage(_) => self.status_reason().trim_end_matches('.').to_owned(),
        }
    }

    fn by(&self) -> &'static str {
        match self {
            Self::TasksFailed => "ECS deployment circuit breaker",
            Self::Alarms(_) => "ECS deployment alarms",
            Self::Stopped { .. } | Self::Hook(_) | Self::Stage(_) => "ECS deployment",
        }
    }

    fn status_reason(&self) -> String {
        match self {
            Self::TasksFailed => {
                "Service deployment rolled back because the circuit breaker threshold was exceeded.".to_owned()
            }
            Self::Alarms(names) => format!(
                "Service deployment rolled back because these CloudWatch alarms were in the ALARM state: {}.",
                names.join(", ")
            ),
            Self::Stopped { .. } => {
                "Service deployment rolled back because of a StopServiceDeployment request.".to_owned()
            }
            Self::Hook(why) => format!("Service deployment rolled back because {why}"),
            Self::Stage(stage) => format!("Service deployment rolled back because {stage} timed out."),
        }
    }
}

/// A service deployment that waits begins.
pub(super) fn begin(view: &View<'_>, plan: &mut Plan) {
    if let Some(deployment) = &mut plan.service_deployment
        && deployment.status == ServiceDeploymentStatus::Pending
    {
        deployment.course = native::course(view, &plan.service, deployment, view.now);
        deployment.status = ServiceDeploymentStatus::InProgress;
        deployment.started_at = Some(view.now);
        deployment.updated_at = view.now;
        // One that is to mend what rings must not fail for it.
        deployment.alarms_ignored = !ringing(view, &plan.service.deployment_configuration).is_empty();
    }
}

/// Counts what the circuit breaker counts, and ends the deployment when it, an alarm or a user says so.
pub(super) fn watch(view: &View<'_>, plan: &mut Plan, judged: &[Judged<'_>]) {
    let configuration = plan.service.deployment_configuration.clone();
    let Some(primary) = plan.service.deployments.first_mut() else { return };
    if primary.rollout != Rollout::InProgress {
        return;
    }
    let healthy = judged.iter().filter(|it| it.is_healthy() && belongs(it.task, primary)).count();
    let healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
    let breaker = configuration.deployment_circuit_breaker.as_deref();
    if healthy > primary.healthy_tasks && breaker.is_none_or(|it| it.reset_on_healthy_task != Some(false)) {
        primary.failed_tasks = 0;
    }
    primary.healthy_tasks = healthy;
    let failed_tasks = primary.failed_tasks;
    let threshold = breaker_threshold(&configuration, plan.service.desired_count);
    // What rings says nothing of the revision that is gone back to.
    let mut alarms_count = false;
    let status = plan.service_deployment.as_mut().map(|deployment| {
        // On the way back it stays what made it fail.
        if deployment.rollback.is_none() {
            deployment.failure_count = failed_tasks;
        }
        alarms_count = !deployment.alarms_ignored && deployment.rollback.is_none();
        deployment.status.clone()
    });
    let ringing = if alarms_count { ringing(view, &configuration) } else { Vec::new() };
    match status {
        Some(ServiceDeploymentStatus::RollbackRequested) => {
            fail(view, plan, &Failure::Stopped { roll_back: true });
        }
        Some(ServiceDeploymentStatus::StopRequested) => fail(view, plan, &Failure::Stopped { roll_back: false }),
        _ if threshold.is_some_and(|threshold| failed_tasks >= threshold) => fail(view, plan, &Failure::TasksFailed),
        _ if !ringing.is_empty() => fail(view, plan, &Failure::Alarms(ringing)),
        _ => {}
    }
}

/// Those of the service's deployment alarms that are in the ALARM state.
fn ringing(view: &View<'_>, configuration: &DeploymentConfiguration) -> Vec<String> {
    let alarms = configuration.alarms.as_deref().filter(|alarms| alarms.enable == Some(true));
    alarms.map_or_else(Vec::new, |alarms| view.alarms.in_alarm(alarms.alarm_names.as_deref().unwrap_or_default()))
}

/// The first deployment of a service has nothing to go back to.
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

/// The PRIMARY fails; when it may, the last revision that was completed takes its place.
pub(super) fn fail(view: &View<'_>, plan: &mut Plan, failure: &Failure) {
    let configuration = &plan.service.deployment_configuration;
    let wanted = match failure {
        Failure::TasksFailed => {
            configuration.deployment_circuit_breaker.as_ref().is_some_and(|breaker| breaker.rollback == Some(true))
        }
        Failure::Alarms(_) => configuration.alarms.as_ref().is_some_and(|alarms| alarms.rollback == Some(true)),
        Failure::Stopped { roll_back } => *roll_back,
        Failure::Hook(_) | Failure::Stage(_) => true,
    };
    let now = view.now;
    let Some(primary) = plan.service.deployments.first_mut() else { return };
    primary.rollout = Rollout::Failed;
    primary.rollout_reason = format!("{}: {}.", failure.by(), failure.what());
    primary.updated_at = now;
    let service_deployment = primary.service_deployment.take();
    let failed = primary.id.clone();
    plan.say(&format!("(deployment ecs-svc/{failed}) deployment failed: {}.", failure.what()));
    if let Some(deployment) = &mut plan.service_deployment {
        deployment.updated_at = now;
        match failure {
            Failure::TasksFailed => deployment.breaker_triggered = true,
            Failure::Alarms(names) => deployment.triggered_alarms.clone_from(names),
            Failure::Stopped { .. } | Failure::Hook(_) | Failure::Stage(_) => {}
        }
    }
    // One that rolled back already is not rolled back again.
    let rolled_back = plan.service_deployment.as_ref().is_some_and(|deployment| deployment.rollback.is_some());
    let target = plan.service.last_completed.clone().filter(|target| wanted && !rolled_back && *target != failed);
    let Some(target) = target else {
        let what = failure.what();
        let (status, reason) = match (rolled_back, wanted) {
            (true, _) => {
                (ServiceDeploymentStatus::RollbackFailed, format!("Service deployment rollback failed: {what}."))
            }
            (false, true) => (ServiceDeploymentStatus::RollbackFailed, NO_CANDIDATE.to_owned()),
            (false, false) => (ServiceDeploymentStatus::Stopped, format!("Service deployment failed: {what}.")),
        };
        if let Some(course) = plan.service_deployment.as_mut().and_then(|deployment| deployment.course.as_mut()) {
            course.abandon_hooks();
        }
        finish(view, plan, status, Some(reason));
        return;
    };
    plan.say(&format!("rolling back to deployment ecs-svc/{target}."));
    if let Some(deployment) = &mut plan.service_deployment {
        deployment.status = ServiceDeploymentStatus::RollbackInProgress;
        deployment.status_reason = Some(failure.status_reason());
        deployment.rollback =
            Some(Rollback { reason: failure.status_reason(), started_at: now, revision: target.clone() });
        native::turn_back(deployment, now);
    }
    roll_back(&mut plan.service, target, service_deployment, failure.by(), now);
    plan.forget(IMPAIRED);
    plan.forget(STUCK);
}

fn roll_back(
    service: &mut Service,
    target: DeploymentId,
    service_deployment: Option<std::sync::Arc<str>>,
    by: &str,
    now: Timestamp,
) {
    let present = service.deployments.iter().position(|deployment| deployment.id == target);
    let mut deployment = match present {
        Some(index) => service.deployments.remove(index),
        None => Deployment::new(target.clone(), std::sync::Arc::from(""), now),
    };
    deployment.rollout = Rollout::InProgress;
    deployment.rollout_reason = format!("{by}: rolling back to deploymentId ecs-svc/{target}.");
    deployment.updated_at = now;
    deployment.failed_tasks = 0;
    deployment.healthy_tasks = 0;
    deployment.backoff = Default::default();
    deployment.service_deployment = service_deployment;
    service.revision = Some(target);
    service.deployments.insert(0, deployment);
}

/// Completes the deployment when everything is `reached`, and says when the service is steady.
pub(super) fn end(view: &View<'_>, plan: &mut Plan, reached: bool, early: bool) {
    let acts = !plan.start.is_empty() || !plan.stop.is_empty();
    if early {
        let is_alone = |primary: &Deployment| view.live.iter().all(|task| belongs(task, primary));
        if cleans_up_later(plan) || plan.service.primary().is_some_and(is_alone) {
            complete(view, plan);
        }
    }
    if acts || !reached {
        plan.service.steady &= !acts;
        drop_overtaken(view, plan);
        return;
    }
    plan.forget(IMPAIRED);
    plan.forget(STUCK);
    plan.forget(PROTECTED);
    let Some(primary) = plan.service.deployments.first_mut() else { return };
    if primary.rollout == Rollout::Failed {
        return;
    }
    // A rollback that begins with this plan is to be seen under way, even if it has nothing to do.
    if view.service.primary().is_some_and(|before| before.id != primary.id) {
        return;
    }
    // Those of other deployments that are stopping still.
    if view.live.iter().any(|task| !belongs(task, primary)) {
        return;
    }
    if primary.rollout == Rollout::InProgress && bakes(view, plan) {
        return;
    }
    complete(view, plan);
    plan.service.deployments.truncate(1);
    if !plan.service.steady {
        plan.service.steady = true;
        plan.say("has reached a steady state.");
    }
}

/// The PRIMARY is deployed, if it is under way.
fn complete(view: &View<'_>, plan: &mut Plan) {
    let Some(primary) = plan.service.deployments.first_mut() else { return };
    if primary.rollout == Rollout::InProgress {
        primary.rollout = Rollout::Completed;
        primary.rollout_reason = format!("ECS deployment ecs-svc/{} completed.", primary.id);
        primary.updated_at = view.now;
        primary.failed_tasks = 0;
        primary.service_deployment = None;
        let id = primary.id.clone();
        plan.service.last_completed = Some(id.clone());
        plan.say(&format!("(deployment ecs-svc/{id}) deployment completed."));
        let rolled_back = plan.service_deployment.as_ref().is_some_and(|deployment| deployment.rollback.is_some());
        if rolled_back {
            finish(view, plan, ServiceDeploymentStatus::RollbackSuccessful, None);
        } else {
            finish(view, plan, ServiceDeploymentStatus::Successful, None);
        }
    }
}

/// Whether the deployment counts as successful although not all of its tasks are healthy: enough are, and the bake time is
/// over. The service goes on to where it should be.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentEarlySuccessCriteria.html>
pub(super) fn succeeds_early(view: &View<'_>, plan: &mut Plan, judged: &[Judged<'_>]) -> bool {
    let Some(primary) = plan.service.primary().filter(|primary| primary.rollout == Rollout::InProgress) else {
        return false;
    };
    let healthy = judged.iter().filter(|it| it.is_healthy() && belongs(it.task, primary)).count();
    let desired = usize::try_from(plan.service.desired_count).unwrap_or(0);
    let percent = early_criteria(plan).and_then(|criteria| usize::try_from(criteria.healthy_percent?).ok());
    percent.is_some_and(|percent| healthy >= (desired * percent).div_ceil(100)) && !bakes(view, plan)
}

fn early_criteria(plan: &Plan) -> Option<&DeploymentEarlySuccessCriteria> {
    let deployment = plan.service_deployment.as_ref().filter(|deployment| deployment.rollback.is_none())?;
    let criteria = deployment.configuration.early_success_criteria.as_deref()?;
    (criteria.enable == Some(true) && deployment.course.is_none()).then_some(criteria)
}

/// Whether a deployment that succeeds early does so before what it replaces is gone.
pub(super) fn cleans_up_later(plan: &Plan) -> bool {
    let cleanup = early_criteria(plan).and_then(|criteria| criteria.source_service_revision_cleanup.as_ref());
    cleanup == Some(&ServiceRevisionCleanup::Deferred)
}

/// Whether a rolling deployment that is done has to wait for its bake time, in which alarms may still fail it.
fn bakes(view: &View<'_>, plan: &mut Plan) -> bool {
    let Some(deployment) = &mut plan.service_deployment else { return false };
    let minutes = deployment.configuration.bake_time_in_minutes.unwrap_or(0);
    if minutes == 0 || deployment.course.is_some() || deployment.rollback.is_some() || deployment.sources.is_empty() {
        return false;
    }
    let since = *deployment.bakes_since.get_or_insert(view.now);
    let end = since.saturating_add(minutes_of(minutes));
    if end > view.now {
        plan.wake_at(end);
    }
    end > view.now
}

/// Deployments that were overtaken before they had a task are not shown any more; one that failed is, until the next
/// one is complete.
fn drop_overtaken(view: &View<'_>, plan: &mut Plan) {
    let blue = plan.service_deployment.as_ref().and_then(|deployment| deployment.course.as_ref()?.blue.clone());
    let mut index = 0;
    plan.service.deployments.retain(|deployment| {
        index += 1;
        index == 1
            || deployment.rollout == Rollout::Failed
            || blue.as_ref() == Some(&deployment.id)
            || view.live.iter().any(|task| belongs(task, deployment))
    });
}

/// The service deployment is over; its counts stay as they are now.
fn finish(view: &View<'_>, plan: &mut Plan, status: ServiceDeploymentStatus, reason: Option<String>) {
    let desired = plan.service.desired_count;
    let current = plan.service.revision.clone();
    let Some(deployment) = &mut plan.service_deployment else { return };
    if deployment.is_over() {
        return;
    }
    let of = |id: &DeploymentId| {
        let own = || {
            view.live.iter().filter(|task| {
                task.desired_status == TaskStatus::Running
                    && task.service.as_ref().is_some_and(|link| link.deployment == *id)
            })
        };
        let all = i32::try_from(own().count()).unwrap_or(i32::MAX);
        let running = own().filter(|task| task.last_status == TaskStatus::Running).count();
        let running = i32::try_from(running).unwrap_or(i32::MAX);
        let wanted = if current.as_ref() == Some(id) { desired } else { all };
        FinalCounts { revision: id.clone(), counts: Counts { desired: wanted, running, pending: all - running } }
    };
    deployment.final_counts = deployment.sources.iter().chain([&deployment.target]).map(of).collect();
    deployment.status = status;
    deployment.status_reason = reason.or(deployment.status_reason.take());
    deployment.updated_at = view.now;
    deployment.finished_at = Some(view.now);
    if deployment.status == ServiceDeploymentStatus::Stopped {
        deployment.stopped_at = Some(view.now);
    }
}
