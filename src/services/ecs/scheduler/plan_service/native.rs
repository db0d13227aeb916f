//! Deployments that go through lifecycle stages: BLUE_GREEN, LINEAR and CANARY.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>
//!
//! The target (green) is started at its full size beside what it replaces (blue), traffic is shifted, and after the bake
//! time blue goes. A plan takes at most one step from stage to stage, so that each stage is written down and seen. A
//! rollback shifts back what was shifted, and then the target goes.

use api_models::ecs::DeploymentConfiguration;

use super::replica::BATCH;
use super::scale_in::{self, Candidates};
use super::stages::{self, Failure};
use super::{Judged, Plan, Start, View, Why, may_start, of_deployment, scaling_reason, stop_unhealthy};
use crate::services::ecs::resources::service::{
    Course, DeploymentId, Service, ServiceDeployment, ServiceDeploymentKey, Stage, has_stages, minutes_of,
};
use crate::services::ecs::scheduler::deployment::Limits;
use crate::time::Timestamp;

/// How long a stage may take in which tasks are started or stopped.
const PATIENCE_MINUTES: i32 = 24 * 60;

/// The course of a deployment that begins; `None` for one without stages.
pub(super) fn course(
    view: &View<'_>,
    service: &Service,
    deployment: &ServiceDeployment,
    now: Timestamp,
) -> Option<Course> {
    if !has_stages(&deployment.configuration) {
        return None;
    }
    let sources = &deployment.sources;
    let completed = service.last_completed.clone().filter(|id| sources.contains(id));
    let tasks = |id: &DeploymentId| view.live.iter().filter(|task| of_deployment(task, id)).count();
    let keep_blue = completed.is_some();
    let blue = completed.or_else(|| sources.iter().max_by_key(|id| tasks(id)).cloned());
    let mut course = Course::new(blue, keep_blue, now);
    let first = if sources.len() > 1 { Stage::ReconcileService } else { Stage::PreScaleUp };
    course.enter(first, &deployment.key, &deployment.configuration, now);
    Some(course)
}

/// Whether the deployment under way has stages.
pub(super) fn is_under_way(plan: &Plan) -> bool {
    plan.service_deployment.as_ref().is_some_and(|deployment| deployment.course.is_some() && !deployment.is_over())
}

/// Turns the deployment back: what was shifted is shifted back first.
pub(super) fn turn_back(deployment: &mut ServiceDeployment, now: Timestamp) {
    let Some(course) = &mut deployment.course else { return };
    course.abandon_hooks();
    enter_back(course, &deployment.key, &deployment.configuration, now);
}

fn enter_back(course: &mut Course, of: &ServiceDeploymentKey, given: &DeploymentConfiguration, now: Timestamp) {
    let stage = if course.production > 0.0 {
        course.production = 0.0;
        Stage::ProductionTrafficShift
    } else if course.test > 0.0 {
        course.test = 0.0;
        Stage::TestTrafficShift
    } else {
        Stage::CleanUp
    };
    course.enter(stage, of, given, now);
}

/// Plans starts and stops, and the step to the next stage; returns whether everything is as it should be.
pub(super) fn plan(view: &View<'_>, plan: &mut Plan, judged: &[Judged<'_>]) -> bool {
    let waits = match hooks(view, plan) {
        Hooks::Failed(failure) => {
            stages::fail(view, plan, &failure);
            if !is_under_way(plan) {
                return false;
            }
            false
        }
        Hooks::Open => true,
        Hooks::Over => false,
    };
    let Some(deployment) = plan.service_deployment.clone() else { return false };
    let Some(course) = &deployment.course else { return false };
    let standing = keep_tasks(view, plan, judged, &deployment, course);
    // One step at a time: each stage is written down, also those that nothing keeps it at.
    let stood = view.under_way.and_then(|before| before.course.as_ref()).map(|before| before.entry);
    if waits || stood != Some(course.entry) || !view.traffic.arrived(&deployment) {
        return false;
    }
    match next(view, plan, &deployment, course, &standing) {
        Next::Stay => false,
        Next::Reached => true,
        Next::Fail(failure) => {
            stages::fail(view, plan, &failure);
            false
        }
        Next::Stage(stage) => {
            if let Some(deployment) = &mut plan.service_deployment
                && let Some(course) = &mut deployment.course
            {
                advance(course, stage, &deployment.key, &deployment.configuration, deployment.rollback.is_some(), view);
                deployment.updated_at = view.now;
            }
            false
        }
    }
}

