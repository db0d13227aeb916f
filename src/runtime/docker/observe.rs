//! From the engine's description of a container to a [`ContainerObservation`].

use std::net::IpAddr;
use std::sync::Arc;

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, HealthStatusEnum, NetworkSettings,
};

use crate::runtime::{ContainerId, ContainerObservation, Exit, ObservedHealth, ObservedState, Protocol, PublishedPort};
use crate::time::Timestamp;

/// What `inspect` says, in our terms; `None` when it says less than every engine says.
pub(super) fn observation(inspected: ContainerInspectResponse) -> Option<ContainerObservation> {
    let state = inspected.state?;
    let settings = inspected.network_settings.unwrap_or_default();
    let observed = observed_state(&state);
    let running = matches!(observed, ObservedState::Running { .. });
    // Docker shows nothing for a container in another's namespace, Podman shows what the other has.
    let mode = inspected.host_config.and_then(|host| host.network_mode).unwrap_or_default();
    let has_network = running && !mode.starts_with("container:");
    let (address, mac_address) = if has_network { own_address(&settings) } else { (None, None) };
    Some(ContainerObservation {
        id: ContainerId(Arc::from(inspected.id?)),
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        labels: inspected.config.and_then(|config| config.labels).unwrap_or_default().into_iter().collect(),
        image_id: inspected.image.unwrap_or_default(),
        health: observed_health(&state),
        state: observed,
        ports: if has_network { published_ports(&settings) } else { Vec::new() },
        address,
        mac_address,
    })
}

fn observed_state(state: &ContainerState) -> ObservedState {
    use ContainerStateStatusEnum as Status;
    match state.status {
        // A container that is being stopped still runs; one that is paused holds its resources and its address.
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING) => {
            ObservedState::Running { started_at: timestamp(state.started_at.as_deref()) }
        }
        Some(Status::EXITED | Status::DEAD) => ObservedState::Exited(exit(state)),
        // On its way out: it has ended if it ever ran.
        Some(Status::REMOVING) if timestamp(state.finished_at.as_deref()).is_some() => {
            ObservedState::Exited(exit(state))
        }
        _ => ObservedState::Created,
    }
}

fn exit(state: &ContainerState) -> Exit {
    Exit {
        exit_code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
        oom_killed: state.oom_killed.unwrap_or(false),
        error: state.error.clone().filter(|error| !error.is_empty()),
        started_at: timestamp(state.started_at.as_deref()),
        finished_at: timestamp(state.finished_at.as_deref()),
    }
}

fn observed_health(state: &ContainerState) -> ObservedHealth {
    match state.health.as_ref().and_then(|health| health.status) {
        Some(HealthStatusEnum::STARTING) => ObservedHealth::Starting,
        Some(HealthStatusEnum::HEALTHY) => ObservedHealth::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => ObservedHealth::Unhealthy,
        Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) | None => ObservedHealth::None,
    }
}

/// RFC 3339 with nanoseconds; the year 1 stands for "never".
pub(super) fn timestamp(text: Option<&str>) -> Option<Timestamp> {
    let text = text?;
    if text.is_empty() || text.starts_with("0001-01-01") {
        return None;
    }
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(parsed.as_millisecond()))
}

fn published_ports(settings: &NetworkSettings) -> Vec<PublishedPort> {
    let mut ports = Vec::new();
    for (port, bindings) in settings.ports.iter().flatten() {
        let Some((container_port, protocol)) = parse_port(port) else { continue };
        for binding in bindings.iter().flatten() {
            let host_port = binding.host_port.as_deref().and_then(|port| port.parse().ok()).filter(|port| *port != 0);
            let host_ip = binding.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or("0.0.0.0").parse();
            if let (Some(host_port), Ok(host_ip)) = (host_port, host_ip) {
                ports.push(PublishedPort { container_port, protocol, host_ip, host_port });
            }
        }
    }
    ports.sort_by_key(|port| (port.container_port, port.protocol, port.host_ip, port.host_port));
    ports
}

/// `80/tcp`
fn parse_port(text: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some((port.parse().ok()?, protocol))
}

/// The address on the one network it is attached to. Containers in another's namespace or the host's have none.
fn own_address(settings: &NetworkSettings) -> (Option<IpAddr>, Option<String>) {
    for endpoint in settings.networks.iter().flatten().map(|(_, endpoint)| endpoint) {
        if let Some(address) = endpoint.ip_address.as_deref().and_then(|address| address.parse().ok()) {
            return (Some(address), endpoint.mac_address.clone().filter(|mac| !mac.is_empty()));
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(text: &str) -> ContainerObservation {
        let parsed = serde_json::from_str(text).expect("an answer of the engine");
        observation(parsed).expect("a whole answer")
    }

    #[test]
    fn a_running_container_shows_its_ports_and_address() {
        let seen = inspected(
            r#"{"Id":"abc","Name":"/web","Image":"sha256:1","Config":{"Labels":{"a":"b"}},
            "State":{"Status":"running","StartedAt":"2026-11-21T14:10:22.123456789Z","FinishedAt":"0001-01-01T00:00:00Z",
                     "Health":{"Status":"starting"}},
            "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}],"53/udp":null},
              "Networks":{"vpc":{"IPAddress":"10.192.0.5","MacAddress":"02:42:0a:c0:00:05"}}}}"#,
        );
        assert_eq!(seen.name, "web");
        assert_eq!(seen.labels["a"], "b");
        let ObservedState::Running { started_at: Some(started_at) } = seen.state else { panic!("{seen:?}") };
        assert_eq!(started_at.as_millis() % 1000, 123);
        assert_eq!(seen.address, Some(IpAddr::from([10, 192, 0, 5])));
        assert_eq!(seen.mac_address.as_deref(), Some("02:42:0a:c0:00:05"));
        assert_eq!(seen.health, ObservedHealth::Starting);
        let port = PublishedPort {
            container_port: 80,
            protocol: Protocol::Tcp,
            host_ip: IpAddr::from([127, 0, 0, 1]),
            host_port: 32768,
        };
        assert_eq!(seen.ports, [port]);
    }

    #[test]
    fn an_ended_container_shows_how_and_nothing_of_the_network() {
        let seen = inspected(
            r#"{"Id":"abc","Name":"/web","State":{"Status":"exited","ExitCode":137,"OOMKilled":true,"Error":"",
            "StartedAt":"2026-11-21T14:10:22Z","FinishedAt":"2026-11-21T15:10:23.5+01:00"},
            "NetworkSettings":{"Networks":{"vpc":{"IPAddress":""}}}}"#,
        );
        let ObservedState::Exited(exit) = seen.state else { panic!("{seen:?}") };
        assert_eq!((exit.exit_code, exit.oom_killed, exit.error), (137, true, None));
        assert_eq!(exit.finished_at.map(|at| at.as_millis() % 100_000), Some(23_500));
        assert_eq!((seen.address, seen.ports.len()), (None, 0));
    }

    #[test]
    fn a_container_whose_process_never_ran_is_still_only_created() {
        let seen = inspected(
            r#"{"Id":"abc","Name":"/web","State":{"Status":"created","ExitCode":127,"Error":"exec: not found",
            "StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"}}"#,
        );
        assert_eq!(seen.state, ObservedState::Created);
    }
}
