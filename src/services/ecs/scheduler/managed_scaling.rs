//! Pure: how many instances an Auto Scaling group behind a capacity provider is to have.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html>
//!
//! `CapacityProviderReservation` is M / N * 100: N instances are there, and M are needed: those that have tasks, and as
//! many more as the tasks fill that wait. The group follows it to the target capacity: up at once, unless an instance is
//! still warming up; down after it was low for 15 minutes, each minute by half at most.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api_models::ecs::ManagedScaling;
use serde::{Deserialize, Serialize};

use super::packing::{Group, fits_on, pack, refused_by_choice};
use crate::services::ec2::instance_types::InstanceType;
use crate::services::ecs::resources::ContainerInstance;
use crate::services::ecs::resources::reservation::Needs;
use crate::time::Timestamp;

/// How long the metric has to be low: 15 points of CloudWatch's, a minute each.
const LOW_FOR: Duration = Duration::from_secs(15 * 60);
/// How long after its launch an instance may still be about to join the cluster.
const JOINS_WITHIN: Duration = Duration::from_secs(60);
/// Between two steps down.
const STEP: Duration = Duration::from_secs(60);

/// What is remembered of a provider between two looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Since when the metric is below its target.
    pub low_since: Option<Timestamp>,
    /// When instances were last let go.
    pub stepped_at: Option<Timestamp>,
}

/// An instance of the group that is not on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// `i-...`
    pub id: &'a str,
    pub launched_at: Timestamp,
    /// Once it joined the cluster.
    pub instance: Option<&'a ContainerInstance>,
    /// Its tasks that have not stopped, but for those of daemons.
    pub tasks: usize,
}

/// What a plan is made from.
pub struct View<'a> {
    pub settings: &'a ManagedScaling,
    /// Of the group.
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    pub members: Vec<Member<'a>>,
    /// Tasks that none of these has room for.
    pub waiting: Vec<Group<'a>>,
    /// What the group launches.
    pub instance_type: Option<&'static InstanceType>,
    pub memory: Memory,
    pub now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// `CapacityProviderReservation`.
    pub reservation: f64,
    /// The group's desired capacity, when it is to change, and whether the high or the low alarm says so.
    pub desired: Option<(i32, &'static str)>,
    /// Instances that go with this step, where the group's own choice is not to count.
    pub leaving: BTreeSet<String>,
    /// Which instances are to be protected from scale-in, under managed termination protection. Of those that are not
    /// named the protection stays as it is: the group is letting some of them go.
    pub protect: BTreeMap<String, bool>,
    pub memory: Memory,
    /// Waiting tasks that no instance of the group would help.
    pub hopeless: usize,
    /// When to look again if nothing happens before.
    pub wake: Option<Timestamp>,
}

/// M / N * 100, with AWS's values where there is no instance: 100 when none is needed, else 200.
#[must_use]
pub fn reservation(needed: usize, there: usize) -> f64 {
    match (needed, there) {
        (0, 0) => 100.0,
        (_, 0) => 200.0,
        (needed, there) => needed as f64 / there as f64 * 100.0,
    }
}

/// The plan for a provider.
#[must_use]
pub fn plan(view: &View<'_>) -> Plan {
    let idle = || view.members.iter().filter(|member| member.tasks == 0);
    let packed = pack(&view.waiting, &[], &Needs::default(), |requirements| {
        view.instance_type.filter(|instance_type| {
            fits_on(instance_type, requirements, &Needs::default())
                && !refused_by_choice(idle().filter_map(|member| member.instance), requirements)
        })
    });
    let there = view.members.len();
    // What was launched a moment ago is there for what waits.
    let on_its_way = |member: &&Member<'_>| member.instance.is_none() && joins_by(member) > view.now;
    let coming = idle().filter(on_its_way).count().min(packed.instances.len());
    let additional = packed.instances.len() - coming;
    let needed = if additional > 0 { there + additional } else { there - idle().count() + coming };
    let target = view.settings.target_capacity.unwrap_or(100).clamp(1, 100);
    let mut plan = Plan {
        reservation: reservation(needed, there),
        hopeless: packed.hopeless,
        memory: view.memory,
        wake: if coming > 0 { idle().filter(on_its_way).map(joins_by).min() } else { None },
        ..Plan::default()
    };
    if plan.reservation > f64::from(target) {
        plan.memory = Memory::default();
        scale_out(view, &mut plan, needed, target);
    } else if plan.reservation < f64::from(target) {
        scale_in(view, &mut plan, needed, target);
    } else {
        plan.memory = Memory::default();
    }
    let lets_go = view.desired < to_count(there);
    for member in &view.members {
        if plan.leaving.contains(member.id) {
            plan.protect.insert(member.id.to_owned(), false);
        } else if member.tasks > 0 || !lets_go {
            plan.protect.insert(member.id.to_owned(), true);
        }
    }
    plan
}

