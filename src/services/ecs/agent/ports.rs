//! Port mappings: what to publish, and what to show as networkBindings.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>

use std::net::{IpAddr, Ipv4Addr};

use api_models::ecs::{ContainerDefinition, NetworkBinding, NetworkMode, PortMapping, TransportProtocol};

use crate::runtime::{PortPublication, Protocol, PublishedPort};

fn protocol(mapping: &PortMapping) -> Protocol {
    match mapping.protocol {
        Some(TransportProtocol::Udp) => Protocol::Udp,
        _ => Protocol::Tcp,
    }
}

/// A mapping's container port and protocol; ranges have none.
fn container_port(mapping: &PortMapping) -> Option<(u16, Protocol)> {
    let port = u16::try_from(mapping.container_port?).ok().filter(|port| *port != 0)?;
    Some((port, protocol(mapping)))
}

/// What a container in bridge mode publishes: a host port of 0 or none lets the engine choose one on `published`, where no
/// other instance is in the way; any other is the container instance's, and on its address.
pub(super) fn published_by(
    container: &ContainerDefinition,
    published: IpAddr,
    instance: Option<Ipv4Addr>,
) -> Vec<PortPublication> {
    let mappings = container.port_mappings.iter().flatten();
    mappings
        .filter_map(|mapping| {
            let (container_port, protocol) = container_port(mapping)?;
            let host_port = mapping.host_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
            let host_ip = host_port.and(instance).map_or(published, IpAddr::V4);
            Some(PortPublication { container_port, protocol, host_ip, host_port })
        })
        .collect()
}

/// What the pause container of a task publishes: the ports of all containers, each once, on free host ports.
pub(super) fn published_by_all(containers: &[ContainerDefinition], host_ip: IpAddr) -> Vec<PortPublication> {
    let mut published: Vec<PortPublication> = Vec::new();
    for mapping in containers.iter().flat_map(|container| container.port_mappings.iter().flatten()) {
        let Some((container_port, protocol)) = container_port(mapping) else { continue };
        if !published.iter().any(|port| (port.container_port, port.protocol) == (container_port, protocol)) {
            published.push(PortPublication { container_port, protocol, host_ip, host_port: None });
        }
    }
    published
}

/// A container's networkBindings, in the order of its mappings. `published` is where the ports ended up: its own in
/// bridge mode, the pause container's in awsvpc mode.
pub(super) fn bindings(
    container: &ContainerDefinition,
    mode: Option<&NetworkMode>,
    published: &[PublishedPort],
) -> Vec<NetworkBinding> {
    let mut bindings = Vec::new();
    for mapping in container.port_mappings.iter().flatten() {
        let Some((container_port, protocol)) = container_port(mapping) else { continue };
        if mode == Some(&NetworkMode::Host) {
            bindings.push(binding("0.0.0.0".to_owned(), container_port, container_port, protocol));
            continue;
        }
        let fixed = mapping.host_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
        for port in published {
            let same = (port.container_port, port.protocol) == (container_port, protocol);
            // A container port can be mapped to several host ports: each mapping shows its own.
            let other = mode != Some(&NetworkMode::Awsvpc) && fixed.is_some_and(|fixed| fixed != port.host_port);
            let shown = binding(port.host_ip.to_string(), container_port, port.host_port, protocol);
            if same && !other && !bindings.contains(&shown) {
                bindings.push(shown);
            }
        }
    }
    bindings
}

fn binding(bind_ip: String, container_port: u16, host_port: u16, protocol: Protocol) -> NetworkBinding {
    NetworkBinding {
        bind_ip: Some(bind_ip),
        container_port: Some(container_port.into()),
        host_port: Some(host_port.into()),
        protocol: Some(match protocol {
            Protocol::Tcp => TransportProtocol::Tcp,
            Protocol::Udp => TransportProtocol::Udp,
        }),
        ..NetworkBinding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn container(ports: &[(i32, Option<i32>, TransportProtocol)]) -> ContainerDefinition {
        let mapping = |(container_port, host_port, protocol): &(i32, Option<i32>, TransportProtocol)| PortMapping {
            container_port: Some(*container_port),
            host_port: *host_port,
            protocol: Some(protocol.clone()),
            ..PortMapping::default()
        };
        ContainerDefinition {
            port_mappings: Some(ports.iter().map(mapping).collect()),
            ..ContainerDefinition::default()
        }
    }

    #[test]
    fn host_ports_are_fixed_or_left_to_the_engine() {
        let container = container(&[(80, Some(8080), TransportProtocol::Tcp), (53, Some(0), TransportProtocol::Udp)]);
        let ports = published_by(&container, LOOPBACK, None);
        assert_eq!((ports[0].container_port, ports[0].host_port), (80, Some(8080)));
        assert_eq!((ports[1].container_port, ports[1].protocol, ports[1].host_port), (53, Protocol::Udp, None));
        assert_eq!((ports[0].host_ip, ports[1].host_ip), (LOOPBACK, LOOPBACK));
        let own = Ipv4Addr::new(127, 64, 0, 1);
        let ports = published_by(&container, LOOPBACK, Some(own));
        assert_eq!((ports[0].host_ip, ports[1].host_ip), (IpAddr::V4(own), LOOPBACK));
    }

    #[test]
    fn a_task_publishes_each_port_once() {
        let one = container(&[(80, Some(80), TransportProtocol::Tcp)]);
        let two = container(&[(80, Some(80), TransportProtocol::Tcp), (80, None, TransportProtocol::Udp)]);
        let ports = published_by_all(&[one.clone(), two], LOOPBACK);
        assert_eq!(ports.len(), 2);
        assert!(ports.iter().all(|port| port.host_port.is_none()));

        let published =
            PublishedPort { container_port: 80, protocol: Protocol::Tcp, host_ip: LOOPBACK, host_port: 32768 };
        let shown = bindings(&one, Some(&NetworkMode::Awsvpc), &[published]);
        assert_eq!((shown.len(), shown[0].host_port), (1, Some(32768)));
    }

    #[test]
    fn on_the_host_a_port_is_bound_as_it_is() {
        let shown = bindings(&container(&[(80, None, TransportProtocol::Tcp)]), Some(&NetworkMode::Host), &[]);
        assert_eq!((shown[0].host_port, shown[0].bind_ip.as_deref()), (Some(80), Some("0.0.0.0")));
    }
}