fn advance(
    course: &mut Course,
    stage: Stage,
    of: &ServiceDeploymentKey,
    given: &DeploymentConfiguration,
    back: bool,
    view: &View<'_>,
) {
    if back {
        return enter_back(course, of, given, view.now);
    }
    match stage {
        Stage::TestTrafficShift => course.test = 100.0,
        Stage::ProductionTrafficShift => course.production = course.next_share(given),
        _ => {}
    }
    course.enter(stage, of, given, view.now);
}

/// What became of the hooks of the present stage.
enum Hooks {
    Over,
    Open,
    Failed(Failure),
}

fn hooks(view: &View<'_>, plan: &mut Plan) -> Hooks {
    use api_models::ecs::DeploymentLifecycleHookAction::Continue;
    use api_models::ecs::DeploymentLifecycleHookStatus::{Failed, TimedOut};
    use api_models::ecs::DeploymentLifecycleHookTargetType::Pause;

    let course = plan.service_deployment.as_mut().and_then(|deployment| deployment.course.as_mut());
    let Some(course) = course else { return Hooks::Over };
    let (mut expiry, mut failure): (Option<Timestamp>, Option<Failure>) = (None, None);
    let stage = course.stage.as_str();
    for run in course.hooks.iter_mut().filter(|run| run.entry == course.entry) {
        let pause = run.target_type == Pause;
        if run.is_open() {
            if run.expires_at > view.now {
                expiry = Some(expiry.map_or(run.expires_at, |other| other.min(run.expires_at)));
                continue;
            }
            run.status = TimedOut;
        }
        let failed = match run.status {
            TimedOut if run.timeout_action == Continue => None,
            TimedOut if pause => Some(Failure::Hook(format!("{stage} pause hook timed out."))),
            TimedOut => {
                let target = run.target_arn.as_deref().unwrap_or_default();
                Some(Failure::Hook(format!(
                    "{stage} lifecycle hook(s) failed. Lifecycle hook target {target} timed out."
                )))
            }
            Failed if pause => Some(Failure::Hook(format!("of a ContinueServiceDeployment request at {stage}."))),
            Failed => {
                let reason = run.reason.as_deref().unwrap_or_default();
                Some(Failure::Hook(format!("{stage} lifecycle hook(s) failed. {reason}")))
            }
            _ => None,
        };
        failure = failure.or(failed);
    }
    if let Some(failure) = failure {
        return Hooks::Failed(failure);
    }
    let Some(expiry) = expiry else { return Hooks::Over };
    plan.wake_at(expiry);
    Hooks::Open
}

/// What is to come next.
enum Next {
    Stay,
    Stage(Stage),
    Reached,
    Fail(Failure),
}

