//! One simulated container: what it was told, and where it stands.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::script::Script;
use crate::runtime::{
    ContainerId, ContainerObservation, ContainerSpec, Exit, ObservedHealth, ObservedState, PublishedPort, RuntimeError,
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
    Network(String, Ipv4Addr),
}

impl Address {
    pub(super) fn ip(&self) -> Ipv4Addr {
        match self {
            Self::Bridge(ip) | Self::Network(_, ip) => *ip,
        }
    }
}

#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) store: Arc<str>,
    /// With the store's label.
    pub(super) spec: ContainerSpec,
    pub(super) script: Script,
    pub(super) image: String,
    pub(super) image_id: String,
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
            name: self.spec.name.clone(),
            labels: self.spec.labels.clone(),
            image_id: self.image_id.clone(),
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
