//! Whether this process can reach the addresses of containers, or only ports that are published on the host.
//!
//! It can where the engine's bridges are interfaces of the machine (more exactly: of the network namespace) this
//! process runs in: a Linux host with an engine of its own, or a container in the host's network. It cannot where
//! the engine sits in a virtual machine (Docker Desktop, Colima), on another machine, in a namespace of its own
//! (engines that run without root), or where this process is itself in a container. A bridge is known by its
//! gateway's address: whoever owns that can reach what is behind it.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use bollard::models::Network;

/// What the answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Situation<'a> {
    /// The engine is reached over a socket or the loopback address.
    pub engine_is_local: bool,
    /// `linux`, as the engine says.
    pub engine_os: &'a str,
    /// The gateways of the engine's bridges.
    pub gateways: Vec<Ipv4Addr>,
}

/// `is_own` says whether an address belongs to an interface of this process' network namespace.
pub(super) fn routes_to_containers(situation: &Situation<'_>, is_own: impl Fn(Ipv4Addr) -> bool) -> bool {
    situation.engine_is_local
        && situation.engine_os.eq_ignore_ascii_case("linux")
        && situation.gateways.iter().any(|gateway| is_own(*gateway))
}

/// Asks the kernel: a socket can be bound to an own address only.
#[must_use]
pub fn is_own_address(address: Ipv4Addr) -> bool {
    cfg!(target_os = "linux") && UdpSocket::bind((IpAddr::V4(address), 0)).is_ok()
}

/// The gateways of bridges; where the engine does not tell one, it is the first address of the subnet.
pub(super) fn gateways(networks: &[Network]) -> Vec<Ipv4Addr> {
    networks
        .iter()
        .filter(|network| network.driver.as_deref() == Some("bridge"))
        .filter_map(|network| network.ipam.as_ref()?.config.as_ref())
        .flatten()
        .filter_map(|config| match config.gateway.as_deref() {
            Some(gateway) if !gateway.is_empty() => gateway.parse().ok(),
            _ => first_address(config.subnet.as_deref()?),
        })
        .collect()
}

fn first_address(subnet: &str) -> Option<Ipv4Addr> {
    let network: Ipv4Addr = subnet.split('/').next()?.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(network).checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use bollard::models::{Ipam, IpamConfig};

    use super::*;

    fn host() -> Situation<'static> {
        Situation { engine_is_local: true, engine_os: "linux", gateways: vec![Ipv4Addr::new(172, 17, 0, 1)] }
    }

    #[test]
    fn a_host_with_its_own_engine_reaches_containers() {
        assert!(routes_to_containers(&host(), |address| address == Ipv4Addr::new(172, 17, 0, 1)));
    }

    #[test]
    fn in_a_container_the_bridge_is_not_ours() {
        assert!(!routes_to_containers(&host(), |_| false));
    }

    #[test]
    fn an_engine_elsewhere_may_use_the_same_addresses_as_ours() {
        assert!(!routes_to_containers(&Situation { engine_is_local: false, ..host() }, |_| true));
        assert!(!routes_to_containers(&Situation { engine_os: "windows", ..host() }, |_| true));
        assert!(!routes_to_containers(&Situation { gateways: Vec::new(), ..host() }, |_| true));
    }

    #[test]
    fn a_bridge_without_a_gateway_has_the_first_address() {
        let bridge = |config| Network {
            driver: Some("bridge".into()),
            ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
            ..Network::default()
        };
        let networks = [
            bridge(IpamConfig { subnet: Some("172.17.0.0/16".into()), ..IpamConfig::default() }),
            bridge(IpamConfig { gateway: Some("10.0.0.254".into()), ..IpamConfig::default() }),
        ];
        assert_eq!(gateways(&networks), [Ipv4Addr::new(172, 17, 0, 1), Ipv4Addr::new(10, 0, 0, 254)]);
    }

    #[test]
    fn the_kernel_knows_its_addresses() {
        assert!(is_own_address(Ipv4Addr::LOCALHOST) || !cfg!(target_os = "linux"));
        assert!(!is_own_address(Ipv4Addr::new(192, 0, 2, 77)));
    }
}
