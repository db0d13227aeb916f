//! Plans, and what becomes of groups that follow them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::services::autoscaling::resources::group::{GroupKey, Kept, Made, Source, TemplateChoice};
use crate::services::autoscaling::resources::hook::{Hook, Wait};
use crate::testing::{START, context};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// A group over three zones that wants so many.
fn group(desired: i32) -> Group {
    Group {
        key: GroupKey::new(&context().scope, "web"),
        id: "id".into(),
        source: Source::Template(TemplateChoice { id: "lt-1".into(), name: "web".into(), version: None }),
        min: 0,
        max: 100,
        desired,
        cooldown: 300,
        grace: 0,
        max_lifetime: None,
        zones: ZONES.map(str::to_owned).into(),
        subnets: Vec::new(),
        termination_policies: Vec::new(),
        protects_new: false,
        suspended: BTreeMap::new(),
        tags: BTreeMap::new(),
        kept: Kept::default(),
        hooks: BTreeMap::new(),
        members: BTreeMap::new(),
        created_at: START,
        deleting: false,
        scaled_at: None,
        cause: None,
        launches_after: None,
    }
}

fn member(zone: &str, lifecycle: Lifecycle) -> Member {
    Member {
        instance_type: "m5.large".into(),
        image_id: "ami-12345678".into(),
        zone: zone.into(),
        subnet: "subnet-1".into(),
        lifecycle,
        healthy: true,
        protected: false,
        made: Made::Template { id: "lt-1".into(), name: "web".into(), version: 1 },
        made_at: Some(START),
        launched_at: START,
        since: START,
        wait: None,
        activity: None,
        rebalances: false,
    }
}

fn with(mut group: Group, members: &[(&str, &str)]) -> Group {
    for (id, zone) in members {
        group.members.insert((*id).to_owned(), member(&format!("us-east-1{zone}"), Lifecycle::InService));
    }
    group
}

/// The plan while all members run.
fn planned(group: &Group) -> Vec<Step> {
    let phases = group.members.keys().map(|id| (id.clone(), Phase::Running)).collect();
    plan(&View { group, phases: &phases, now: START }).steps
}

fn launched(steps: &[Step]) -> Vec<&str> {
    steps
        .iter()
        .filter_map(|step| if let Step::Launch { zone, .. } = step { zone.strip_prefix("us-east-1") } else { None })
        .collect()
}

fn taken(steps: &[Step]) -> Vec<&str> {
    steps.iter().filter_map(|step| if let Step::Take { id, .. } = step { Some(id.as_str()) } else { None }).collect()
}

#[test]
fn missing_instances_are_launched_where_the_fewest_are() {
    assert_eq!(launched(&planned(&group(4))), ["a", "b", "c", "a"]);
    assert_eq!(launched(&planned(&with(group(4), &[("1", "a"), ("2", "b")]))), ["c", "a"]);
    let mut suspended = group(2);
    suspended.suspended.insert("Launch".into(), String::new());
    assert_eq!(planned(&suspended), []);
}

#[test]
fn surplus_instances_go_from_the_fullest_zone_unless_they_are_protected() {
    let mut full = with(group(2), &[("1", "a"), ("2", "a"), ("3", "a"), ("4", "b")]);
    assert_eq!(taken(&planned(&full)), ["1", "2"]);
    for id in ["1", "2"] {
        full.members.get_mut(id).expect("a member").protected = true;
    }
    assert_eq!(taken(&planned(&full)), ["3", "4"]);
    for member in full.members.values_mut() {
        member.protected = true;
    }
    assert_eq!(planned(&full), []);
}

#[test]
fn policies_choose_within_the_zone() {
    let mut group = with(group(1), &[("1", "a"), ("2", "a"), ("3", "a")]);
    for (id, minutes) in [("1", 20), ("2", 40), ("3", 10)] {
        let member = group.members.get_mut(id).expect("a member");
        member.launched_at = START.saturating_sub(std::time::Duration::from_secs(minutes * 60));
    }
    group.members.get_mut("3").expect("a member").made_at = Some(Timestamp::EPOCH);
    for (policies, expected) in [
        (vec!["OldestInstance"], ["2", "1"]),
        (vec!["NewestInstance"], ["3", "1"]),
        (vec!["OldestLaunchTemplate", "OldestInstance"], ["3", "2"]),
        (vec!["ClosestToNextInstanceHour"], ["2", "1"]),
        (vec![], ["3", "2"]),
    ] {
        group.termination_policies = policies.into_iter().map(str::to_owned).collect();
        assert_eq!(taken(&planned(&group)), expected, "{:?}", group.termination_policies);
    }
}

