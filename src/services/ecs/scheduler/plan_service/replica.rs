//! How many tasks a REPLICA service starts and stops.
//!
//! What is current (tasks of the PRIMARY that may stay where they are) grows as far as the upper limit allows; what is
//! outdated (tasks of other deployments, and on instances that leave) goes as current tasks become healthy, or, when
//! there is no room for those otherwise, as far as the lower limit allows.

use super::scale_in::{self, Candidates};
use super::{
    Judged, Plan, STUCK, Start, UNEVEN, View, Why, belongs, may_start, say_protected, scaling_reason, stop_unhealthy,
};
use crate::services::ecs::resources::TaskStatus;
use crate::services::ecs::resources::service::Rollout;
use crate::services::ecs::scheduler::deployment::Limits;
use api_models::ecs::AvailabilityZoneRebalancing;

/// How many tasks are started in one go; the next ones follow at once.
pub(super) const BATCH: usize = 200;

/// Plans starts and stops; returns whether everything is as it should be. With `alone` nothing outdated is
/// needed any more.
pub(super) fn plan(view: &View<'_>, plan: &mut Plan, judged: &[Judged<'_>], alone: bool) -> bool {
    let Some(primary) = plan.service.primary().cloned() else { return false };
    let desired = usize::try_from(plan.service.desired_count).unwrap_or(0);
    let limits = Limits::of(&plan.service.deployment_configuration, desired);
    let stays = |it: &Judged<'_>| {
        belongs(it.task, &primary)
            && it.task.container_instance.as_ref().is_none_or(|instance| !view.instances.leaving.contains(instance))
    };
    let (current, outdated): (Vec<Judged<'_>>, Vec<Judged<'_>>) = judged.iter().partition(|it| stays(it));
    let healthy = current.iter().filter(|it| it.is_healthy()).count();
    let fresh = current.iter().filter(|it| it.is_fresh()).count();
    let unhealthy: Vec<&Judged<'_>> = current.iter().filter(|it| !it.is_healthy() && !it.is_fresh()).collect();
    let old_serving = outdated.iter().filter(|it| it.serves()).count();
    let may_start = may_start(plan, &primary.id, view.now);
    let mut stopped = 0;

    // A deployment that failed leaves everything as it is.
    if primary.rollout != Rollout::Failed {
        stopped += stop_outdated(
            view,
            plan,
            &outdated,
            &Numbers {
                desired,
                limits,
                healthy,
                old_serving,
                wanted: if may_start { desired.saturating_sub(healthy + fresh) } else { 0 },
                total: judged.len(),
                alone,
            },
        );
    }
    let kept = healthy + fresh;
    if kept > desired && !(plan.service.moving && fresh > 0) {
        let surplus = kept - desired;
        let (runs, starts): (Vec<Judged<'_>>, Vec<Judged<'_>>) =
            current.iter().filter(|it| it.is_healthy() || it.is_fresh()).partition(|it| it.is_healthy());
        let gone = scale_in::stop(view, plan, &Candidates { stoppable: &starts, all: &current }, surplus);
        // Protected tasks that are not healthy may be what is left.
        let spare = healthy.saturating_sub(limits.minimum);
        let candidates = Candidates { stoppable: &runs, all: &current };
        stopped += gone + scale_in::stop(view, plan, &candidates, (surplus - gone).min(spare));
    }
    if kept <= desired {
        plan.service.moving = false;
    }
    // Unhealthy ones stay as long as nothing healthy replaces them.
    let replaced = unhealthy.len().saturating_sub(desired.saturating_sub(healthy));
    for it in unhealthy.iter().take(replaced) {
        stop_unhealthy(plan, it, view.now);
    }
    stopped += replaced;

    let room = limits.maximum.max(desired).saturating_sub(judged.len() - stopped);
    let wanted = desired.saturating_sub(kept);
    let mut count = if may_start { wanted.min(room).min(BATCH) } else { 0 };
    if wanted > 0 && may_start && room == 0 && fresh == 0 && stopped == 0 {
        match unhealthy.first() {
            // One by one, to make room for their replacements.
            Some(it) => stop_unhealthy(plan, it, view.now),
            None if !outdated.is_empty() && !is_stopping(view) => plan.say_once(
                STUCK,
                "was unable to stop or start tasks during a deployment because of the service deployment \
                 configuration. Update the minimumHealthyPercent or maximumPercent value and try again.",
            ),
            None => {}
        }
    }
    let mut why = Why::of(unhealthy.len(), count);
    if rebalances(view, plan, &current, outdated.is_empty(), desired, healthy) && room > 0 && may_start {
        plan.service.moving = true;
        (count, why) = (1, Why::Rebalance);
    }
    if count > 0 {
        plan.start.push(Start { deployment: primary.id, count, on: Vec::new(), why });
    }
    healthy == desired && current.len() == desired && outdated.is_empty()
}

