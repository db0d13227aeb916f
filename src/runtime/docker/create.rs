//! From a [`ContainerSpec`] to the engine's request, and creating by it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, NetworkingConfig, PortBinding,
};
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::errors::{CallError, within};
use super::{Engine, limits, linux, logs, volumes};
use crate::runtime::{
    ContainerId, ContainerNetwork, ContainerSpec, HealthCheck, ImageSource, Result, RuntimeError, STORE_LABEL,
};
use crate::time::{real_sleep, stopwatch};

/// The period of the CPU quota in microseconds: the kernel's and the ECS agent's.
const CPU_PERIOD: i64 = 100_000;
/// Below this the engine refuses a quota.
const SMALLEST_CPU_QUOTA: i64 = 1_000;

impl Engine {
    pub(super) async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        match &spec.image {
            ImageSource::Reference(reference) => self.create_from(spec, reference).await,
            ImageSource::Pause => {
                let image = self.pause_image().await?;
                match self.create_from(spec, &image).await {
                    // Somebody removed the image since it was last seen: make it again, once.
                    Err(RuntimeError::Create { message }) if message.to_lowercase().contains("no such image") => {
                        self.pause.forget();
                        let image = self.pause_image().await?;
                        self.create_from(spec, &image).await
                    }
                    answer => answer,
                }
            }
        }
    }

    async fn create_from(&self, spec: &ContainerSpec, image: &str) -> Result<ContainerId> {
        let body = request(spec, image, &self.store, self.is_podman());
        let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let id = match within(limits::CREATE, self.docker.create_container(Some(options), body)).await {
            Ok(created) => {
                for warning in &created.warnings {
                    tracing::debug!(container = spec.name, warning, "the engine warns");
                }
                ContainerId(Arc::from(created.id))
            }
            Err(error) if error.is_name_taken() => self.existing(spec, error).await?,
            Err(error) => return Err(error.creating()),
        };
        self.remember(&id);
        Ok(id)
    }

    /// The container whose name is in the way, if an earlier call with the same wish made it. The engine takes the
    /// name first and shows the container when it is complete, so it may have to be waited for.
    async fn existing(&self, spec: &ContainerSpec, conflict: CallError) -> Result<ContainerId> {
        let waited = stopwatch();
        while waited() < limits::NAME_TAKEN {
            if let Some(found) = self.look(&spec.name).await? {
                if !self.owns(&found.labels)
                    || spec.labels.iter().any(|(name, value)| found.labels.get(name) != Some(value))
                {
                    break;
                }
                tracing::debug!(container = spec.name, id = %found.id, "it had been created before");
                return Ok(found.id);
            }
            real_sleep(limits::POLL).await;
        }
        Err(conflict.creating())
    }
}

