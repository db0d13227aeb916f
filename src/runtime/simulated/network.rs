//! The simulated engine's networks, addresses and host ports. Its errors use Docker's words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::runtime::{NetworkSpec, PortPublication, Protocol, PublishedPort, RuntimeError, STORE_LABEL};

/// Where the engine starts looking for a free host port; Linux's own range begins there too.
const FIRST_DYNAMIC_PORT: u16 = 32_768;

/// The default bridge, which every engine has.
const BRIDGE: Cidr = Cidr { base: 0xAC11_0000, prefix: 16 };

/// A range of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cidr {
    base: u32,
    prefix: u32,
}

impl Cidr {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (address, prefix) = (u32::from(address.parse::<Ipv4Addr>().ok()?), prefix.parse().ok()?);
        if prefix > 32 {
            return None;
        }
        Some(Self { base: address & Self::mask(prefix), prefix })
    }

    fn mask(prefix: u32) -> u32 {
        u32::MAX.checked_shl(32 - prefix).unwrap_or(0)
    }

    fn first(self) -> u32 {
        self.base
    }

    fn last(self) -> u32 {
        self.base | !Self::mask(self.prefix)
    }

    fn contains(self, address: u32) -> bool {
        (self.first()..=self.last()).contains(&address)
    }

    fn overlaps(self, other: Self) -> bool {
        self.first() <= other.last() && other.first() <= self.last()
    }
}

#[derive(Debug)]
struct Network {
    spec: NetworkSpec,
    cidr: Cidr,
    /// The addresses of running containers.
    taken: BTreeSet<u32>,
}

/// All that containers share of the network.
#[derive(Debug)]
pub(super) struct Networks {
    networks: BTreeMap<String, Network>,
    /// Addresses taken on the default bridge, and where the search for the next begins.
    bridge: BTreeSet<u32>,
    bridge_next: u32,
    /// The host addresses on which each port is taken.
    ports: BTreeMap<(Protocol, u16), Vec<IpAddr>>,
    port_next: u16,
}

impl Default for Networks {
    fn default() -> Self {
        Self {
            networks: BTreeMap::new(),
            bridge: BTreeSet::new(),
            // The first address is the gateway's.
            bridge_next: BRIDGE.first() + 2,
            ports: BTreeMap::new(),
            port_next: FIRST_DYNAMIC_PORT,
        }
    }
}

/// The store a network belongs to.
fn owner(spec: &NetworkSpec) -> Option<&str> {
    spec.labels.get(STORE_LABEL).map(String::as_str)
}

fn network_error(message: impl Into<String>) -> RuntimeError {
    RuntimeError::Network { message: message.into(), overlap: false }
}

impl Networks {
    /// Makes a network unless it exists.
    pub(super) fn ensure(&mut self, spec: &NetworkSpec) -> Result<(), RuntimeError> {
        if let Some(Network { spec: found, .. }) = self.networks.get(&spec.name) {
            if owner(found) != owner(spec) {
                let message = format!("a network named {} exists already and belongs to somebody else", spec.name);
                return Err(network_error(message));
            }
            if found.cidr != spec.cidr {
                return Err(network_error(format!(
                    "the network {} exists already with the addresses {}, not {}",
                    spec.name, found.cidr, spec.cidr
                )));
            }
            return Ok(());
        }
        let cidr =
            Cidr::parse(&spec.cidr).ok_or_else(|| network_error(format!("invalid CIDR address: {}", spec.cidr)))?;
        if !cidr.contains(spec.gateway.into()) {
            return Err(network_error(format!("no matching subnet for gateway {}", spec.gateway)));
        }
        if cidr.overlaps(BRIDGE) || self.networks.values().any(|other| other.cidr.overlaps(cidr)) {
            let message = "Pool overlaps with other one on this address space".to_owned();
            return Err(RuntimeError::Network { message, overlap: true });
        }
        self.networks.insert(spec.name.clone(), Network { spec: spec.clone(), cidr, taken: BTreeSet::new() });
        Ok(())
    }

    pub(super) fn remove(&mut self, store: &str, name: &str) -> Result<(), RuntimeError> {
        let Some(network) = self.networks.get(name) else { return Ok(()) };
        if owner(&network.spec) != Some(store) {
            return Err(network_error(format!("the network {name} belongs to somebody else")));
        }
        if !network.taken.is_empty() {
            return Err(network_error(format!("error while removing network: network {name} has active endpoints")));
        }
        self.networks.remove(name);
        Ok(())
    }