fn next(
    view: &View<'_>,
    plan: &mut Plan,
    deployment: &ServiceDeployment,
    course: &Course,
    standing: &Standing,
) -> Next {
    let given = &deployment.configuration;
    let due = |minutes: i32| course.since.saturating_add(minutes_of(minutes));
    if deployment.rollback.is_some() {
        return match course.stage {
            Stage::CleanUp if standing.alone && standing.complete => Next::Reached,
            Stage::CleanUp => Next::Stay,
            // Where to is in the course.
            stage => Next::Stage(stage),
        };
    }
    let patient = |plan: &mut Plan| {
        let end = due(PATIENCE_MINUTES);
        if end <= view.now {
            return Next::Fail(Failure::Stage(course.stage.as_str()));
        }
        plan.wake_at(end);
        Next::Stay
    };
    match course.stage {
        Stage::ReconcileService if standing.only_two => Next::Stage(Stage::PreScaleUp),
        Stage::ReconcileService => patient(plan),
        Stage::PreScaleUp => Next::Stage(Stage::ScaleUp),
        Stage::ScaleUp if standing.complete => Next::Stage(Stage::PostScaleUp),
        Stage::ScaleUp => patient(plan),
        Stage::PostScaleUp => Next::Stage(Stage::TestTrafficShift),
        Stage::TestTrafficShift => Next::Stage(Stage::PostTestTrafficShift),
        Stage::PostTestTrafficShift => Next::Stage(Stage::PreProductionTrafficShift),
        Stage::PreProductionTrafficShift => Next::Stage(Stage::ProductionTrafficShift),
        Stage::ProductionTrafficShift if course.production >= 100.0 => Next::Stage(Stage::PostProductionTrafficShift),
        Stage::ProductionTrafficShift => {
            let end = due(Course::step_minutes(given));
            if end <= view.now {
                return Next::Stage(Stage::PreProductionTrafficShift);
            }
            plan.wake_at(end);
            Next::Stay
        }
        Stage::PostProductionTrafficShift => Next::Stage(Stage::BakeTime),
        Stage::BakeTime => {
            let end = due(if course.blue.is_some() { given.bake_time_in_minutes.unwrap_or(0) } else { 0 });
            if end <= view.now {
                return Next::Stage(Stage::CleanUp);
            }
            plan.wake_at(end);
            Next::Stay
        }
        Stage::CleanUp if standing.alone && standing.complete => Next::Reached,
        Stage::CleanUp => Next::Stay,
    }
}

/// How the tasks stand.
struct Standing {
    /// The revision that is to stay has all its tasks, and they are healthy.
    complete: bool,
    /// No other revision has a task.
    alone: bool,
    /// No revision but blue and the target has one, or blue can't do without them.
    only_two: bool,
}

/// Keeps each revision's tasks at what the stage asks for.
fn keep_tasks(
    view: &View<'_>,
    plan: &mut Plan,
    judged: &[Judged<'_>],
    deployment: &ServiceDeployment,
    course: &Course,
) -> Standing {
    let desired = usize::try_from(plan.service.desired_count).unwrap_or(0);
    let limits = Limits::of(&plan.service.deployment_configuration, desired);
    let target = &deployment.target;
    let back = deployment.rollback.as_ref().map(|rollback| &rollback.revision);
    let stays = back.unwrap_or(target).clone();
    let of = |id: &DeploymentId| -> Vec<Judged<'_>> {
        judged.iter().filter(|it| of_deployment(it.task, id)).copied().collect()
    };
    // Healthy ones that may be stopped.
    let healthy = judged.iter().filter(|it| it.is_healthy()).count();
    let mut spare = healthy.saturating_sub(limits.minimum);
    let wanted = match back {
        None if course.stage < Stage::ScaleUp => None,
        _ => Some(desired),
    };
    let own = of(&stays);
    keep(view, plan, &stays, &own, wanted, limits, &mut spare);
    let cleans_up = course.stage == Stage::CleanUp;
    let mut blue_fails = false;
    let mut kept = vec![stays.clone()];
    for id in [course.blue.as_ref(), Some(target)].into_iter().flatten() {
        if cleans_up || kept.contains(id) {
            continue;
        }
        // On the way back the target stays what it is until the traffic is elsewhere.
        let wanted = (course.keep_blue && id != target).then_some(desired);
        keep(view, plan, id, &of(id), wanted, limits, &mut spare);
        let failing = plan.service.deployments.iter().find(|it| it.id == *id);
        blue_fails |= failing.is_some_and(|it| it.backoff.failures >= super::deployment::IMPAIRED);
        kept.push(id.clone());
    }
    let goes: Vec<Judged<'_>> =
        judged.iter().filter(|it| !kept.iter().any(|id| of_deployment(it.task, id))).copied().collect();
    stop_all(view, plan, &goes, &mut spare);
    let is_one_of = |ids: &[DeploymentId]| view.live.iter().all(|task| ids.iter().any(|id| of_deployment(task, id)));
    let ready = own.iter().filter(|it| it.is_healthy()).count();
    Standing {
        complete: ready == desired && own.len() == desired,
        alone: is_one_of(std::slice::from_ref(&stays)),
        only_two: is_one_of(&kept) || blue_fails || !course.keep_blue || view.service.lacks_capacity,
    }
}