#[test]
fn what_does_not_run_or_is_unhealthy_is_replaced() {
    let mut group = with(group(2), &[("1", "a"), ("2", "b")]);
    let phases = |one: Phase| BTreeMap::from([("1".to_owned(), one), ("2".to_owned(), Phase::Running)]);
    for phase in [Phase::Stopped, Phase::ShuttingDown, Phase::Terminated] {
        let plan = plan(&View { group: &group, phases: &phases(phase), now: START });
        assert_eq!(plan.steps, [Step::Take { id: "1".into(), why: Why::NotRunning }]);
    }
    group.members.get_mut("2").expect("a member").healthy = false;
    assert_eq!(planned(&group), [Step::Take { id: "2".into(), why: Why::Unhealthy }]);
    group.suspended.insert("ReplaceUnhealthy".into(), String::new());
    assert_eq!(planned(&group), []);
}

#[test]
fn uneven_zones_are_evened_out_with_one_more_first() {
    let uneven = with(group(3), &[("1", "a"), ("2", "a"), ("3", "b")]);
    assert_eq!(planned(&uneven), [Step::Launch { zone: "us-east-1c".into(), rebalances: true }]);
    let mut on_its_way = uneven.clone();
    let new = Member { rebalances: true, ..member("us-east-1c", Lifecycle::PendingWait) };
    let wait = Wait::begin(
        [(&"h".to_owned(), &hook(Transition::Launching))].into_iter(),
        Transition::Launching,
        "t".into(),
        START,
    );
    on_its_way.members.insert("4".into(), Member { wait, ..new });
    assert_eq!(planned(&on_its_way), [], "nobody goes before it serves");
    on_its_way.members.get_mut("4").expect("a member").lifecycle = Lifecycle::InService;
    assert_eq!(taken(&planned(&on_its_way)), ["1"]);
    let mut protected = uneven;
    for id in ["1", "2"] {
        protected.members.get_mut(id).expect("a member").protected = true;
    }
    assert_eq!(planned(&protected), [], "nobody could go for it");
    // A zone that was given up.
    let mut moved = with(group(2), &[("1", "a"), ("2", "c")]);
    moved.zones.pop();
    assert_eq!(planned(&moved), [Step::Launch { zone: "us-east-1b".into(), rebalances: true }]);
}

fn hook(transition: Transition) -> Hook {
    Hook { transition, heartbeat_timeout: 60, continues: false, metadata: None, target_arn: None, role_arn: None }
}

#[test]
fn hooks_hold_members_until_they_are_answered_or_time_is_up() {
    let name = "drain".to_owned();
    let mut group = with(group(0), &[("1", "a")]);
    let hook = hook(Transition::Terminating);
    let wait = Wait::begin([(&name, &hook)].into_iter(), Transition::Terminating, "t".into(), START);
    group.hooks.insert(name.clone(), hook);
    let member = group.members.get_mut("1").expect("a member");
    (member.lifecycle, member.wait) = (Lifecycle::TerminatingWait, wait);
    let phases = BTreeMap::from([("1".to_owned(), Phase::Running)]);
    let at = |group: &Group, seconds: i32| plan(&View { group, phases: &phases, now: seconds_after(START, seconds) });
    assert_eq!(at(&group, 59), Plan { steps: vec![], wake: Some(seconds_after(START, 60)) });
    let terminates = [Step::Terminate { id: "1".into() }];
    assert_eq!(at(&group, 60).steps, terminates);
    let mut beaten = group.clone();
    let wait = beaten.members.get_mut("1").and_then(|member| member.wait.as_mut()).expect("a wait");
    wait.beat(&group.hooks[&name], seconds_after(START, 50));
    assert_eq!(at(&beaten, 60).steps, []);
    let wait = group.members.get_mut("1").and_then(|member| member.wait.as_mut()).expect("a wait");
    wait.answer(&name, true);
    assert_eq!(at(&group, 1).steps, terminates);

    let mut launching = group.clone();
    launching.hooks.insert("up".into(), self::hook(Transition::Launching));
    let member = launching.members.get_mut("1").expect("a member");
    member.lifecycle = Lifecycle::PendingWait;
    member.wait = Wait::begin(launching.hooks.iter(), Transition::Launching, "t".into(), START);
    assert_eq!(at(&launching, 60).steps, [Step::Take { id: "1".into(), why: Why::Abandoned }]);
}