/// When an instance that is not in the cluster is not waited for any more.
fn joins_by(member: &Member<'_>) -> Timestamp {
    member.launched_at.saturating_add(JOINS_WITHIN)
}

fn to_count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// How many instances there are to be for the metric to be at its target.
fn at_target(needed: usize, target: i32) -> i32 {
    to_count((needed * 100).div_ceil(usize::try_from(target).unwrap_or(100)))
}

fn scale_out(view: &View<'_>, plan: &mut Plan, needed: usize, target: i32) {
    let there = to_count(view.members.len());
    // What was asked for is on its way.
    if view.desired > there {
        return;
    }
    let seconds = view.settings.instance_warmup_period.and_then(|it| u64::try_from(it).ok()).unwrap_or(300);
    let warm = view.members.iter().map(|it| it.launched_at.saturating_add(Duration::from_secs(seconds))).max();
    if let Some(warm) = warm.filter(|warm| *warm > view.now) {
        plan.wake = Some(warm);
        return;
    }
    // From nothing, AWS launches two at least.
    let wanted = at_target(needed, target).max(if there == 0 { 2 } else { 0 });
    let least = view.settings.minimum_scaling_step_size.unwrap_or(1);
    let most = view.settings.maximum_scaling_step_size.unwrap_or(10_000).max(least);
    let desired = there.saturating_add((wanted - there).clamp(least, most)).min(view.max);
    if desired > view.desired {
        plan.desired = Some((desired, "AlarmHigh"));
    }
}