/// The body of `POST /containers/create`.
fn request(spec: &ContainerSpec, image: &str, store: &str, podman: bool) -> ContainerCreateBody {
    // Whoever owns the network namespace has its hostname and publishes its ports; the engine refuses both here.
    let shares_namespace = matches!(spec.network, ContainerNetwork::Container(_));
    let publishes =
        !shares_namespace && matches!(spec.network, ContainerNetwork::Bridge | ContainerNetwork::Attached { .. });
    let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
    labels.insert(STORE_LABEL.to_owned(), store.to_owned());

    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: given(spec.entry_point.as_ref()),
        cmd: given(spec.command.as_ref()),
        env: Some(spec.environment.clone()),
        working_dir: spec.working_directory.clone(),
        user: spec.user.clone(),
        hostname: spec.hostname.clone().filter(|_| !shares_namespace),
        labels: Some(labels),
        stop_timeout: spec.stop_timeout.map(whole_seconds),
        exposed_ports: publishes.then(|| exposed_ports(spec)).filter(|ports| !ports.is_empty()),
        open_stdin: spec.linux.open_stdin.then_some(true),
        tty: spec.linux.tty.then_some(true),
        host_config: Some(linux::apply(
            spec,
            HostConfig {
                cpu_shares: spec.cpu_shares,
                // As period and quota, not as the engine's NanoCpus: those are refused when they are more than the
                // machine has, and a task of 4 vCPUs is to run on a machine of 2.
                cpu_period: spec.nano_cpus.map(|_| CPU_PERIOD),
                cpu_quota: spec.nano_cpus.map(|nano_cpus| (nano_cpus / 10_000).max(SMALLEST_CPU_QUOTA)),
                memory: spec.memory_bytes,
                memory_reservation: spec.memory_reservation_bytes,
                network_mode: Some(network_mode(&spec.network)),
                port_bindings: publishes.then(|| port_bindings(spec)).filter(|ports| !ports.is_empty()),
                log_config: logs::config(&spec.log, podman),
                binds: (!spec.mounts.is_empty()).then(|| spec.mounts.iter().map(volumes::bind).collect()),
                volumes_from: volumes_from(spec),
                ..HostConfig::default()
            },
        )),
        networking_config: networking(&spec.network),
        healthcheck: Some(health_check(spec.health_check.as_ref())),
        ..ContainerCreateBody::default()
    }
}

fn volumes_from(spec: &ContainerSpec) -> Option<Vec<String>> {
    let mode = |read_only| if read_only { "ro" } else { "rw" };
    let all = spec.volumes_from.iter().map(|from| format!("{}:{}", from.container, mode(from.read_only)));
    (!spec.volumes_from.is_empty()).then(|| all.collect())
}

/// An empty list in a task definition means the same as none.
fn given(words: Option<&Vec<String>>) -> Option<Vec<String>> {
    words.filter(|words| !words.is_empty()).cloned()
}

/// Without one the image's own is switched off: ECS does not look at it.
fn health_check(check: Option<&HealthCheck>) -> HealthConfig {
    let Some(check) = check else {
        return HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    };
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    HealthConfig {
        test: Some(check.command.clone()),
        interval: Some(nanoseconds(check.interval)),
        timeout: Some(nanoseconds(check.timeout)),
        retries: Some(i64::from(check.retries)),
        start_period: Some(nanoseconds(check.start_period)),
        ..HealthConfig::default()
    }
}

/// Rounded up: a second too long is better than a kill too early.
pub(super) fn whole_seconds(duration: Duration) -> i64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i64::from(i32::try_from(seconds).unwrap_or(i32::MAX))
}

fn network_mode(network: &ContainerNetwork) -> String {
    match network {
        ContainerNetwork::Bridge => "bridge".to_owned(),
        ContainerNetwork::Host => "host".to_owned(),
        ContainerNetwork::None => "none".to_owned(),
        ContainerNetwork::Attached { network, .. } => network.clone(),
        ContainerNetwork::Container(id) => format!("container:{id}"),
    }
}

fn networking(network: &ContainerNetwork) -> Option<NetworkingConfig> {
    let ContainerNetwork::Attached { network, address } = network else { return None };
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        }),
        ..EndpointSettings::default()
    };
    Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])) })
}

fn exposed_ports(spec: &ContainerSpec) -> Vec<String> {
    spec.publish.iter().map(|port| format!("{}/{}", port.container_port, port.protocol.as_str())).collect()
}