    /// The networks of one store.
    pub(super) fn list(&self, store: &str) -> impl Iterator<Item = &NetworkSpec> {
        self.networks.values().map(|network| &network.spec).filter(move |spec| owner(spec) == Some(store))
    }

    /// Takes `address` on the network `name`.
    pub(super) fn attach(&mut self, name: &str, address: Ipv4Addr) -> Result<(), RuntimeError> {
        let network = self.networks.get_mut(name).ok_or_else(|| network_error(format!("network {name} not found")))?;
        let number = u32::from(address);
        if !network.cidr.contains(number) {
            return Err(network_error(format!(
                "Invalid address {address}: It does not belong to any of this network's subnets"
            )));
        }
        let reserved =
            number == network.cidr.first() || number == network.cidr.last() || address == network.spec.gateway;
        if reserved || !network.taken.insert(number) {
            return Err(network_error("Address already in use"));
        }
        Ok(())
    }

    pub(super) fn detach(&mut self, name: &str, address: Ipv4Addr) {
        if let Some(network) = self.networks.get_mut(name) {
            network.taken.remove(&address.into());
        }
    }

    /// Takes the next free address of the default bridge.
    pub(super) fn attach_bridge(&mut self) -> Result<Ipv4Addr, RuntimeError> {
        let first = BRIDGE.first() + 2;
        for _ in first..BRIDGE.last() {
            let address = self.bridge_next;
            self.bridge_next = if address + 1 == BRIDGE.last() { first } else { address + 1 };
            if self.bridge.insert(address) {
                return Ok(address.into());
            }
        }
        Err(network_error("no available IPv4 addresses on this network's address pools: bridge"))
    }

    pub(super) fn detach_bridge(&mut self, address: Ipv4Addr) {
        self.bridge.remove(&address.into());
    }

    /// Takes a host port for each publication; none at all if one can't be had, and then says why.
    pub(super) fn publish(&mut self, publications: &[PortPublication]) -> Result<Vec<PublishedPort>, String> {
        let mut published = Vec::with_capacity(publications.len());
        for wanted in publications {
            match self.publish_one(wanted) {
                Ok(port) => published.push(port),
                Err(message) => {
                    self.release(&published);
                    return Err(message);
                }
            }
        }
        Ok(published)
    }

    fn publish_one(&mut self, wanted: &PortPublication) -> Result<PublishedPort, String> {
        let PortPublication { container_port, protocol, host_ip, host_port } = *wanted;
        let host_port = match host_port {
            Some(port) if self.is_free(protocol, host_ip, port) => port,
            Some(port) => return Err(format!("Bind for {host_ip}:{port} failed: port is already allocated")),
            None => self.free_port(protocol, host_ip).ok_or("all ports are allocated")?,
        };
        self.ports.entry((protocol, host_port)).or_default().push(host_ip);
        Ok(PublishedPort { container_port, protocol, host_ip, host_port })
    }

    /// The next free port after the one that was given last, so that a port is not used again at once.
    fn free_port(&mut self, protocol: Protocol, host_ip: IpAddr) -> Option<u16> {
        for _ in FIRST_DYNAMIC_PORT..=u16::MAX {
            let port = self.port_next;
            self.port_next = port.checked_add(1).unwrap_or(FIRST_DYNAMIC_PORT);
            if self.is_free(protocol, host_ip, port) {
                return Some(port);
            }
        }
        None
    }

    fn is_free(&self, protocol: Protocol, host_ip: IpAddr, port: u16) -> bool {
        let clashes = |taken: &IpAddr| {
            *taken == host_ip
                || (taken.is_ipv4() == host_ip.is_ipv4() && (taken.is_unspecified() || host_ip.is_unspecified()))
        };
        !self.ports.get(&(protocol, port)).is_some_and(|taken| taken.iter().any(clashes))
    }

    pub(super) fn release(&mut self, ports: &[PublishedPort]) {
        for port in ports {
            let key = (port.protocol, port.host_port);
            if let Some(taken) = self.ports.get_mut(&key) {
                if let Some(place) = taken.iter().position(|ip| *ip == port.host_ip) {
                    taken.swap_remove(place);
                }
                if taken.is_empty() {
                    self.ports.remove(&key);
                }
            }
        }
    }
}