fn scale_in(view: &View<'_>, plan: &mut Plan, needed: usize, target: i32) {
    let there = to_count(view.members.len());
    let wanted = at_target(needed, target).max(view.min);
    if wanted >= there || view.desired < there {
        // Nothing to let go, or somebody lets go already.
        plan.memory.low_since = plan.memory.low_since.filter(|_| wanted < there);
        return;
    }
    let since = *plan.memory.low_since.get_or_insert(view.now);
    let due = since.saturating_add(LOW_FOR);
    let next = plan.memory.stepped_at.map_or(due, |stepped| stepped.saturating_add(STEP).max(due));
    if next > view.now {
        plan.wake = Some(next);
        return;
    }
    let step = (there - wanted).min((there / 2).max(1));
    plan.desired = Some((there - step, "AlarmLow"));
    plan.memory.stepped_at = Some(view.now);
    // The youngest of those that have nothing to do.
    let mut idle: Vec<&Member<'_>> = view.members.iter().filter(|member| member.tasks == 0).collect();
    idle.sort_by_key(|member| (std::cmp::Reverse(member.launched_at), member.id));
    let count = usize::try_from(step).unwrap_or(0);
    plan.leaving = idle.into_iter().take(count).map(|member| member.id.to_owned()).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ec2::instance_types;
    use crate::services::ecs::resources::reservation::Needs;
    use crate::services::ecs::scheduler::placement::Requirements;
    use crate::testing::START;

    const IDS: [&str; 8] = ["i-0", "i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7"];

    fn settings(target: i32, least: i32, most: i32) -> ManagedScaling {
        ManagedScaling {
            target_capacity: Some(target),
            minimum_scaling_step_size: Some(least),
            maximum_scaling_step_size: Some(most),
            ..ManagedScaling::default()
        }
    }

    fn waiting(count: usize) -> Vec<Group<'static>> {
        let needs = Needs { cpu: 1024, memory: 1024, ..Needs::default() };
        vec![Group { requirements: Requirements { needs, ..Requirements::default() }, count }]
    }

    /// Members with so many tasks each, launched long ago.
    fn view<'a>(settings: &'a ManagedScaling, tasks: &[usize], waiting: Vec<Group<'a>>) -> View<'a> {
        let members = tasks.iter().zip(IDS).map(|(&tasks, id)| Member {
            id,
            launched_at: Timestamp::from_millis(0),
            instance: None,
            tasks,
        });
        View {
            settings,
            min: 0,
            max: 100,
            desired: to_count(tasks.len()),
            members: members.collect(),
            waiting,
            instance_type: instance_types::find("m5.large"),
            memory: Memory::default(),
            now: START,
        }
    }

    #[test]
    fn the_metric_is_awss() {
        for (needed, there, expected) in [(0, 0, 100.0), (3, 0, 200.0), (2, 4, 50.0), (6, 4, 150.0), (4, 4, 100.0)] {
            assert!((reservation(needed, there) - expected).abs() < 1e-9, "{needed} {there}");
        }
    }

    #[test]
    fn up_at_once_within_the_steps_and_the_group() {
        /// Tasks of each member, waiting tasks, target, least and most steps, and what is desired then.
        type Case = (&'static [usize], usize, i32, i32, i32, Option<i32>);
        // Two tasks of one vCPU fit on an m5.large.
        let cases: [Case; 8] = [
            (&[], 1, 100, 1, 10_000, Some(2)),
            (&[], 9, 100, 1, 10_000, Some(5)),
            (&[2, 2], 3, 100, 1, 10_000, Some(4)),
            (&[2, 2], 1, 100, 3, 10_000, Some(5)),
            (&[2, 2], 40, 100, 1, 4, Some(6)),
            (&[2, 2], 1000, 100, 1, 10_000, Some(100)),
            // Half of the instances are to be free.
            (&[1, 1], 0, 50, 1, 10_000, Some(4)),
            (&[1, 1], 0, 100, 1, 10_000, None),
        ];
        for (tasks, count, target, least, most, expected) in cases {
            let settings = settings(target, least, most);
            let plan = plan(&view(&settings, tasks, waiting(count)));
            assert_eq!(plan.desired.map(|(desired, _)| desired), expected, "{tasks:?} {count} {target}");
        }
        let settings = settings(100, 1, 10);
        let mut too_large = waiting(2);
        too_large[0].requirements.needs.cpu = 100_000;
        let stuck = plan(&view(&settings, &[], too_large));
        assert_eq!((stuck.desired, stuck.hopeless), (None, 2));
    }

    #[test]
    fn what_warms_up_is_waited_for() {
        let settings = settings(100, 1, 10);
        let mut young = view(&settings, &[2], waiting(1));
        young.members[0].launched_at = START;
        let warm = START.saturating_add(Duration::from_secs(300));
        assert_eq!((plan(&young).desired, plan(&young).wake), (None, Some(warm)));
        young.now = warm;
        assert_eq!(plan(&young).desired, Some((2, "AlarmHigh")));
        // And what is not there yet.
        young.desired = 2;
        assert_eq!(plan(&young).desired, None);
    }

    #[test]
    fn what_is_about_to_join_is_counted_once() {
        let mut settings = settings(100, 1, 10);
        settings.instance_warmup_period = Some(0);
        // Four tasks fill the two that were launched for them.
        let mut coming = view(&settings, &[0, 0], waiting(4));
        coming.members.iter_mut().for_each(|member| member.launched_at = START);
        let late = START.saturating_add(JOINS_WITHIN);
        assert_eq!((plan(&coming).desired, plan(&coming).wake), (None, Some(late)));
        coming.waiting = waiting(6);
        assert_eq!(plan(&coming).desired, Some((3, "AlarmHigh")));
        // Perhaps they never join.
        (coming.waiting, coming.now) = (waiting(4), late);
        assert_eq!(plan(&coming).desired, Some((4, "AlarmHigh")));
    }

    #[test]
    fn down_after_a_quarter_of_an_hour_by_half_each_minute_to_nothing() {
        let settings = settings(100, 1, 10);
        let mut low = view(&settings, &[0; 8], Vec::new());
        let first = plan(&low);
        let due = START.saturating_add(LOW_FOR);
        assert_eq!((first.desired, first.wake, first.memory.low_since), (None, Some(due), Some(START)));
        (low.memory, low.now) = (first.memory, due);
        let mut left = Vec::new();
        while !low.members.is_empty() {
            let step = plan(&low);
            let (desired, _) = step.desired.expect("a step");
            assert_eq!(step.leaving.len(), low.members.len() - usize::try_from(desired).expect("a count"));
            low.members.retain(|member| !step.leaving.contains(member.id));
            left.push(desired);
            low.memory = step.memory;
            low.desired = desired;
            if desired > 0 {
                assert_eq!(plan(&low).wake, Some(low.now.saturating_add(STEP)), "a minute between steps");
            }
            low.now = low.now.saturating_add(STEP);
        }
        assert_eq!(left, [4, 2, 1, 0]);
        assert_eq!(plan(&low).memory, Memory::default());

        // Those with tasks stay, and so does the group's least size.
        let mut busy = view(&settings, &[1, 0, 0, 1], Vec::new());
        busy.memory.low_since = Some(Timestamp::from_millis(0));
        let step = plan(&busy);
        assert_eq!((step.desired, step.leaving), (Some((2, "AlarmLow")), BTreeSet::from(["i-1".into(), "i-2".into()])));
        let protected = |plan: &Plan| plan.protect.values().copied().collect::<Vec<_>>();
        assert_eq!(protected(&plan(&busy)), [true, false, false, true]);
        // The group has not let them go yet: they stay without protection.
        busy.desired = 2;
        assert_eq!((plan(&busy).desired, protected(&plan(&busy))), (None, vec![true, true]));
        (busy.desired, busy.min) = (4, 4);
        assert_eq!(plan(&busy).desired, None);
        // Work that comes begins the quarter anew.
        let mut again = view(&settings, &[1, 1], Vec::new());
        again.memory.low_since = Some(START);
        assert_eq!(plan(&again).memory, Memory::default());
    }
}