#[test]
fn old_instances_are_replaced_one_by_one() {
    let mut group = with(group(2), &[("1", "a"), ("2", "b")]);
    group.max_lifetime = Some(86_400);
    let phases = BTreeMap::from([("1".to_owned(), Phase::Running), ("2".to_owned(), Phase::Running)]);
    let at = |seconds| plan(&View { group: &group, phases: &phases, now: seconds_after(START, seconds) });
    assert_eq!(at(0).wake, Some(seconds_after(START, 86_400)));
    assert_eq!(at(86_400).steps, [Step::Take { id: "1".into(), why: Why::Lifetime }]);
}

/// Does what the plan says, as the keeper and EC2 would; hooks are answered at once.
fn follow(group: &mut Group, phases: &mut BTreeMap<String, Phase>, next: &mut u32) -> bool {
    let steps = plan(&View { group, phases, now: START }).steps;
    for step in &steps {
        match step {
            Step::Launch { zone, rebalances } => {
                *next += 1;
                let id = format!("i-{next:05}");
                phases.insert(id.clone(), Phase::Running);
                let new = Member {
                    rebalances: *rebalances,
                    protected: group.protects_new,
                    ..member(zone, Lifecycle::Pending)
                };
                group.members.insert(id, new);
            }
            Step::Take { id, .. } => group.members.get_mut(id).expect("a member").lifecycle = Lifecycle::Terminating,
            Step::Wait { id, transition: Transition::Launching } | Step::Serve { id } => {
                let member = group.members.get_mut(id).expect("a member");
                (member.lifecycle, member.rebalances) = (Lifecycle::InService, false);
            }
            Step::Wait { id, .. } | Step::Terminate { id } => {
                group.members.get_mut(id).expect("a member").lifecycle = Lifecycle::TerminatingProceed;
                phases.insert(id.clone(), Phase::Terminated);
            }
            Step::Remove { id } => drop(group.members.remove(id)),
            Step::Delete => return false,
        }
    }
    !steps.is_empty()
}

proptest! {
    /// Whatever a group looks like, following plans brings it to its capacity, evenly, and then nothing is left to do.
    #[test]
    fn groups_settle_at_their_capacity(
        desired in 0..20_i32,
        members in proptest::collection::vec((0..3_usize, any::<bool>(), 0..6_u8), 0..20),
        zones in 1..4_usize,
    ) {
        let mut group = group(desired);
        group.zones.truncate(zones);
        let mut phases = BTreeMap::new();
        for (index, (zone, protected, state)) in members.iter().enumerate() {
            let lifecycle = [Lifecycle::Pending, Lifecycle::InService, Lifecycle::Terminating, Lifecycle::Standby][usize::from(*state % 4)];
            let id = format!("i-{index:05}");
            phases.insert(id.clone(), if *state == 5 { Phase::Terminated } else { Phase::Running });
            group.members.insert(id, Member { protected: *protected, ..member(ZONES[*zone], lifecycle) });
        }
        let mut next = 1000;
        let mut rounds = 0;
        while follow(&mut group, &mut phases, &mut next) {
            rounds += 1;
            prop_assert!(rounds < 200, "no end: {:?}", group.members);
        }
        let protected = group.members.values().filter(|member| member.lifecycle.counts() && member.protected).count();
        let capacity = group.capacity();
        prop_assert!(capacity == desired || (capacity > desired && i32::try_from(protected).expect("few") == capacity));
        if protected == 0 {
            let counts: Vec<usize> = group.zones.iter().map(|zone| {
                group.members.values().filter(|member| member.lifecycle.counts() && member.zone == *zone).count()
            }).collect();
            let (most, least) = (counts.iter().max().expect("a zone"), counts.iter().min().expect("a zone"));
            prop_assert!(most - least <= 1, "{:?}", counts);
            let used: BTreeSet<&String> = group.members.values().filter(|it| it.lifecycle.counts()).map(|it| &it.zone).collect();
            prop_assert!(used.iter().all(|zone| group.zones.contains(zone)));
        }
    }

    #[test]
    fn deleted_groups_end(count in 0..10_usize) {
        let mut group = group(3);
        group.deleting = true;
        let mut phases = BTreeMap::new();
        for index in 0..count {
            phases.insert(format!("i-{index}"), Phase::Running);
            group.members.insert(format!("i-{index}"), member(ZONES[index % 3], Lifecycle::InService));
        }
        let mut next = 0;
        while follow(&mut group, &mut phases, &mut next) {}
        prop_assert!(group.members.is_empty());
    }
}
