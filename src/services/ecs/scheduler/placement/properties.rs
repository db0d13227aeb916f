//! What holds of every plan: nothing is over-committed, spread is even, binpack opens no instance too many.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::Strategy as Generates;

use super::Strategy;
use super::tests::{any_strategy, candidates, instance, named};
use super::*;

const ZONES: [&str; 3] = ["a", "b", "c"];

/// What an instance has left, and where it is.
#[derive(Clone, Debug)]
struct Given {
    cpu: i32,
    memory: i32,
    tcp: BTreeSet<u16>,
    udp: BTreeSet<u16>,
    gpus: usize,
    zone: usize,
}

fn ports() -> impl Generates<Value = BTreeSet<u16>> {
    prop::collection::btree_set(80_u16..84, 0..3)
}

fn given_instance() -> impl Generates<Value = Given> {
    (0_i32..200, 0_i32..200, ports(), ports(), 0_usize..4, 0_usize..3)
        .prop_map(|(cpu, memory, tcp, udp, gpus, zone)| Given { cpu, memory, tcp, udp, gpus, zone })
}

fn needs() -> impl Generates<Value = Needs> {
    let one_port = || prop::collection::btree_set(80_u16..86, 0..2);
    (0_i32..80, 0_i32..80, one_port(), one_port(), 0_usize..3)
        .prop_map(|(cpu, memory, tcp_ports, udp_ports, gpus)| Needs { cpu, memory, tcp_ports, udp_ports, gpus })
}

fn made(given: &[Given]) -> Vec<ContainerInstance> {
    let one = |(id, given): (usize, &Given)| {
        let mut instance = instance(id, ZONES[given.zone], given.cpu, given.memory);
        instance.remaining.tcp_ports.clone_from(&given.tcp);
        instance.remaining.udp_ports.clone_from(&given.udp);
        instance.remaining.gpus = (0..given.gpus).map(|gpu| format!("GPU-{gpu}")).collect();
        instance
    };
    given.iter().enumerate().map(one).collect()
}

fn tasks_on(plan: &Plan, many: usize) -> Vec<usize> {
    let mut tasks = vec![0; many];
    plan.placements.iter().for_each(|index| tasks[*index] += 1);
    tasks
}

