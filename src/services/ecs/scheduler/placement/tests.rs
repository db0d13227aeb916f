//! Placement: a table of single decisions, and what holds for all of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Strategy;
use super::*;
use crate::identity::{AccountId, Region, Scope};
use crate::services::ecs::resources::{ContainerInstanceKey, Origin, Resources};
use crate::time::Timestamp;

/// An ACTIVE, connected instance called `id` in `zone` with this much left.
pub(super) fn instance(id: usize, zone: &str, cpu: i32, memory: i32) -> ContainerInstance {
    let resources = Resources { cpu, memory, gpus: vec!["GPU-0".into()], ..Resources::default() };
    ContainerInstance {
        key: ContainerInstanceKey {
            scope: Scope::new(AccountId::DEFAULT, Region::new("us-east-1")),
            cluster: "default".into(),
            id: format!("{id:032x}").into(),
        },
        ec2_instance_id: None,
        status: "ACTIVE".into(),
        status_reason: None,
        agent_connected: true,
        version_info: Default::default(),
        registered: resources.clone(),
        remaining: resources,
        attributes: vec![named(ZONE_ATTRIBUTE, zone)].into(),
        capacity_provider: None,
        address: None,
        origin: Origin::Registered,
        daemons: BTreeMap::new(),
        impaired: false,
        tags: vec![],
        registered_at: Timestamp::EPOCH,
        version: 1,
    }
}

pub(super) fn named(name: &str, value: &str) -> Attribute {
    Attribute { name: Some(name.into()), value: Some(value.into()), ..Attribute::default() }
}

pub(super) fn candidates(instances: &[ContainerInstance]) -> Vec<Candidate<'_>> {
    instances.iter().map(Candidate::alone).collect()
}

fn needs(cpu: i32, memory: i32) -> Requirements<'static> {
    Requirements { needs: Needs { cpu, memory, ..Needs::default() }, ..Requirements::default() }
}

fn run(instances: &[ContainerInstance], wanted: &Requirements<'_>, strategies: &[Strategy], count: usize) -> Plan {
    place(&candidates(instances), wanted, strategies, count, &mut |_| 0)
}

