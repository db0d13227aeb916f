//! The one network of a store that tasks in awsvpc mode live on, and who has which of its addresses.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::addresses::{Addresses, Holder};
use crate::runtime::{ContainerRuntime, NetworkSpec, Result, RuntimeError};
use crate::services::ecs::network::{Cidr, VpcRange, vpc_candidates};
use crate::services::ecs::resources::TaskStatus;
use crate::store::{State, Store};

pub(super) struct Vpc {
    runtime: Arc<dyn ContainerRuntime>,
    store: Arc<Store>,
    configured: String,
    /// Where everybody learns which range it is.
    range: VpcRange,
    /// The network's name on the engine.
    name: String,
    made: tokio::sync::Mutex<Option<Cidr>>,
    /// Who has which address, since the network was first looked for.
    addresses: Mutex<Option<(Cidr, Addresses)>>,
}

impl Vpc {
    pub(super) fn new(
        runtime: Arc<dyn ContainerRuntime>,
        store: Arc<Store>,
        configured: &str,
        range: VpcRange,
    ) -> Self {
        let name = format!("localecs-{}", store.id());
        Self {
            runtime,
            store,
            configured: configured.to_owned(),
            range,
            name,
            made: tokio::sync::Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The newest records.
    pub(super) fn state(&self) -> Arc<State> {
        self.store.snapshot()
    }

    /// Makes the network unless it is there. The engine remembers its range from one run to the next.
    pub(super) async fn ensure(&self) -> Result<()> {
        let mut made = self.made.lock().await;
        if made.is_some() {
            return Ok(());
        }
        let cidr = self.find_or_make().await?;
        self.range.tell(cidr);
        let mut addresses = self.addresses.lock();
        // Only a VPC that moved begins anew: what was handed out stays so.
        if !matches!(&*addresses, Some((known, _)) if *known == cidr) {
            let mut fresh = Addresses::new(cidr);
            for task in self.store.snapshot().tasks.values() {
                let held = task.attachment.as_ref().and_then(|attachment| attachment.address);
                if let (Some(address), true) = (held, task.last_status != TaskStatus::Stopped) {
                    fresh.claim(&Holder::from(&task.key), address);
                }
            }
            *addresses = Some((cidr, fresh));
        }
        drop(addresses);
        *made = Some(cidr);
        Ok(())
    }

    async fn find_or_make(&self) -> Result<Cidr> {
        let ours = self.runtime.list_networks().await?;
        if let Some(cidr) = ours.iter().find(|(name, _)| *name == self.name).and_then(|(_, cidr)| cidr.parse().ok()) {
            return Ok(cidr);
        }
        let configured = self.configured.parse().map_err(|error| RuntimeError::Network {
            message: format!("the VPC's range {:?}: {error}", self.configured),
            overlap: false,
        })?;
        let mut last = None;
        for cidr in vpc_candidates(configured) {
            let spec = NetworkSpec {
                name: self.name.clone(),
                cidr: cidr.to_string(),
                gateway: cidr.gateway(),
                labels: BTreeMap::new(),
            };
            match self.runtime.ensure_network(&spec).await {
                Ok(()) => {
                    tracing::info!(network = self.name, %cidr, "the default VPC's network is up");
                    return Ok(cidr);
                }
                Err(RuntimeError::Network { message, overlap: true }) => {
                    tracing::debug!(%cidr, message, "the range is taken");
                    last = Some(RuntimeError::Network { message, overlap: true });
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| RuntimeError::Other("no range for the VPC".to_owned())))
    }

    /// The network is to be looked for again before it is used.
    pub(super) async fn forget(&self) {
        *self.made.lock().await = None;
    }

    /// An address in the subnet of a zone (0, 1 or 2), or the one the holder has; `None` when the subnet is full. After
    /// [`Vpc::ensure`].
    pub(super) fn take(&self, holder: impl Into<Holder>, zone: usize) -> Option<Ipv4Addr> {
        self.addresses.lock().as_mut()?.1.take(&holder.into(), zone)
    }

    pub(super) fn claim(&self, holder: impl Into<Holder>, address: Ipv4Addr) {
        if let Some((_, addresses)) = self.addresses.lock().as_mut() {
            addresses.claim(&holder.into(), address);
        }
    }

    pub(super) fn release(&self, holder: impl Into<Holder>) {
        if let Some((_, addresses)) = self.addresses.lock().as_mut() {
            addresses.release(&holder.into());
        }
    }

    pub(super) fn avoid(&self, holder: impl Into<Holder>) {
        if let Some((_, addresses)) = self.addresses.lock().as_mut() {
            addresses.avoid(&holder.into());
        }
    }

    /// Removes the network; nothing may be attached to it any more.
    pub(super) async fn remove(&self) -> Result<()> {
        let mut made = self.made.lock().await;
        for (name, _) in self.runtime.list_networks().await? {
            self.runtime.remove_network(&name).await?;
        }
        *made = None;
        *self.addresses.lock() = None;
        Ok(())
    }
}