proptest! {
    #[test]
    fn no_instance_gives_more_than_it_has(
        given in prop::collection::vec(given_instance(), 0..7),
        needs in needs(),
        strategies in prop::collection::vec(any_strategy(), 0..4),
        distinct_instance in any::<bool>(),
        only_zone in prop::option::of(0_usize..3),
        count in 0_usize..25,
        seed in any::<u64>(),
    ) {
        let instances = made(&given);
        let expression = only_zone.map(|zone| format!("attribute:{ZONE_ATTRIBUTE} == {}", ZONES[zone]));
        let member_of: Vec<_> = expression.iter().map(|text| Expression::parse(text).expect("valid")).collect();
        let wanted = Requirements { needs: needs.clone(), distinct_instance, member_of: &member_of, ..Requirements::default() };
        let plan = place(&candidates(&instances), &wanted, &strategies, count, &mut |many| seed % many);
        for (given, tasks) in given.iter().zip(tasks_on(&plan, instances.len())) {
            if tasks == 0 {
                continue;
            }
            let times = i32::try_from(tasks).expect("few");
            prop_assert!(needs.cpu * times <= given.cpu);
            prop_assert!(needs.memory * times <= given.memory);
            prop_assert!(needs.gpus * tasks <= given.gpus);
            for (wanted, taken) in [(&needs.tcp_ports, &given.tcp), (&needs.udp_ports, &given.udp)] {
                prop_assert!(wanted.is_disjoint(taken), "somebody has the port");
                prop_assert!(wanted.is_empty() || tasks == 1, "a port is taken once");
            }
            prop_assert!(!distinct_instance || tasks == 1);
            prop_assert!(only_zone.is_none_or(|zone| zone == given.zone));
        }
        // What was not placed fits nowhere.
        prop_assert!(plan.placements.len() == count || plan.failures.len() == instances.len());
    }

    #[test]
    fn zones_differ_by_more_than_one_task_only_where_one_is_full(
        rooms in prop::collection::vec((0_i32..6, 0_usize..3, 0_usize..3), 1..8),
        then in prop::collection::vec(any_strategy(), 0..2),
        count in 0_usize..30,
        seed in any::<u64>(),
    ) {
        let instances: Vec<_> = rooms.iter().enumerate()
            .map(|(id, &(room, zone, _))| instance(id, ZONES[zone], room * 10, 1_000))
            .collect();
        let mut candidates = candidates(&instances);
        for (candidate, (_, _, before)) in candidates.iter_mut().zip(&rooms) {
            candidate.group_tasks = *before;
        }
        let wanted = Requirements { needs: Needs { cpu: 10, ..Needs::default() }, ..Requirements::default() };
        let strategies: Vec<_> = std::iter::once(Strategy::SpreadAttribute(ZONE_ATTRIBUTE.into())).chain(then).collect();
        let plan = place(&candidates, &wanted, &strategies, count, &mut |many| seed % many);
        let new = tasks_on(&plan, instances.len());
        // Of each zone: the tasks of the group, those of them that are new, and whether one more fits.
        let mut zones: BTreeMap<usize, (usize, usize, bool)> = BTreeMap::new();
        for ((room, zone, before), new) in rooms.iter().zip(&new) {
            let of_zone = zones.entry(*zone).or_default();
            of_zone.0 += before + new;
            of_zone.1 += new;
            of_zone.2 |= usize::try_from(*room).expect("positive") > *new;
        }
        for (tasks, new, _) in zones.values().filter(|(_, new, _)| *new > 0) {
            let emptiest = zones.values().filter(|(_, _, fits)| *fits).map(|(tasks, ..)| *tasks).min();
            prop_assert!(emptiest.is_none_or(|least| *tasks <= least + 1), "{new} more tasks went to a fuller zone");
        }
    }

    #[test]
    fn binpack_opens_an_empty_instance_only_when_all_others_are_full(
        // How many tasks of ten that fit each instance has.
        taken in prop::collection::vec(0_i32..=10, 1..8),
        strategy in prop_oneof![Just(Strategy::BinpackCpu), Just(Strategy::BinpackMemory)],
        count in 0_usize..60,
    ) {
        let instances: Vec<_> =
            taken.iter().enumerate().map(|(id, taken)| instance(id, "a", (10 - taken) * 7, (10 - taken) * 9)).collect();
        let wanted = Requirements { needs: Needs { cpu: 7, memory: 9, ..Needs::default() }, ..Requirements::default() };
        let plan = place(&candidates(&instances), &wanted, &[strategy], count, &mut |_| 0);
        let new = tasks_on(&plan, instances.len());
        let room = |index: usize| usize::try_from(10 - taken[index]).expect("not negative");
        let (empty, begun): (Vec<usize>, Vec<usize>) = (0..taken.len()).partition(|index| taken[*index] == 0);
        let in_begun: usize = begun.iter().map(|index| room(*index)).sum();
        let opened = empty.iter().filter(|index| new[**index] > 0).count();
        prop_assert_eq!(opened, count.saturating_sub(in_begun).div_ceil(10).min(empty.len()));
        // Of those that have tasks, too, the fullest is filled before the next one is touched.
        let partly: Vec<usize> = (0..taken.len()).filter(|index| new[*index] > 0 && new[*index] < room(*index)).collect();
        prop_assert!(partly.len() <= 1, "{partly:?} are begun and not full");
    }

    #[test]
    fn an_attribute_that_some_lack_is_a_value_of_its_own(
        racks in prop::collection::vec(0_usize..3, 1..7),
        count in 0_usize..20,
    ) {
        let with_rack = |(id, rack): (usize, &usize)| {
            let mut instance = instance(id, "a", 10_000, 10_000);
            instance.attributes.extend((*rack > 0).then(|| named("rack", &rack.to_string())));
            instance
        };
        let instances: Vec<_> = racks.iter().enumerate().map(with_rack).collect();
        let wanted = Requirements { needs: Needs { cpu: 1, ..Needs::default() }, ..Requirements::default() };
        let strategies = [Strategy::SpreadAttribute("rack".into())];
        let plan = place(&candidates(&instances), &wanted, &strategies, count, &mut |_| 0);
        let mut tasks: BTreeMap<usize, usize> = racks.iter().map(|rack| (*rack, 0)).collect();
        plan.placements.iter().for_each(|index| *tasks.entry(racks[*index]).or_default() += 1);
        let (least, most) = (tasks.values().min().expect("some"), tasks.values().max().expect("some"));
        prop_assert!(most - least <= 1);
    }
}
