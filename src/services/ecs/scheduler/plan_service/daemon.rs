//! A DAEMON has one task on each container instance that matches.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html#service_scheduler_daemon>

use std::collections::BTreeMap;

use super::{Judged, Plan, Start, View, Why, belongs, may_start, scaling_reason, stop_unhealthy};
use crate::services::ecs::resources::ContainerInstanceKey;
use crate::services::ecs::resources::service::{Action, ActionName, Rollout};
use crate::services::ecs::scheduler::deployment::Limits;

/// Plans starts and stops; returns whether everything is as it should be.
pub(super) fn plan(view: &View<'_>, plan: &mut Plan, judged: &[Judged<'_>]) -> bool {
    let Some(primary) = plan.service.primary().cloned() else { return false };
    let matching = &view.instances.matching;
    let desired = matching.len();
    plan.service.desired_count = i32::try_from(desired).unwrap_or(i32::MAX);
    let limits = Limits::of(&plan.service.deployment_configuration, desired);
    let mut places: BTreeMap<&ContainerInstanceKey, Vec<Judged<'_>>> =
        matching.iter().map(|instance| (instance, Vec::new())).collect();
    let reason = scaling_reason(&plan.service);
    for it in judged {
        match it.task.container_instance.as_ref().and_then(|instance| places.get_mut(instance)) {
            Some(tasks) => tasks.push(*it),
            None => {
                say_excluded(view, plan, it);
                plan.stop(it.task, reason.clone());
            }
        }
    }
    let may_start = may_start(plan, &primary.id, view.now);
    let failed = primary.rollout == Rollout::Failed;
    let mut budget = Budget {
        healthy: places.values().flatten().filter(|it| it.is_healthy()).count(),
        serving: places.values().flatten().filter(|it| it.serves()).count(),
        minimum: limits.minimum,
    };
    let mut total: usize = places.values().map(Vec::len).sum();
    let empty = places.values().filter(|tasks| tasks.is_empty()).count();
    // How many instances more may have two tasks at once.
    let mut beside = limits.maximum.saturating_sub(total + empty);
    let (mut start, mut reached) = (Vec::new(), true);
    for (instance, tasks) in places {
        let (mut current, mut outdated): (Vec<Judged<'_>>, Vec<Judged<'_>>) =
            tasks.into_iter().partition(|it| belongs(it.task, &primary));
        // The best of each first.
        current.sort_by_key(|it| !it.is_healthy());
        outdated.sort_by_key(|it| (!it.is_healthy(), !it.serves()));
        reached &= outdated.is_empty() && current.len() == 1 && current[0].is_healthy();
        // Two of the same deployment: one is too many.
        for it in current.iter().skip(1) {
            if budget.allows(it) {
                plan.stop(it.task, reason.clone());
                budget.spend(it);
            }
        }
        let replaced = current.first().is_some_and(Judged::is_healthy);
        match current.first() {
            Some(it) if !it.is_healthy() && !it.is_fresh() && !failed => {
                stop_unhealthy(plan, it, view.now);
            }
            Some(_) => {}
            None if outdated.is_empty() && may_start && total < limits.maximum => {
                start.push(instance.clone());
                total += 1;
            }
            None if !outdated.is_empty() && may_start && beside > 0 => {
                start.push(instance.clone());
                beside -= 1;
            }
            None => {}
        }
        if failed {
            continue;
        }
        for (index, it) in outdated.iter().enumerate() {
            let one_by_one = current.is_empty() && may_start && limits.maximum <= desired;
            let makes_room = one_by_one && budget.serving > budget.minimum;
            if !(replaced || index > 0 || makes_room || !it.serves()) || !budget.allows(it) {
                continue;
            }
            if let Some(expiry) = it.protected_until(view.now) {
                plan.wake_at(expiry);
                continue;
            }
            plan.stop(it.task, reason.clone());
            budget.spend(it);
        }
    }
    if !start.is_empty() {
        plan.start.push(Start { deployment: primary.id, count: start.len(), on: start, why: Why::Wanted });
    }
    reached && plan.stop.is_empty()
}

/// Says that a task has to go because its instance, which could run it, is not meant any more.
fn say_excluded(view: &View<'_>, plan: &mut Plan, it: &Judged<'_>) {
    let on = it.task.container_instance.as_ref().filter(|instance| view.instances.excluded.contains(instance));
    let Some(instance) = on else { return };
    let action = Action::new(ActionName::ServiceDaemonPlacementConstraintViolated)
        .of_tasks([it.task.key.arn()])
        .on_instances([instance.arn()]);
    let (task, instance) = (&it.task.key.id, &instance.id);
    let what =
        format!("(task {task}) on (container-instance {instance}) does not meet the placement constraints any more.");
    plan.tell(&what, action);
}

/// The healthy tasks that must stay.
struct Budget {
    healthy: usize,
    /// With those that run and are not judged yet.
    serving: usize,
    minimum: usize,
}

impl Budget {
    fn allows(&self, it: &Judged<'_>) -> bool {
        !it.is_healthy() || self.healthy > self.minimum
    }

    fn spend(&mut self, it: &Judged<'_>) {
        self.healthy -= usize::from(it.is_healthy());
        self.serving -= usize::from(it.serves());
    }
}
