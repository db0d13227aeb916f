//! Whatever is done to the simulated engine, and whenever: what it says of itself stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::world::World;
use crate::ids::IdSource;
use crate::runtime::{
    ContainerId, ContainerNetwork, ContainerObservation, ContainerSpec, Fault, ImageSource, NetworkSpec,
    ObservedHealth, ObservedState, PortPublication, Protocol, RuntimeEvent, STORE_LABEL,
};
use crate::time::Timestamp;

const NETWORK: &str = "net";
/// Few, so that they clash often.
const NAMES: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
    Create { name: u8, labels: Vec<(&'static str, &'static str)>, network: u8, host_port: Option<u16> },
    Start(u8),
    Stop(u8, u64),
    Remove(u8),
    Advance(u64),
    Inject(Fault),
}

fn step() -> impl Strategy<Value = Step> {
    let labels = prop::sample::subsequence(
        vec![
            ("sim.run-for", "700ms"),
            ("sim.oom-after", "900ms"),
            ("sim.start-delay", "300ms"),
            ("sim.ignore-term", "true"),
            ("sim.stop-delay", "200ms"),
            ("sim.healthy-after", "400ms"),
            ("sim.unhealthy-after", "600ms"),
            ("sim.start-error", "no"),
        ],
        0..4,
    );
    let host_port = prop::option::of(prop_oneof![Just(8080_u16), Just(32_768), Just(32_769)]);
    let fault = (0..NAMES, 0_u8..6).prop_map(|(name, kind)| {
        let container = name.to_string();
        match kind {
            0 => Fault::Exit { container, exit_code: 9 },
            1 => Fault::OutOfMemory { container },
            2 => Fault::Health { container, health: ObservedHealth::Unhealthy },
            3 => Fault::StartFails { image: "app".to_owned(), message: None, times: Some(1) },
            4 => Fault::CreateFails { image: "app".to_owned(), message: None, times: Some(1) },
            _ => Fault::Clear,
        }
    });
    prop_oneof![
        4 => (0..NAMES, labels, 0_u8..5, host_port)
            .prop_map(|(name, labels, network, host_port)| Step::Create { name, labels, network, host_port }),
        4 => (0..NAMES).prop_map(Step::Start),
        2 => (0..NAMES, 0_u64..500).prop_map(|(name, grace)| Step::Stop(name, grace)),
        2 => (0..NAMES).prop_map(Step::Remove),
        3 => (0_u64..600).prop_map(Step::Advance),
        1 => fault.prop_map(Step::Inject),
    ]
}

/// An engine, and what a listener to its events believes.
struct Scene {
    world: World,
    store: Arc<str>,
    ids: IdSource,
    now: Timestamp,
    /// The container that had a name last.
    known: BTreeMap<u8, ContainerId>,
}

impl Scene {
    fn take(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Create { name, labels, network, host_port } => {
                let spec = self.spec(*name, labels, *network, *host_port);
                if let Ok(id) = self.world.create(&self.store, &spec, &self.ids) {
                    self.known.insert(*name, id);
                }
            }
            Step::Advance(millis) => self.now = now.saturating_add(Duration::from_millis(*millis)),
            Step::Inject(fault) => drop(self.world.inject(&self.store, fault.clone(), now)),
            Step::Start(name) => {
                if let Some(id) = self.known.get(name) {
                    let _ = self.world.begin_start(&self.store, id, now);
                }
            }
            Step::Stop(name, grace) => {
                if let Some(id) = self.known.get(name) {
                    drop(self.world.stop(&self.store, id, Duration::from_millis(*grace), now, &mut false));
                }
            }
            Step::Remove(name) => {
                if let Some(id) = self.known.get(name) {
                    self.world.remove(&self.store, id, now);
                }
            }
        }
        self.world.settle(self.now);
    }

    fn spec(&self, name: u8, labels: &[(&str, &str)], network: u8, host_port: Option<u16>) -> ContainerSpec {
        ContainerSpec {
            name: name.to_string(),
            image: ImageSource::Reference("app".to_owned()),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            network: match (network, self.known.get(&0)) {
                (0, Some(owner)) => ContainerNetwork::Container(owner.clone()),
                (1, _) => ContainerNetwork::Host,
                (2, _) => ContainerNetwork::Attached { network: NETWORK.to_owned(), address: [10, 1, 0, 7].into() },
                _ => ContainerNetwork::Bridge,
            },
            publish: vec![PortPublication {
                container_port: 80,
                protocol: Protocol::Tcp,
                host_ip: [127, 0, 0, 1].into(),
                host_port,
            }],
            ..ContainerSpec::default()
        }
    }
}

fn check(listed: &[ContainerObservation], told: &BTreeMap<ContainerId, ContainerObservation>, now: Timestamp) {
    let (mut names, mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for seen in listed {
        assert!(names.insert(&seen.name), "{} twice", seen.name);
        if let ObservedState::Running { .. } = seen.state {
            assert!(seen.address.is_none_or(|address| addresses.insert(address)), "{:?} twice", seen.address);
            for port in &seen.ports {
                assert!(ports.insert(port.host_port), "{} twice", port.host_port);
            }
        } else {
            assert_eq!((seen.address, seen.ports.len()), (None, 0), "what does not run holds nothing");
        }
        if let ObservedState::Exited(exit) = &seen.state {
            assert!(exit.finished_at.is_some_and(|at| at <= now));
        }
        match told.get(&seen.id) {
            Some(told) => assert_eq!(told, seen, "the last event says what holds"),
            None => assert_eq!(seen.state, ObservedState::Created, "only creation is no event"),
        }
    }
    let listed: BTreeSet<_> = listed.iter().map(|seen| &seen.id).collect();
    assert!(told.keys().all(|id| listed.contains(id)), "what is removed is told");
}

proptest! {
    #[test]
    fn events_and_listings_agree_and_nothing_is_given_twice(steps in prop::collection::vec(step(), 1..60)) {
        let store: Arc<str> = "store".into();
        let mut scene = Scene {
            world: World::default(),
            store: store.clone(),
            ids: IdSource::seeded(1),
            now: Timestamp::from_millis(0),
            known: BTreeMap::new(),
        };
        let labels = BTreeMap::from([(STORE_LABEL.to_owned(), store.to_string())]);
        let network =
            NetworkSpec { name: NETWORK.to_owned(), cidr: "10.1.0.0/24".to_owned(), gateway: [10, 1, 0, 1].into(), labels };
        scene.world.networks.ensure(&network).expect("it is the first");
        let mut events = scene.world.subscribe(&store);
        let mut told = BTreeMap::new();
        for step in steps {
            scene.take(&step);
            while let Ok(event) = events.try_recv() {
                match event {
                    RuntimeEvent::Changed(seen) => drop(told.insert(seen.id.clone(), *seen)),
                    RuntimeEvent::Removed { id, .. } => drop(told.remove(&id)),
                    RuntimeEvent::Resync => {}
                }
            }
            check(&scene.world.list(&store), &told, scene.now);
            prop_assert!(scene.world.next_due().is_none_or(|due| due > scene.now), "what is due has happened");
        }
        // When all are gone, nothing is left of them.
        for container in scene.world.list(&store) {
            scene.world.remove(&store, &container.id, scene.now);
        }
        prop_assert_eq!(scene.world.next_due(), None);
        scene.world.networks.remove(&store, NETWORK).expect("nobody is there");
    }
}