/// The MAC address Docker gives to an interface with this address.
pub(super) fn mac_address(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, cidr: &str, gateway: [u8; 4]) -> NetworkSpec {
        let labels = BTreeMap::from([(STORE_LABEL.to_owned(), "store".to_owned())]);
        NetworkSpec { name: name.into(), cidr: cidr.into(), gateway: gateway.into(), labels }
    }

    #[test]
    fn networks_do_not_overlap_and_are_made_once() {
        let mut networks = Networks::default();
        networks.ensure(&spec("one", "10.192.0.0/16", [10, 192, 0, 1])).expect("the range is free");
        networks.ensure(&spec("one", "10.192.0.0/16", [10, 192, 0, 1])).expect("it exists");
        assert!(networks.ensure(&spec("one", "10.193.0.0/16", [10, 193, 0, 1])).is_err(), "other addresses");
        assert!(networks.remove("other", "one").is_err(), "another store");
        for cidr in ["10.192.4.0/24", "10.0.0.0/8", "172.17.128.0/20"] {
            let gateway = Ipv4Addr::from(Cidr::parse(cidr).expect("a CIDR").base + 1).octets();
            let error = networks.ensure(&spec("two", cidr, gateway)).expect_err(cidr);
            assert!(matches!(error, RuntimeError::Network { overlap: true, .. }), "{error:?}");
        }
        networks.ensure(&spec("two", "10.193.0.0/16", [10, 193, 0, 1])).expect("next to each other is fine");
        for cidr in ["10.1.0.0", "10.1.0.0/33", "x/8"] {
            let error = networks.ensure(&spec("bad", cidr, [10, 1, 0, 1])).expect_err(cidr);
            assert!(matches!(error, RuntimeError::Network { overlap: false, .. }), "{error:?}");
        }
    }

    #[test]
    fn an_address_is_given_once() {
        let mut networks = Networks::default();
        networks.ensure(&spec("one", "10.192.0.0/24", [10, 192, 0, 1])).expect("the range is free");
        let address = Ipv4Addr::new(10, 192, 0, 4);
        networks.attach("one", address).expect("it is free");
        assert!(networks.attach("one", address).is_err());
        assert!(networks.remove("store", "one").is_err());
        for bad in [[10, 192, 0, 0], [10, 192, 0, 1], [10, 192, 0, 255], [10, 192, 1, 4]] {
            assert!(networks.attach("one", bad.into()).is_err(), "{bad:?}");
        }
        networks.detach("one", address);
        networks.attach("one", address).expect("it is free again");
        assert_eq!(mac_address(address), "02:42:0a:c0:00:04");
        networks.detach("one", address);
        networks.remove("store", "one").expect("nobody is there");
        networks.remove("store", "one").expect("it is gone");
    }

    #[test]
    fn ports_of_other_addresses_and_protocols_do_not_clash() {
        let publish = |networks: &mut Networks, ip: &str, protocol, host_port| {
            let host_ip = ip.parse().expect("an address");
            networks.publish(&[PortPublication { container_port: 80, protocol, host_ip, host_port }])
        };
        let mut networks = Networks::default();
        let loopback = publish(&mut networks, "127.0.0.1", Protocol::Tcp, Some(8080)).expect("it is free");
        publish(&mut networks, "127.0.0.2", Protocol::Tcp, Some(8080)).expect("another address");
        publish(&mut networks, "0.0.0.0", Protocol::Udp, Some(8080)).expect("another protocol");
        let error = publish(&mut networks, "0.0.0.0", Protocol::Tcp, Some(8080)).expect_err("all addresses");
        assert_eq!(error, "Bind for 0.0.0.0:8080 failed: port is already allocated");
        networks.release(&loopback);
        publish(&mut networks, "127.0.0.1", Protocol::Tcp, Some(8080)).expect("it is free again");
        let dynamic = |networks: &mut Networks| {
            publish(networks, "0.0.0.0", Protocol::Tcp, None).expect("there are many")[0].host_port
        };
        assert_eq!((dynamic(&mut networks), dynamic(&mut networks)), (32_768, 32_769));
    }

    #[test]
    fn the_bridge_gives_each_address_once() {
        let mut networks = Networks::default();
        let first = networks.attach_bridge().expect("it is empty");
        assert_eq!(first, Ipv4Addr::new(172, 17, 0, 2));
        assert_ne!(networks.attach_bridge().expect("there are many"), first);
    }
}
