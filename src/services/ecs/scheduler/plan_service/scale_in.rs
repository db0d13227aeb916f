//! Which tasks are stopped when there are too many.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html>
//!
//! Tasks that do not run yet go first; then the fullest zone, there the fullest instance, there the newest task.
//! Protected tasks stay.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Judged, Plan, View, say_protected, scaling_reason};
use crate::services::ecs::resources::ContainerInstanceKey;

/// Among which tasks to choose, and which ones count for the balance.
pub(super) struct Candidates<'a, 'b> {
    pub(super) stoppable: &'b [Judged<'a>],
    pub(super) all: &'b [Judged<'a>],
}

/// Stops up to `count` tasks; returns how many. Asks to be woken when a protection stands in the way.
pub(super) fn stop(view: &View<'_>, plan: &mut Plan, candidates: &Candidates<'_, '_>, count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    let reason = scaling_reason(&plan.service);
    let mut left: Vec<Judged<'_>> = Vec::with_capacity(candidates.stoppable.len());
    let mut protected = Vec::new();
    for it in candidates.stoppable {
        match it.protected_until(view.now) {
            None => left.push(*it),
            Some(at) => protected.push((at, it.task)),
        }
    }
    if left.len() < count
        && let Some((at, task)) = protected.iter().min_by_key(|(at, _)| *at)
    {
        plan.wake_at(*at);
        say_protected(plan, task, protected.len());
    }
    if left.len() <= count {
        left.iter().for_each(|it| plan.stop_surplus(it.task, reason.clone()));
        return left.len();
    }
    let mut zones: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut instances: BTreeMap<Option<&ContainerInstanceKey>, usize> = BTreeMap::new();
    for it in candidates.all {
        *zones.entry(it.task.availability_zone.as_deref()).or_default() += 1;
        *instances.entry(it.task.container_instance.as_ref()).or_default() += 1;
    }
    for _ in 0..count {
        let order = |it: &Judged<'_>| {
            let zone = zones.get(&it.task.availability_zone.as_deref()).copied().unwrap_or(0);
            let instance = instances.get(&it.task.container_instance.as_ref()).copied().unwrap_or(0);
            (it.is_fresh(), zone, instance, it.task.created_at)
        };
        let chosen = left.iter().enumerate().max_by_key(|(_, it)| (order(it), Reverse(&it.task.key.id)));
        let Some((index, _)) = chosen else { break };
        let it = left.swap_remove(index);
        if let Some(count) = zones.get_mut(&it.task.availability_zone.as_deref()) {
            *count -= 1;
        }
        if let Some(count) = instances.get_mut(&it.task.container_instance.as_ref()) {
            *count -= 1;
        }
        plan.stop_surplus(it.task, reason.clone());
    }
    count
}
