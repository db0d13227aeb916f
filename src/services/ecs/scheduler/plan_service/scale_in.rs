//! Which tasks are stopped when there are too many.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html>
//!
//! Tasks that do not run yet go first; then those of the capacity provider that is furthest ahead of its part of the
//! strategy; then the fullest zone, there the fullest instance, there the newest task.
//! Protected tasks stay.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Judged, Plan, View, say_protected, scaling_reason};
use crate::services::ecs::resources::{ContainerInstanceKey, Task};
use crate::services::ecs::scheduler::capacity::{Share, shrink};
use crate::time::Timestamp;

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
    let mut order = Order::new(&left, candidates.all);
    let providers = by_provider(view, &left, candidates.all, count);
    for turn in 0..count {
        let Some(it) = order.next(providers.get(turn).copied()) else { break };
        plan.stop_surplus(it.task, reason.clone());
    }
    count
}

/// The tasks in the order in which they are to be stopped, each choice seeing those before it. What a choice changes is
/// the rank of one zone and of one instance, so nothing else is looked at again.
struct Order<'a> {
    /// All tasks that should run, of each zone and of each instance.
    in_zone: BTreeMap<Option<&'a str>, usize>,
    on_instance: BTreeMap<Option<&'a ContainerInstanceKey>, usize>,
    groups: Vec<Group<'a>>,
}

/// The tasks of one zone and capacity provider that run, or those that do not yet.
struct Group<'a> {
    fresh: bool,
    zone: Option<&'a str>,
    provider: Option<&'a str>,
    /// Of each instance, the one to go last comes first.
    tasks: BTreeMap<Option<&'a ContainerInstanceKey>, Vec<Judged<'a>>>,
    /// The instances by how many tasks they have, then by the task that goes next.
    ranks: BTreeSet<Rank<'a>>,
}

type Rank<'a> = (usize, Timestamp, Reverse<&'a Arc<str>>, Option<&'a ContainerInstanceKey>);

impl<'a> Order<'a> {
    fn new(stoppable: &[Judged<'a>], all: &[Judged<'a>]) -> Self {
        let mut order = Self { in_zone: BTreeMap::new(), on_instance: BTreeMap::new(), groups: Vec::new() };
        for it in all {
            *order.in_zone.entry(it.task.availability_zone.as_deref()).or_default() += 1;
            *order.on_instance.entry(it.task.container_instance.as_ref()).or_default() += 1;
        }
        for it in stoppable {
            let (fresh, zone) = (it.is_fresh(), it.task.availability_zone.as_deref());
            let provider = it.task.capacity_provider.as_deref();
            let own = |group: &Group<'_>| group.fresh == fresh && group.zone == zone && group.provider == provider;
            let known = order.groups.iter().position(own);
            let place = known.unwrap_or_else(|| {
                order.groups.push(Group { fresh, zone, provider, tasks: BTreeMap::new(), ranks: BTreeSet::new() });
                order.groups.len() - 1
            });
            order.groups[place].tasks.entry(it.task.container_instance.as_ref()).or_default().push(*it);
        }
        for group in &mut order.groups {
            for tasks in group.tasks.values_mut() {
                tasks.sort_by_key(|it| (it.task.created_at, Reverse(&it.task.key.id)));
            }
            let instances = group.tasks.keys().copied();
            group.ranks = instances.filter_map(|instance| group.rank(instance, &order.on_instance)).collect();
        }
        order
    }

    /// The next one, of this capacity provider if it has any.
    fn next(&mut self, provider: Option<&str>) -> Option<Judged<'a>> {
        let rank = |group: &Group<'a>| {
            let (tasks, created_at, id, _) = group.ranks.last()?;
            let preferred = provider.is_some() && group.provider == provider;
            Some((
                preferred,
                group.fresh,
                self.in_zone.get(&group.zone).copied().unwrap_or(0),
                *tasks,
                *created_at,
                *id,
            ))
        };
        let (index, _) = self
            .groups
            .iter()
            .enumerate()
            .filter_map(|(index, group)| Some((index, rank(group)?)))
            .max_by(|(_, one), (_, other)| one.cmp(other))?;
        let zone = self.groups[index].zone;
        let instance = self.groups[index].ranks.last()?.3;
        for group in &mut self.groups {
            if let Some(rank) = group.rank(instance, &self.on_instance) {
                group.ranks.remove(&rank);
            }
        }
        let chosen = self.groups[index].tasks.get_mut(&instance)?.pop()?;
        if let Some(count) = self.in_zone.get_mut(&zone) {
            *count -= 1;
        }
        if let Some(count) = self.on_instance.get_mut(&instance) {
            *count -= 1;
        }
        for group in &mut self.groups {
            if let Some(rank) = group.rank(instance, &self.on_instance) {
                group.ranks.insert(rank);
            }
        }
        Some(chosen)
    }
}

impl<'a> Group<'a> {
    /// How an instance ranks now; `None` when it has no task of the group.
    fn rank(
        &self,
        instance: Option<&'a ContainerInstanceKey>,
        on_instance: &BTreeMap<Option<&'a ContainerInstanceKey>, usize>,
    ) -> Option<Rank<'a>> {
        let next: &'a Task = self.tasks.get(&instance)?.last()?.task;
        let tasks = on_instance.get(&instance).copied().unwrap_or(0);
        Some((tasks, next.created_at, Reverse(&next.key.id), instance))
    }
}

/// The capacity provider of each task to be stopped, so that those that stay are spread as the strategy asks; fewer, or
/// none, where it has no say.
fn by_provider<'a>(view: &View<'a>, stoppable: &[Judged<'_>], all: &[Judged<'_>], count: usize) -> Vec<&'a str> {
    let (names, shares): (Vec<&str>, Vec<Share>) =
        view.instances.strategy.iter().map(|(name, share)| (name.as_str(), *share)).unzip();
    if names.len() < 2 {
        return Vec::new();
    }
    let count_of = |tasks: &[Judged<'_>]| -> Vec<usize> {
        let of = |name: &&str| tasks.iter().filter(|it| it.task.capacity_provider.as_deref() == Some(*name)).count();
        names.iter().map(of).collect()
    };
    let taken = shrink(&shares, &count_of(all), &count_of(stoppable), count);
    names.into_iter().zip(taken).flat_map(|(name, many)| std::iter::repeat_n(name, many)).collect()
}

#[cfg(test)]
#[path = "scale_in_tests.rs"]
mod tests;
