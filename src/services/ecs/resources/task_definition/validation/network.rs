//! Ports, and what each network mode can't do.

use std::collections::BTreeSet;

use api_models::ecs::{ContainerDefinition, NetworkMode, PortMapping, TransportProtocol};

use super::{Checked, Subject, ensure, list, name, refuse, text};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let mode = &subject.mode;
    for container in subject.containers {
        for mapping in list(&container.port_mappings) {
            port(mapping, container, mode)?;
        }
        links(subject, container)?;
        if *mode == NetworkMode::Awsvpc {
            own_interface(container)?;
        }
    }
    used_twice(subject)?;
    proxy(subject)?;
    let injects = subject.input.enable_fault_injection == Some(true);
    ensure(!injects || matches!(mode, NetworkMode::Awsvpc | NetworkMode::Host), || {
        // (ours)
        "Fault injection is only supported in networkMode=awsvpc and networkMode=host.".into()
    })
}

fn port(mapping: &PortMapping, container: &ContainerDefinition, mode: &NetworkMode) -> Checked {
    let invalid = |setting: &str| format!("Invalid '{setting}' setting for container '{}'.", name(container));
    if let Some(range) = &mapping.container_port_range {
        ensure(mapping.container_port.is_none() && mapping.host_port.is_none(), || {
            format!(
                "Invalid port mapping for container '{}', cannot specify both single port and port range.",
                name(container)
            )
        })?;
        let valid = port_range(range).is_some() && matches!(mode, NetworkMode::Awsvpc | NetworkMode::Bridge);
        ensure(valid, || invalid("containerPortRange"))?;
    } else {
        let valid = |port: i32| (1..=65_535).contains(&port);
        ensure(mapping.container_port.is_some_and(valid), || invalid("containerPort"))?;
        ensure(mapping.host_port.is_none_or(|port| port == 0 || valid(port)), || invalid("hostPort"))?; // (ours)
        let moved = mapping.host_port.is_some_and(|port| port != 0 && mapping.container_port != Some(port));
        ensure(!(moved && matches!(mode, NetworkMode::Awsvpc | NetworkMode::Host)), || {
            format!("When networkMode={mode}, the host ports and container ports in port mappings must match.")
        })?;
    }
    ensure(*mode != NetworkMode::None, || "Port mappings are not supported when networkMode=none.".into())?; // (ours)
    ensure(mapping.name.as_deref().is_none_or(is_port_name), || invalid("name")) // (ours)
}

/// `first-last`, both ports.
pub(super) fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    let (first, last) = (port(first)?, port(last)?);
    (first > 0 && first <= last).then_some((first, last))
}

/// "Up to 64 lowercase letters, numbers, hyphens, and underscores; the first character can't be a hyphen."
fn is_port_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
}

fn links(subject: &Subject<'_>, container: &ContainerDefinition) -> Checked {
    let links = list(&container.links);
    ensure(links.is_empty() || subject.mode == NetworkMode::Bridge, || {
        format!("Links are not supported when networkMode={}.", subject.mode)
    })?;
    for link in links {
        let linked = link.split(':').next().unwrap_or_default();
        ensure(subject.container(linked).is_some(), || format!("Unknown container '{linked}'."))?; // (ours)
    }
    Ok(())
}

/// What a task that shares one network interface can't have for each container.
fn own_interface(container: &ContainerDefinition) -> Checked {
    for (given, what) in [
        (container.hostname.as_deref().is_some_and(|name| !name.is_empty()), "hostname is"),
        (!list(&container.extra_hosts).is_empty(), "Extra hosts are"),
        (!list(&container.dns_servers).is_empty(), "DNS servers are"),
        (!list(&container.dns_search_domains).is_empty(), "DNS search domains are"), // (ours)
        (container.disable_networking == Some(true), "Disable Networking is"),
    ] {
        ensure(!given, || format!("{what} not supported on container when networkMode=awsvpc."))?;
    }
    Ok(())
}

/// Ports that exist once: each container port of the task in awsvpc, each static host port otherwise.
fn used_twice(subject: &Subject<'_>) -> Checked {
    let mode = &subject.mode;
    let (mut ports, mut names) = (BTreeSet::new(), BTreeSet::new());
    for mapping in subject.containers.iter().flat_map(|container| list(&container.port_mappings)) {
        let udp = mapping.protocol == Some(TransportProtocol::Udp);
        let protocol = if udp { "UDP" } else { "TCP" };
        let (first, last) = match (&mapping.container_port_range, mode) {
            (Some(range), NetworkMode::Awsvpc) => port_range(range).unwrap_or((0, 0)),
            // The engine chooses the host's ports.
            (Some(_), _) => (0, 0),
            (None, NetworkMode::Awsvpc | NetworkMode::Host) => single(mapping.container_port),
            (None, _) => single(mapping.host_port),
        };
        for port in (first..=last).filter(|port| *port != 0) {
            if !ports.insert((udp, port)) {
                return refuse(if *mode == NetworkMode::Awsvpc {
                    format!(
                        "{protocol} container port '{port}' is used multiple times in task when networkMode=awsvpc."
                    )
                } else {
                    format!("{protocol} host port '{port}' is mapped multiple times in task.")
                });
            }
        }
        if let Some(name) = &mapping.name {
            ensure(names.insert(name), || format!("When networkMode={mode}, port mapping name is already used"))?;
        }
    }
    Ok(())
}

fn single(port: Option<i32>) -> (u16, u16) {
    let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    (port, port)
}

fn proxy(subject: &Subject<'_>) -> Checked {
    let Some(proxy) = &subject.input.proxy_configuration else { return Ok(()) };
    ensure(subject.mode == NetworkMode::Awsvpc, || {
        "APPMESH proxy configuration is only supported in networkMode=awsvpc".into()
    })?;
    let container = text(&proxy.container_name);
    ensure(subject.container(container).is_some(), || format!("Proxy container [{container}] does not exist."))?;
    let has = |name: &str| {
        list(&proxy.properties).iter().any(|pair| text(&pair.name) == name && !text(&pair.value).is_empty())
    };
    ensure(has("ProxyIngressPort"), || "Ingress port not found".into())?;
    // (ours), all three
    ensure(has("ProxyEgressPort"), || "Egress port not found".into())?;
    ensure(has("AppPorts"), || "App ports not found".into())?;
    ensure(has("IgnoredUID") || has("IgnoredGID"), || "Ignored UID or GID not found".into())
}
