//! The address at which containers find their agent on AWS, 169.254.170.2, on this engine.
//!
//! A bridge network whose gateway is that address makes it an address of the engine's host, which containers on every
//! bridge reach by their default route; nothing is ever attached to it. An engine can have one such network only, so
//! all LocalECS processes that work on it share it: it carries no store's label, the first one makes it and the last
//! one removes it. Its label [`KEY_LABEL`] is a secret that those know who may use the engine, and containers don't.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptions};
use futures_util::StreamExt;

use super::errors::{CallError, CallResult, within};
use super::{Engine, filters, limits};
use crate::runtime::{Result, RuntimeError, STORE_LABEL};
use crate::time::{real_sleep, stopwatch};

/// Where a container finds its metadata and credentials: the SDKs know it by heart.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
/// The network's name.
pub const NETWORK: &str = "localecs-task-endpoint";
/// Not wider: a cloud's own metadata service lives at 169.254.169.254, and must stay reachable from the host.
const SUBNET: &str = "169.254.170.0/24";
const KEY_LABEL: &str = "localecs.key";

/// The network of 169.254.170.2 on one engine.
#[derive(Clone)]
pub struct LinkLocal(pub(super) Arc<Engine>);

impl LinkLocal {
    /// Makes the network unless it is there, and returns its secret. `fresh` is the secret of one that is made now.
    ///
    /// # Errors
    /// When the engine does not answer, or another network has the address.
    pub async fn ensure(&self, fresh: &str) -> Result<String> {
        let waited = stopwatch();
        loop {
            if let Some(key) = self.key().await? {
                return Ok(key);
            }
            match within(limits::NETWORK, self.0.docker.create_network(request(fresh))).await {
                Ok(_) => return Ok(fresh.to_owned()),
                // Another process may have been faster. The range is taken a moment before the network shows.
                Err(_) if waited() < limits::NAME_TAKEN => real_sleep(limits::POLL).await,
                Err(error) => return Err(error.networking()),
            }
        }
    }

    /// Whether containers of any LocalECS are there, which may look for it.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn is_needed(&self) -> Result<bool> {
        let options =
            ListContainersOptionsBuilder::new().limit(1).filters(&filters([("label", STORE_LABEL.to_owned())])).build();
        let found = within(limits::LIST, self.0.docker.list_containers(Some(options))).await;
        Ok(!found.map_err(CallError::other)?.is_empty())
    }

    /// Removes the network; one that is gone is fine.
    ///
    /// # Errors
    /// When the engine does not answer, or somebody attached a container to it.
    pub async fn remove(&self) -> Result<()> {
        match within(limits::NETWORK, self.0.docker.remove_network(NETWORK)).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.networking()),
        }
    }

    /// Resolves when the network was removed, by whomever.
    ///
    /// # Errors
    /// When the engine's event stream ends: whether it was removed is not known.
    pub async fn removed(&self) -> Result<()> {
        let wanted = filters([("type", "network".to_owned()), ("event", "destroy".to_owned())]);
        let options = EventsOptionsBuilder::new().filters(&wanted).build();
        let mut events = std::pin::pin!(self.0.docker.events(Some(options)));
        loop {
            let event = match events.next().await {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(CallError::from(error).other()),
                None => return Err(RuntimeError::Unavailable("the engine's event stream ended".to_owned())),
            };
            let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
            if attributes.get("name").is_some_and(|name| name == NETWORK) {
                return Ok(());
            }
        }
    }

    /// The subnets of all the engine's networks, as CIDRs: where its containers have their addresses.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn subnets(&self) -> Result<Vec<String>> {
        let networks = within(limits::LIST, self.0.docker.list_networks(None::<ListNetworksOptions>))
            .await
            .map_err(CallError::networking)?;
        Ok(networks.iter().flat_map(subnets_of).collect())
    }

    async fn key(&self) -> Result<Option<String>> {
        let found = self.found().await.map_err(CallError::networking)?;
        let key = |network: NetworkInspect| network.labels.and_then(|mut labels| labels.remove(KEY_LABEL));
        match found.map(key) {
            Some(Some(key)) => Ok(Some(key)),
            Some(None) => Err(RuntimeError::Network {
                message: format!("a network named {NETWORK} exists already and belongs to somebody else"),
                overlap: false,
            }),
            None => Ok(None),
        }
    }

    async fn found(&self) -> CallResult<Option<NetworkInspect>> {
        match within(limits::INSPECT, self.0.docker.inspect_network(NETWORK, None)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn subnets_of(network: &Network) -> Vec<String> {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    configs.into_iter().flatten().filter_map(|config| config.subnet.clone()).collect()
}

fn request(key: &str) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: NETWORK.to_owned(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(SUBNET.to_owned()),
                gateway: Some(ADDRESS.to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        // Or else the host's own programs would seem to come from another of its addresses.
        options: Some(HashMap::from([(
            "com.docker.network.bridge.enable_ip_masquerade".to_owned(),
            "false".to_owned(),
        )])),
        labels: Some(HashMap::from([(KEY_LABEL.to_owned(), key.to_owned())])),
        ..NetworkCreateRequest::default()
    }
}