struct Numbers {
    desired: usize,
    limits: Limits,
    /// Current ones.
    healthy: usize,
    old_serving: usize,
    /// Tasks that would be started now if there was room.
    wanted: usize,
    /// All that should run.
    total: usize,
    /// Nothing outdated is needed any more.
    alone: bool,
}

/// Stops outdated tasks; returns how many.
fn stop_outdated(view: &View<'_>, plan: &mut Plan, outdated: &[Judged<'_>], numbers: &Numbers) -> usize {
    let reason = scaling_reason(&plan.service);
    let mut stopped = 0;
    let (mut stoppable, mut protected) = (Vec::new(), Vec::new());
    for it in outdated {
        match it.protected_until(view.now) {
            Some(expiry) => {
                plan.wake_at(expiry);
                protected.push(it.task);
            }
            None if !it.serves() => {
                plan.stop(it.task, reason.clone());
                stopped += 1;
            }
            None => stoppable.push(*it),
        }
    }
    // Until its replacement is healthy it is not in the way.
    if let Some(task) = protected.first().filter(|_| numbers.healthy >= numbers.desired) {
        say_protected(plan, task, protected.len());
    }
    let replaced = (numbers.healthy + numbers.old_serving).saturating_sub(numbers.desired);
    let room = numbers.limits.maximum.max(numbers.desired).saturating_sub(numbers.total - stopped);
    let in_the_way = numbers.wanted.saturating_sub(room);
    let spare = (numbers.healthy + numbers.old_serving).saturating_sub(numbers.limits.minimum);
    let count = if numbers.alone { stoppable.len() } else { replaced.max(in_the_way.min(spare)) };
    // Those that are not judged yet first; of the healthy ones the minimum stays in any case.
    let (healthy, fresh): (Vec<Judged<'_>>, Vec<Judged<'_>>) = stoppable.iter().partition(|it| it.is_healthy());
    let all_healthy = numbers.healthy + outdated.iter().filter(|it| it.is_healthy()).count();
    let first = count.min(fresh.len());
    let then = (count - first).min(all_healthy.saturating_sub(numbers.limits.minimum));
    stopped += scale_in::stop(view, plan, &Candidates { stoppable: &fresh, all: &stoppable }, first);
    stopped + scale_in::stop(view, plan, &Candidates { stoppable: &healthy, all: &stoppable }, then)
}

fn is_stopping(view: &View<'_>) -> bool {
    view.live.iter().any(|task| task.desired_status == TaskStatus::Stopped)
}

/// Whether a task is to be moved to a zone that has at least two fewer: one more is started, and one in the fullest
/// zone stopped when that is healthy.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-rebalancing.html>
fn rebalances(
    view: &View<'_>,
    plan: &mut Plan,
    current: &[Judged<'_>],
    no_outdated: bool,
    desired: usize,
    healthy: usize,
) -> bool {
    let steady = no_outdated && healthy == desired && current.len() == desired && !is_stopping(view);
    let asked = plan.service.zone_rebalancing == AvailabilityZoneRebalancing::Enabled;
    if !asked && plan.service.noted.remove(UNEVEN) {
        plan.say("stopped AZ Rebalancing.");
    }
    if !asked
        || !steady
        || view.instances.zones.len() < 2
        || plan.service.lacks_capacity
        || plan.start.len() + plan.stop.len() > 0
    {
        return false;
    }
    let in_zone =
        |zone: &String| current.iter().filter(|it| it.task.availability_zone.as_deref() == Some(zone.as_str())).count();
    let mut counts: Vec<(usize, &String)> = view.instances.zones.iter().map(|zone| (in_zone(zone), zone)).collect();
    counts.sort_by(|one, other| (other.0, one.1).cmp(&(one.0, other.1)));
    let (least, most) = (counts.last().map_or(0, |it| it.0), counts.first().map_or(0, |it| it.0));
    let uneven = most >= least + 2;
    let zones: Vec<String> = counts.iter().map(|(count, zone)| format!("{count} tasks in {zone}")).collect();
    let zones = zones.join(", ");
    if uneven {
        plan.say_once(UNEVEN, &format!("is not AZ balanced with {zones}. AZ Rebalancing in progress."));
    } else if plan.service.noted.remove(UNEVEN) {
        plan.say(&format!("is AZ balanced with {zones}."));
    }
    uneven
}