fn port_bindings(spec: &ContainerSpec) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.publish {
        let binding = PortBinding {
            host_ip: Some(port.host_ip.to_string()),
            // No port: the engine takes a free one.
            host_port: Some(port.host_port.map(|port| port.to_string()).unwrap_or_default()),
        };
        let key = format!("{}/{}", port.container_port, port.protocol.as_str());
        bindings.entry(key).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::runtime::{PortPublication, Protocol};

    fn host_config(spec: &ContainerSpec) -> HostConfig {
        request(spec, "image", "store", false).host_config.expect("always given")
    }

    #[test]
    fn everything_is_left_to_the_image_unless_given() {
        let body =
            request(&ContainerSpec { entry_point: Some(Vec::new()), ..ContainerSpec::default() }, "i", "s", false);
        assert_eq!((body.entrypoint, body.cmd, body.user, body.hostname), (None, None, None, None));
        assert_eq!(body.labels, Some(HashMap::from([(STORE_LABEL.to_owned(), "s".to_owned())])));
        let host = body.host_config.expect("always given");
        assert_eq!((host.memory, host.memory_swap, host.cpu_quota, host.cpu_shares), (None, None, None, None));
        assert_eq!((host.network_mode.as_deref(), host.port_bindings), (Some("bridge"), None));
    }

    #[test]
    fn limits_allow_no_swap_and_more_cpus_than_there_are() {
        let host = host_config(&ContainerSpec {
            memory_bytes: Some(64 << 20),
            nano_cpus: Some(16_000_000_000),
            ..ContainerSpec::default()
        });
        assert_eq!(host.memory_swap, Some(64 << 20));
        assert_eq!((host.cpu_period, host.cpu_quota, host.nano_cpus), (Some(100_000), Some(1_600_000), None));
    }

    #[test]
    fn ports_are_published_where_the_container_has_a_network_of_its_own() {
        let mut spec = ContainerSpec {
            publish: vec![
                PortPublication {
                    container_port: 80,
                    protocol: Protocol::Tcp,
                    host_ip: IpAddr::from([127, 0, 0, 1]),
                    host_port: None,
                },
                PortPublication {
                    container_port: 80,
                    protocol: Protocol::Tcp,
                    host_ip: IpAddr::from([0, 0, 0, 0]),
                    host_port: Some(8080),
                },
            ],
            hostname: Some("box".into()),
            ..ContainerSpec::default()
        };
        let bindings = host_config(&spec).port_bindings.expect("published");
        let bound = bindings["80/tcp"].as_ref().expect("bound");
        assert_eq!(bound.len(), 2);
        assert_eq!(bound[0].host_port.as_deref(), Some(""));
        assert_eq!(bound[1].host_port.as_deref(), Some("8080"));

        spec.network = ContainerNetwork::Container(ContainerId("abc".into()));
        let body = request(&spec, "i", "s", false);
        assert_eq!((body.hostname, body.exposed_ports), (None, None));
        let host = body.host_config.expect("always given");
        assert_eq!((host.network_mode.as_deref(), host.port_bindings), (Some("container:abc"), None));
    }

    #[test]
    fn an_attached_container_asks_for_its_address() {
        let network = ContainerNetwork::Attached { network: "vpc".into(), address: Ipv4Addr::new(10, 192, 0, 9) };
        let endpoints = networking(&network).and_then(|config| config.endpoints_config).expect("attached");
        let ipam = endpoints["vpc"].ipam_config.as_ref().expect("an address");
        assert_eq!(ipam.ipv4_address.as_deref(), Some("10.192.0.9"));
        assert_eq!(network_mode(&network), "vpc");
    }

    #[test]
    fn a_health_check_is_asked_for_in_nanoseconds_and_the_image_s_own_is_off() {
        let none = request(&ContainerSpec::default(), "i", "s", false).healthcheck.expect("always given");
        assert_eq!((none.test, none.interval), (Some(vec!["NONE".to_owned()]), None));
        let command = vec!["CMD-SHELL".to_owned(), "exit 0".to_owned()];
        let check = health_check(Some(&HealthCheck {
            command: command.clone(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            retries: 3,
            start_period: Duration::ZERO,
        }));
        assert_eq!((check.test, check.interval), (Some(command), Some(30_000_000_000)));
        assert_eq!((check.timeout, check.retries, check.start_period), (Some(5_000_000_000), Some(3), Some(0)));
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(30)), 30);
        assert_eq!(whole_seconds(Duration::ZERO), 0);
    }
}