#[test]
fn each_shortage_has_its_reason() {
    let port = |tcp: bool| {
        let mut wanted = needs(1, 1);
        if tcp { &mut wanted.needs.tcp_ports } else { &mut wanted.needs.udp_ports }.insert(80);
        wanted
    };
    let custom = [named("stack", "prod")];
    let capability = [Attribute { name: Some("ecs.capability.task-eni".into()), ..Attribute::default() }];
    type Change = fn(&mut ContainerInstance);
    let cases: Vec<(Requirements<'_>, Change, Option<&str>)> = vec![
        (needs(100, 100), |_| {}, None),
        (needs(101, 1), |_| {}, Some("RESOURCE:CPU")),
        (needs(1, 101), |_| {}, Some("RESOURCE:MEMORY")),
        (port(true), |_| {}, None),
        (port(true), |i| i.remaining.tcp_ports.extend([80]), Some("RESOURCE:PORTS")),
        (port(true), |i| i.remaining.udp_ports.extend([80]), None),
        (port(false), |i| i.remaining.udp_ports.extend([80]), Some("RESOURCE:PORTS")),
        (port(true), |i| i.remaining.tcp_ports.extend(1000..1100), Some("RESOURCE:PORTS")),
        (needs(1, 1), |i| i.remaining.tcp_ports.extend(1000..1100), None),
        (Requirements { needs: Needs { gpus: 1, ..Needs::default() }, ..needs(0, 0) }, |_| {}, None),
        (Requirements { needs: Needs { gpus: 2, ..Needs::default() }, ..needs(0, 0) }, |_| {}, Some("RESOURCE:GPU")),
        (needs(1, 1), |i| i.agent_connected = false, Some("AGENT")),
        (needs(1, 1), |i| i.status = "DRAINING".into(), Some("INACTIVE")),
        (Requirements { attributes: &custom, ..needs(1, 1) }, |_| {}, Some("ATTRIBUTE")),
        (Requirements { attributes: &custom, ..needs(1, 1) }, |i| i.attributes.push(named("stack", "prod")), None),
        (
            Requirements { attributes: &custom, ..needs(1, 1) },
            |i| i.attributes.push(named("stack", "test")),
            Some("ATTRIBUTE"),
        ),
        (Requirements { attributes: &capability, ..needs(1, 1) }, |_| {}, Some("ATTRIBUTE")),
        (
            Requirements { attributes: &capability, ..needs(1, 1) },
            |i| i.attributes.push(named("ecs.capability.task-eni", "")),
            None,
        ),
        (
            Requirements { cpu_architecture: Some("arm64"), ..needs(1, 1) },
            |i| i.attributes.push(named("ecs.cpu-architecture", "x86_64")),
            Some("ATTRIBUTE"),
        ),
        (Requirements { cpu_architecture: Some("arm64"), ..needs(1, 1) }, |_| {}, None),
        (Requirements { windows: true, ..needs(1, 1) }, |_| {}, Some("ATTRIBUTE")),
    ];
    for (wanted, change, expected) in cases {
        let mut instance = instance(0, "a", 100, 100);
        change(&mut instance);
        assert_eq!(refusal(&Candidate::alone(&instance), &wanted), expected, "{wanted:?}");
        let plan = run(std::slice::from_ref(&instance), &wanted, &[], 1);
        assert_eq!(plan.failures, expected.map(|reason| (0, reason)).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn what_fits_runs_and_the_rest_says_why() {
    let instances = [instance(0, "a", 100, 30), instance(1, "b", 25, 100)];
    let plan = run(&instances, &needs(20, 10), &[], 10);
    assert_eq!(plan.placements, [0, 0, 0, 1]);
    assert_eq!(plan.failures, [(0, "RESOURCE:MEMORY"), (1, "RESOURCE:CPU")]);
}

#[test]
fn a_fixed_port_is_taken_once_on_each_instance() {
    let instances = [instance(0, "a", 100, 100), instance(1, "b", 100, 100)];
    let mut wanted = needs(1, 1);
    wanted.needs.tcp_ports.insert(8080);
    let plan = run(&instances, &wanted, &[], 3);
    assert_eq!(plan.placements, [0, 1]);
    assert_eq!(plan.failures, [(0, "RESOURCE:PORTS"), (1, "RESOURCE:PORTS")]);
}

#[test]
fn distinct_instances_count_the_group_that_runs_already() {
    let instances = [instance(0, "a", 100, 100), instance(1, "b", 100, 100), instance(2, "c", 100, 100)];
    let mut candidates = candidates(&instances);
    candidates[1].group_tasks = 1;
    let wanted = Requirements { distinct_instance: true, ..needs(1, 1) };
    let plan = place(&candidates, &wanted, &[], 3, &mut |_| 0);
    assert_eq!(plan.placements, [0, 2]);
    assert_eq!(plan.failures.len(), 3);
    assert!(plan.failures.iter().all(|(_, reason)| *reason == NOT_DISTINCT));
}

#[test]
fn expressions_select_and_see_the_tasks_just_placed() {
    let instances = [instance(0, "a", 100, 100), instance(1, "b", 100, 100), instance(2, "c", 100, 100)];
    let parse = |text: &str| [Expression::parse(text).expect("valid")];
    let zones = parse("attribute:ecs.availability-zone in [b, c]");
    let plan = run(&instances, &Requirements { member_of: &zones, ..needs(40, 1) }, &[], 5);
    assert_eq!(plan.placements, [1, 1, 2, 2]);
    assert_eq!(plan.failures, [(0, NOT_MEMBER), (1, "RESOURCE:CPU"), (2, "RESOURCE:CPU")]);
    let apart = parse("task:group != service:mine");
    let plan = run(&instances, &Requirements { member_of: &apart, group: "service:mine", ..needs(1, 1) }, &[], 4);
    assert_eq!(plan.placements, [0, 1, 2]);
    let together = parse("task:group == service:cache");
    let mut candidates = candidates(&instances);
    candidates[2].groups = vec!["service:cache".into()];
    let wanted = Requirements { member_of: &together, group: "service:mine", ..needs(1, 1) };
    assert_eq!(place(&candidates, &wanted, &[Strategy::SpreadInstances], 2, &mut |_| 0).placements, [2, 2]);
}

#[test]
fn strategies_apply_one_after_the_other() {
    let zones = [instance(0, "a", 100, 100), instance(1, "a", 60, 100), instance(2, "b", 100, 100)];
    let zone = Strategy::SpreadAttribute(ZONE_ATTRIBUTE.into());
    assert_eq!(run(&zones, &needs(10, 10), &[zone.clone(), Strategy::BinpackCpu], 4).placements, [1, 2, 1, 2]);
    assert_eq!(run(&zones, &needs(10, 10), &[zone, Strategy::SpreadInstances], 4).placements, [0, 2, 1, 2]);
    assert_eq!(run(&zones, &needs(10, 10), &[Strategy::BinpackCpu], 7).placements, [1, 1, 1, 1, 1, 1, 0]);
    let last = place(&candidates(&zones), &needs(1, 1), &[Strategy::Random], 2, &mut |many| many - 1);
    assert_eq!(last.placements, [2, 2]);
}

#[test]
fn strategies_are_parsed_in_ecs_words() {
    use PlacementStrategyType::{Binpack, Random, Spread};
    let parse = |kind, field: Option<&str>| {
        Strategy::parse(&PlacementStrategy { r#type: kind, field: field.map(Into::into) })
            .map_err(|error| error.message.unwrap_or_default())
    };
    assert_eq!(parse(Some(Random), None), Ok(Strategy::Random));
    assert_eq!(parse(Some(Binpack), Some("MEMORY")), Ok(Strategy::BinpackMemory));
    assert_eq!(parse(Some(Spread), Some("host")), Ok(Strategy::SpreadInstances));
    assert_eq!(parse(Some(Spread), Some("attribute:rack")), Ok(Strategy::SpreadAttribute("rack".into())));
    let cases = [
        (Some(Random), Some("cpu"), "random field should not be specified."),
        (Some(Binpack), Some("instanceId"), "binpack field 'instanceId' is invalid."),
        (Some(Binpack), None, "binpack field should be specified."),
        (Some(Spread), Some("cpu"), "spread field 'cpu' is invalid."),
        (None, None, "placementStrategy.type should be one of [random,spread,binpack]"),
    ];
    for (kind, field, expected) in cases {
        assert_eq!(parse(kind, field), Err(expected.to_owned()));
    }
}

pub(super) fn any_strategy() -> impl proptest::strategy::Strategy<Value = Strategy> {
    prop_oneof![
        Just(Strategy::SpreadInstances),
        Just(Strategy::SpreadAttribute(ZONE_ATTRIBUTE.into())),
        Just(Strategy::SpreadAttribute("rack".into())),
        Just(Strategy::BinpackCpu),
        Just(Strategy::BinpackMemory),
        Just(Strategy::Random),
    ]
}

/// Placement as the page tells it, with a look at every candidate for every task.
fn naive(
    candidates: &[Candidate<'_>],
    requirements: &Requirements<'_>,
    strategies: &[Strategy],
    count: usize,
    random: &mut dyn FnMut(u64) -> u64,
) -> Vec<usize> {
    let mut slots: Vec<Slot<'_>> = candidates.iter().map(|candidate| Slot::new(candidate, requirements)).collect();
    let mut placements = Vec::new();
    for _ in 0..count {
        let mut left: Vec<usize> = (0..slots.len()).filter(|i| slots[*i].refusal(requirements).is_none()).collect();
        for strategy in strategies {
            let number = |index: usize| match strategy {
                Strategy::Random => 0,
                Strategy::BinpackCpu => usize::try_from(slots[index].remaining.cpu).expect("positive"),
                Strategy::BinpackMemory => usize::try_from(slots[index].remaining.memory).expect("positive"),
                Strategy::SpreadInstances => slots[index].group_tasks,
                Strategy::SpreadAttribute(name) => {
                    let value = attribute(slots[index].instance, name);
                    let same = slots.iter().filter(|slot| attribute(slot.instance, name) == value);
                    same.map(|slot| slot.group_tasks).sum()
                }
            };
            let best = left.iter().map(|index| number(*index)).min();
            left.retain(|index| Some(number(*index)) == best);
            if *strategy == Strategy::Random && left.len() > 1 {
                let chosen = usize::try_from(random(left.len() as u64)).expect("small");
                left = vec![left[chosen]];
            }
        }
        let Some(chosen) = left.first() else { break };
        slots[*chosen].place_one(requirements);
        placements.push(*chosen);
    }
    placements
}

proptest! {
    #[test]
    fn ranking_agrees_with_a_look_at_every_candidate(
        sizes in prop::collection::vec((0_i32..200, 0_i32..200, 0_usize..3, 0_usize..2, 0_usize..4), 0..9),
        strategies in prop::collection::vec(any_strategy(), 0..5),
        distinct_instance in any::<bool>(),
        count in 0_usize..25,
        seed in any::<u64>(),
    ) {
        let instances: Vec<_> = sizes.iter().enumerate()
            .map(|(id, &(cpu, memory, zone, rack, _))| {
                let mut instance = instance(id, ["a", "b", "c"][zone], cpu, memory);
                instance.attributes.extend((rack > 0).then(|| named("rack", "r")));
                instance
            })
            .collect();
        let mut candidates = candidates(&instances);
        for (candidate, size) in candidates.iter_mut().zip(&sizes) {
            candidate.group_tasks = size.4;
        }
        let wanted = Requirements { distinct_instance, ..needs(10, 7) };
        let random = || {
            let mut state = seed;
            move |many: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % many
            }
        };
        let plan = place(&candidates, &wanted, &strategies, count, &mut random());
        prop_assert_eq!(plan.placements, naive(&candidates, &wanted, &strategies, count, &mut random()));
    }

    #[test]
    fn nothing_is_over_committed_and_nothing_that_fits_is_left_out(
        sizes in prop::collection::vec((0_i32..200, 0_i32..200, 0_usize..3), 0..6),
        cpu in 0_i32..80,
        memory in 1_i32..80,
        strategies in prop::collection::vec(any_strategy(), 0..4),
        count in 0_usize..12,
        seed in any::<u64>(),
    ) {
        let instances: Vec<_> = sizes.iter().enumerate()
            .map(|(id, &(cpu, memory, zone))| instance(id, ["a", "b", "c"][zone], cpu, memory))
            .collect();
        let plan = place(&candidates(&instances), &needs(cpu, memory), &strategies, count, &mut |many| seed % many);
        let mut taken: BTreeMap<usize, i32> = BTreeMap::new();
        for index in &plan.placements {
            *taken.entry(*index).or_default() += 1;
        }
        let room = |index: usize| {
            let left = &instances[index].remaining;
            let by_cpu = if cpu == 0 { i32::MAX } else { left.cpu / cpu };
            by_cpu.min(left.memory / memory)
        };
        for (index, tasks) in &taken {
            prop_assert!(*tasks <= room(*index));
        }
        let all: i64 = (0..instances.len()).map(|index| i64::from(room(index))).sum();
        let expected = i64::try_from(count).expect("few").min(all);
        prop_assert_eq!(i64::try_from(plan.placements.len()).expect("few"), expected);
        let complete = plan.placements.len() == count;
        prop_assert_eq!(plan.failures.len(), if complete { 0 } else { instances.len() });
    }

    #[test]
    fn spread_keeps_instances_within_one_task_of_each_other(many in 1_usize..6, count in 0_usize..12) {
        let instances: Vec<_> = (0..many).map(|id| instance(id, "a", 10_000, 10_000)).collect();
        let plan = run(&instances, &needs(1, 1), &[Strategy::SpreadInstances], count);
        let on = |index| plan.placements.iter().filter(|placed| **placed == index).count();
        let counts: Vec<_> = (0..many).map(on).collect();
        prop_assert!(counts.iter().max().expect("some") - counts.iter().min().expect("some") <= 1);
    }

    #[test]
    fn binpack_opens_as_few_instances_as_equal_ones_allow(many in 1_usize..6, each in 1_usize..5, count in 0_usize..12) {
        let room = i32::try_from(each).expect("few") * 10;
        let instances: Vec<_> = (0..many).map(|id| instance(id, "a", room, room)).collect();
        let plan = run(&instances, &needs(10, 10), &[Strategy::BinpackMemory], count);
        let used: std::collections::BTreeSet<_> = plan.placements.iter().collect();
        prop_assert_eq!(used.len(), plan.placements.len().div_ceil(each));
    }
}
