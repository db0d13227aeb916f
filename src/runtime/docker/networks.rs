//! The networks tasks in awsvpc mode live on.

use std::collections::HashMap;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};

use super::errors::{CallError, CallResult, within};
use super::{Engine, filters, limits};
use crate::runtime::{NetworkSpec, Result, RuntimeError, STORE_LABEL};

impl Engine {
    pub(super) async fn ensure_network(&self, spec: &NetworkSpec) -> Result<()> {
        // The engine allows two networks of one name: between looking and making, nobody else may make one.
        let _making = self.making_networks.lock().await;
        if let Some(found) = self.network(&spec.name).await.map_err(CallError::networking)? {
            return self.usable(spec, &found);
        }
        match within(limits::NETWORK, self.docker.create_network(request(spec, &self.store))).await {
            Ok(created) => {
                tracing::debug!(network = spec.name, cidr = spec.cidr, id = created.id, "network made");
                Ok(())
            }
            // Another process was faster (engines since 25 keep names unique).
            Err(error) if error.is_conflict() => match self.network(&spec.name).await {
                Ok(Some(found)) => self.usable(spec, &found),
                _ => Err(error.networking()),
            },
            Err(error) => Err(error.networking()),
        }
    }

    /// Whether the network of that name is the one that is wanted.
    fn usable(&self, spec: &NetworkSpec, found: &NetworkInspect) -> Result<()> {
        let error = |message| Err(RuntimeError::Network { message, overlap: false });
        if !self.owns_network(found) {
            return error(format!("a network named {} exists already and belongs to somebody else", spec.name));
        }
        match first_subnet(found.ipam.as_ref()) {
            Some(cidr) if cidr == spec.cidr => Ok(()),
            cidr => error(format!(
                "the network {} exists already with the addresses {}, not {}",
                spec.name,
                cidr.unwrap_or_else(|| "none".to_owned()),
                spec.cidr
            )),
        }
    }

    pub(super) async fn remove_network(&self, name: &str) -> Result<()> {
        let Some(found) = self.network(name).await.map_err(CallError::networking)? else { return Ok(()) };
        if !self.owns_network(&found) {
            let message = format!("the network {name} belongs to somebody else");
            return Err(RuntimeError::Network { message, overlap: false });
        }
        // Docker refuses this itself; Podman would remove the containers too.
        if found.containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
            let message = format!("network {name} has active endpoints");
            return Err(RuntimeError::Network { message, overlap: false });
        }
        let id = found.id.as_deref().unwrap_or(name);
        match within(limits::NETWORK, self.docker.remove_network(id)).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.networking()),
        }
    }

    pub(super) async fn list_networks(&self) -> Result<Vec<(String, String)>> {
        let options = ListNetworksOptionsBuilder::new().filters(&filters([("label", self.store_filter())])).build();
        let found =
            within(limits::LIST, self.docker.list_networks(Some(options))).await.map_err(CallError::networking)?;
        let mut networks: Vec<(String, String)> = found
            .into_iter()
            .filter_map(|network| Some((network.name?, first_subnet(network.ipam.as_ref())?)))
            .collect();
        networks.sort();
        Ok(networks)
    }

    async fn network(&self, name: &str) -> CallResult<Option<NetworkInspect>> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
            return Err(CallError::Other(format!("{name:?} is no name for a network")));
        }
        match within(limits::INSPECT, self.docker.inspect_network(name, None::<InspectNetworkOptions>)).await {
            // The engine also finds networks by the beginning of their id.
            Ok(found) if found.name.as_deref() == Some(name) => Ok(Some(found)),
            Ok(_) => Ok(None),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn owns_network(&self, network: &NetworkInspect) -> bool {
        let label = network.labels.as_ref().and_then(|labels| labels.get(STORE_LABEL));
        label.map(String::as_str) == Some(&*self.store)
    }
}

fn first_subnet(ipam: Option<&Ipam>) -> Option<String> {
    ipam?.config.iter().flatten().find_map(|config| config.subnet.clone())
}

/// The body of `POST /networks/create`.
fn request(spec: &NetworkSpec, store: &str) -> NetworkCreateRequest {
    let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
    labels.insert(STORE_LABEL.to_owned(), store.to_owned());
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(spec.cidr.clone()),
                gateway: Some(spec.gateway.to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        // Tasks reach each other, as in a VPC, also where the engine's default is otherwise.
        options: Some(HashMap::from([("com.docker.network.bridge.enable_icc".to_owned(), "true".to_owned())])),
        labels: Some(labels),
        ..NetworkCreateRequest::default()
    }
}