/// Keeps one revision at `wanted` tasks; without it starts none, and stops those only that are unhealthy.
fn keep(
    view: &View<'_>,
    plan: &mut Plan,
    id: &DeploymentId,
    own: &[Judged<'_>],
    wanted: Option<usize>,
    limits: Limits,
    spare: &mut usize,
) {
    let leaves = |it: &Judged<'_>| {
        it.task.container_instance.as_ref().is_some_and(|instance| view.instances.leaving.contains(instance))
    };
    let healthy: Vec<Judged<'_>> = own.iter().filter(|it| it.is_healthy() && !leaves(it)).copied().collect();
    let fresh: Vec<Judged<'_>> = own.iter().filter(|it| it.is_fresh() && !leaves(it)).copied().collect();
    let unhealthy = own.iter().filter(|it| !it.is_healthy() && !it.is_fresh());
    let Some(wanted) = wanted else {
        unhealthy.for_each(|it| stop_unhealthy(plan, it, view.now));
        return;
    };
    let may_start = may_start(plan, id, view.now);
    let mut stopped = 0;
    let kept = healthy.len() + fresh.len();
    if kept > wanted {
        let surplus = kept - wanted;
        stopped += scale_in::stop(view, plan, &Candidates { stoppable: &fresh, all: own }, surplus);
        let left = (surplus - stopped).min(*spare);
        let gone = scale_in::stop(view, plan, &Candidates { stoppable: &healthy, all: own }, left);
        *spare -= gone;
        stopped += gone;
    }
    // What is unhealthy, or on an instance that leaves, stays until its replacement is healthy.
    let lacking = wanted.saturating_sub(healthy.len());
    let leaving: Vec<Judged<'_>> =
        own.iter().filter(|it| leaves(it) && (it.is_healthy() || it.is_fresh())).copied().collect();
    let unhealthy: Vec<&Judged<'_>> = unhealthy.collect();
    let mut replaced = (unhealthy.len() + leaving.len()).saturating_sub(lacking);
    let total = own.len();
    let room = wanted.max(limits.maximum).saturating_sub(total - stopped);
    let starts = wanted.saturating_sub(kept);
    if starts > 0 && may_start && room == 0 && fresh.is_empty() && stopped == 0 {
        replaced = replaced.max(1);
    }
    for it in unhealthy.iter().take(replaced) {
        stop_unhealthy(plan, it, view.now);
        stopped += 1;
    }
    let left = replaced.saturating_sub(unhealthy.len());
    stopped += stop_all(view, plan, &leaving[..left.min(leaving.len())], spare);
    let room = wanted.max(limits.maximum).saturating_sub(total - stopped);
    let count = if may_start { starts.min(room).min(BATCH) } else { 0 };
    if count > 0 {
        plan.start.push(Start { deployment: id.clone(), count, on: Vec::new(), why: Why::of(unhealthy.len(), count) });
    }
}

/// Stops all of `goes` that may be: healthy ones as far as enough others are healthy. Returns how many.
fn stop_all(view: &View<'_>, plan: &mut Plan, goes: &[Judged<'_>], spare: &mut usize) -> usize {
    let reason = scaling_reason(&plan.service);
    let mut stopped = 0;
    for it in goes {
        if let Some(expiry) = it.protected_until(view.now) {
            plan.wake_at(expiry);
            continue;
        }
        if it.is_healthy() {
            if *spare == 0 {
                continue;
            }
            *spare -= 1;
        }
        plan.stop(it.task, reason.clone());
        stopped += 1;
    }
    stopped
}
