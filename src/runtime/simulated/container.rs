//! One simulated container: what it was told, and where it stands.
//!
//! There may be tens of thousands of them, so of a spec only that is kept which matters later, and texts that many
//! containers share are kept once.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::script::Script;
use super::shared_texts::{Labels, SharedTexts};
use crate::runtime::{
    ContainerId, ContainerNetwork, ContainerObservation, ContainerSpec, Exit, HealthCheck, LogDriver, MountSource,
    ObservedHealth, ObservedState, PortPublication, PublishedPort, RuntimeError,
};
use crate::time::Timestamp;

/// What happens to a container when one of its timers is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start,
    /// It ends by itself.
    End,
    OutOfMemory,
    /// It ends as SIGTERM asked.
    Terminate,
    /// SIGKILL.
    Kill,
    Health(ObservedHealth),
}

#[derive(Debug)]
pub(super) enum Stage {
    Created,
    Running { started_at: Timestamp },
    Exited(Exit),
}

/// The address a running container has, to be given back.
#[derive(Clone, Debug)]
pub(super) enum Address {
    Bridge(Ipv4Addr),
    Network(Arc<str>, Ipv4Addr),
}

impl Address {
    pub(super) fn ip(&self) -> Ipv4Addr {
        match self {
            Self::Bridge(ip) | Self::Network(_, ip) => *ip,
        }
    }
}

/// What of a container's spec matters once it is created.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: Arc<str>,
    /// With the store's label.
    pub(super) labels: Labels,
    pub(super) image: Arc<str>,
    pub(super) network: Network,
    pub(super) publish: Box<[PortPublication]>,
    /// How often its health is checked; `None` without a check.
    pub(super) health_interval: Option<Duration>,
    /// Whether what it prints can be read back.
    pub(super) readable: bool,
    /// The names of the volumes that it mounts.
    pub(super) volumes: Box<[String]>,
    /// `None`: it runs until it is stopped.
    script: Option<Box<Script>>,
}

/// How it is connected.
#[derive(Clone, Debug)]
pub(super) enum Network {
    Bridge,
    /// The host's, or none: no address of its own either way.
    Nothing,
    Attached(Arc<str>, Ipv4Addr),
    Container(ContainerId),
}

impl Made {
    /// `labels` are the spec's with the store's.
    pub(super) fn new(
        spec: &ContainerSpec,
        labels: Labels,
        image: &str,
        script: Script,
        texts: &mut SharedTexts,
    ) -> Self {
        let volumes = spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } => Some(name.clone()),
            _ => None,
        });
        let check: Option<&HealthCheck> = spec.health_check.as_ref().filter(|check| !check.is_none());
        Self {
            name: spec.name.as_str().into(),
            labels,
            image: texts.share(image),
            network: match &spec.network {
                ContainerNetwork::Bridge => Network::Bridge,
                ContainerNetwork::Host | ContainerNetwork::None => Network::Nothing,
                ContainerNetwork::Attached { network, address } => Network::Attached(texts.share(network), *address),
                ContainerNetwork::Container(owner) => Network::Container(owner.clone()),
            },
            publish: spec.publish.as_slice().into(),
            health_interval: check.map(|check| check.interval),
            readable: !matches!(spec.log, LogDriver::Named { .. }),
            volumes: volumes.collect(),
            script: (script != Script::default()).then(|| Box::new(script)),
        }
    }

    pub(super) fn script(&self) -> &Script {
        static PLAIN: Script = Script::PLAIN;
        self.script.as_deref().unwrap_or(&PLAIN)
    }
}

#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) store: Arc<str>,
    pub(super) made: Made,
    pub(super) stage: Stage,
    /// It was told to start, and `sim.start-delay` passes.
    pub(super) starting: bool,
    /// Why the last start failed.
    pub(super) start_error: Option<RuntimeError>,
    pub(super) ports: Vec<PublishedPort>,
    pub(super) address: Option<Address>,
    pub(super) health: ObservedHealth,
    /// From when to when it ran before.
    pub(super) lives: Vec<(Timestamp, Timestamp)>,
    /// Its timers, as they stand in the world's list.
    pub(super) timers: Vec<(Timestamp, u64)>,
    /// Calls that wait for its stage to change; dropped when it does.
    pub(super) waiters: Vec<oneshot::Sender<()>>,
}

impl Container {
    pub(super) fn new(id: ContainerId, store: Arc<str>, made: Made) -> Self {
        Self {
            id,
            store,
            made,
            stage: Stage::Created,
            starting: false,
            start_error: None,
            ports: Vec::new(),
            address: None,
            health: ObservedHealth::None,
            lives: Vec::new(),
            timers: Vec::new(),
            waiters: Vec::new(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// How it ended, if it did.
    pub(super) fn exit(&self) -> Option<&Exit> {
        match &self.stage {
            Stage::Exited(exit) => Some(exit),
            Stage::Created | Stage::Running { .. } => None,
        }
    }

    pub(super) fn observe(&self) -> ContainerObservation {
        let ip = self.address.as_ref().map(Address::ip);
        ContainerObservation {
            id: self.id.clone(),
            name: self.made.name.to_string(),
            labels: self.made.labels.to_map(),
            image_id: super::image_id(&self.made.image),
            state: match &self.stage {
                Stage::Created => ObservedState::Created,
                Stage::Running { started_at } => ObservedState::Running { started_at: Some(*started_at) },
                Stage::Exited(exit) => ObservedState::Exited(exit.clone()),
            },
            ports: self.ports.clone(),
            address: ip.map(IpAddr::V4),
            mac_address: ip.map(super::network::mac_address),
            health: self.health,
        }
    }
}
