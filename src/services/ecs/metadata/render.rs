//! From a task's record, its definition and what the engine knows to the metadata's shapes. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api_models::ecs::{self, ContainerDefinition, LaunchType, NetworkMode, Tag};

use super::lookup::is_fargate;
use super::route::Form;
use super::shape;
use crate::runtime::{ContainerDetails, ContainerId, ObservedHealth, PAUSE_CONTAINER_NAME};
use crate::services::ecs::network::{self, Cidr, DAEMONS_ADDRESS, default_vpc};
use crate::services::ecs::resources::{Container, DAEMON_BRIDGE, Task, TaskStatus};
use crate::store::State;
use crate::time::Timestamp;

/// What Fargate keeps of a task's storage for itself, MiB.
const FARGATE_STORAGE_OF_ITS_OWN: u64 = 16;
/// Docker's resolver, on every network but the default one.
const DOCKER_RESOLVER: &str = "127.0.0.11";

/// Everything a task's metadata is made of.
pub(super) struct View<'a> {
    state: &'a State,
    task: &'a Task,
    definition: Option<&'a ecs::TaskDefinition>,
    form: Form,
}

/// What is known of a task's containers, by their ids on the engine.
pub(super) type AllDetails = HashMap<ContainerId, Arc<ContainerDetails>>;

impl<'a> View<'a> {
    pub(super) fn new(state: &'a State, task: &'a Task, form: Form) -> Self {
        let record = task.definition(state);
        let definition = record.map(|record| &*record.definition);
        Self { state, task, definition, form }
    }

    fn is_fargate(&self) -> bool {
        is_fargate(self.task)
    }

    /// On Fargate or on managed instances.
    fn is_hosted(&self) -> bool {
        self.task.is_hosted()
    }

    fn is_v4(&self) -> bool {
        self.form == Form::V4
    }

    pub(super) fn task(&self, details: &AllDetails, tags: bool, now: Timestamp) -> shape::Task {
        let task = self.task;
        let v4 = self.is_v4();
        let containers = task.containers.iter().filter(|container| self.is_shown(container));
        let mut shown: Vec<shape::Container> = containers
            .map(|container| {
                let known = container.runtime_id.as_ref().and_then(|id| details.get(id));
                self.container(container, known.map(|known| &**known))
            })
            .collect();
        shown.extend(self.pause(details));
        let (fargate_v4, hosted_v4) = (v4 && self.is_fargate(), v4 && self.is_hosted());
        let written: u64 = details.values().map(|details| details.written_bytes).sum();
        shape::Task {
            cluster: if self.is_hosted() { task.key.cluster().arn() } else { task.key.cluster.to_string() },
            task_arn: task.key.arn(),
            family: task.task_definition.family.to_string(),
            revision: task.task_definition.revision.to_string(),
            desired_status: status(task.desired_status),
            known_status: self.known_status(),
            limits: self.limits(),
            pull_started_at: text(task.pull_started_at),
            pull_stopped_at: text(task.pull_stopped_at),
            execution_stopped_at: text(task.execution_stopped_at),
            availability_zone: task.availability_zone.as_deref().map(str::to_owned),
            launch_type: v4.then(|| self.launch_type().to_owned()),
            containers: shown,
            vpc_id: (v4 && !self.is_fargate()).then(|| default_vpc(&task.key.scope)),
            service_name: task.group.strip_prefix("service:").filter(|_| v4).map(str::to_owned),
            task_tags: tags.then(|| tag_map(&task.tags)),
            container_instance_tags: self.instance_tags().filter(|_| tags),
            // The container's clock is the machine's, and so is ours.
            clock_drift: hosted_v4.then(|| shape::ClockDrift {
                clock_error_bound: 0.0,
                reference_timestamp: now.to_rfc3339(),
                clock_synchronization_status: "SYNCHRONIZED",
            }),
            ephemeral_storage_metrics: task.ephemeral_storage_gib.filter(|_| fargate_v4).map(|gib| {
                shape::EphemeralStorageMetrics {
                    utilized: written.div_ceil(1 << 20),
                    reserved: u64::from(gib.unsigned_abs()) * 1024 + FARGATE_STORAGE_OF_ITS_OWN,
                }
            }),
            fault_injection_enabled: v4
                .then(|| self.definition.and_then(|own| own.enable_fault_injection).unwrap_or(false)),
        }
    }

    fn launch_type(&self) -> &'static str {
        match self.task.launch_type {
            Some(LaunchType::ManagedInstances) => "MANAGED_INSTANCES",
            _ if self.is_fargate() => "FARGATE",
            _ => "EC2",
        }
    }

    /// Those that exist; version 4 also shows those whose image was pulled.
    fn is_shown(&self, container: &Container) -> bool {
        container.runtime_id.is_some() || self.is_v4() && self.task.pull_stopped_at.is_some()
    }

    fn known_status(&self) -> &'static str {
        match self.task.last_status {
            TaskStatus::Stopped => "STOPPED",
            TaskStatus::Provisioning | TaskStatus::Pending => {
                let made = self.task.containers.iter().all(|container| container.runtime_id.is_some());
                if made { "CREATED" } else { "NONE" }
            }
            _ => "RUNNING",
        }
    }

    /// What the task definition (or the override) limits the whole task to.
    fn limits(&self) -> Option<shape::Limits> {
        let own = self.definition;
        let overrides = &self.task.overrides;
        let cpu = overrides.cpu.as_ref().or(own.and_then(|own| own.cpu.as_ref())).and(self.task.cpu.as_ref());
        let memory =
            overrides.memory.as_ref().or(own.and_then(|own| own.memory.as_ref())).and(self.task.memory.as_ref());
        let limits = shape::Limits {
            cpu: cpu.and_then(|cpu| cpu.parse::<f64>().ok()).map(|units| shape::Number(units / 1024.0)),
            memory: memory.and_then(|memory| memory.parse().ok()),
        };
        (limits.cpu.is_some() || limits.memory.is_some()).then_some(limits)
    }

    fn instance_tags(&self) -> Option<BTreeMap<String, String>> {
        let instance = self.state.container_instances.get(self.task.container_instance.as_ref()?)?;
        Some(tag_map(&instance.tags)).filter(|tags| !tags.is_empty())
    }

    pub(super) fn container(&self, container: &Container, details: Option<&ContainerDetails>) -> shape::Container {
        let task = self.task;
        let v4 = self.is_v4();
        let nothing = ContainerDetails::default();
        let known = details.unwrap_or(&nothing);
        let own = self.definition_of(container);
        let ended = container.last_status == TaskStatus::Stopped;
        shape::Container {
            docker_id: task.container_runtime_id(container).unwrap_or_default(),
            name: container.name.to_string(),
            docker_name: if self.is_hosted() { container.name.to_string() } else { known.name.clone() },
            image: container.image.to_string(),
            image_id: self.image_id(container, known),
            ports: self.ports(container, own),
            labels: without_our_own(&known.labels),
            desired_status: if ended { "STOPPED" } else { status(task.desired_status) },
            known_status: match container.last_status {
                TaskStatus::Stopped => "STOPPED",
                TaskStatus::Running => "RUNNING",
                _ if container.runtime_id.is_some() => "CREATED",
                _ => "PULLED",
            },
            exit_code: container.exit_code,
            limits: shape::Limits {
                cpu: Some(shape::Number(f64::from(container.cpu.unwrap_or(0)))),
                memory: container.memory.map(i64::from),
            },
            created_at: text(known.created_at),
            started_at: text(container.engine_started_at.or(container.started_at)),
            finished_at: text(task.execution_stopped_at.filter(|_| ended)),
            kind: "NORMAL",
            health: health(container.health),
            volumes: known
                .mounts
                .iter()
                .map(|mount| shape::Volume {
                    docker_name: mount.name.clone(),
                    source: mount.source.clone(),
                    destination: mount.destination.clone(),
                })
                .collect(),
            log_driver: Some(known.log_driver.clone()).filter(|driver| v4 && !driver.is_empty()),
            log_options: if v4 { known.log_options.clone() } else { BTreeMap::new() },
            container_arn: v4.then(|| task.container_arn(container)),
            networks: self.networks(known),
            snapshotter: (v4 && self.is_hosted()).then_some("overlayfs"),
            restart_count: own
                .and_then(|own| own.restart_policy.as_ref())
                .filter(|policy| v4 && policy.enabled == Some(true))
                .map(|_| container.restart_count),
        }
    }

    fn definition_of(&self, container: &Container) -> Option<&ContainerDefinition> {
        let all = self.definition?.container_definitions.as_ref()?;
        all.iter().find(|own| own.name.as_deref() == Some(&*container.name))
    }

    /// Of a hosted task the manifest's digest, where the engine knows one; elsewhere the image's configuration.
    fn image_id(&self, container: &Container, known: &ContainerDetails) -> String {
        let digest = container.image_digest.as_deref().filter(|_| self.is_hosted());
        digest.map_or_else(|| known.image_id.clone(), str::to_owned)
    }

    /// In awsvpc mode a host port is the container's own; elsewhere it is where the engine published it.
    fn ports(&self, container: &Container, own: Option<&ContainerDefinition>) -> Vec<shape::Port> {
        if self.mode() == &NetworkMode::Awsvpc {
            let mappings = own.and_then(|own| own.port_mappings.as_ref()).into_iter().flatten();
            return mappings
                .filter_map(|mapping| {
                    let port = mapping.container_port?;
                    let protocol = mapping.protocol.as_ref().map_or("tcp", |protocol| protocol.as_str());
                    Some(shape::Port {
                        container_port: port,
                        protocol: protocol.to_owned(),
                        host_port: Some(port).filter(|_| !self.is_hosted()),
                        host_ip: None,
                    })
                })
                .collect();
        }
        let bindings = container.network_bindings.iter();
        bindings
            .filter_map(|binding| {
                Some(shape::Port {
                    container_port: binding.container_port?,
                    protocol: binding.protocol.as_ref().map_or("tcp", |protocol| protocol.as_str()).to_owned(),
                    host_port: binding.host_port,
                    host_ip: binding.bind_ip.clone().filter(|_| self.is_v4()),
                })
            })
            .collect()
    }

    fn mode(&self) -> &NetworkMode {
        self.definition.and_then(|own| own.network_mode.as_ref()).unwrap_or(&NetworkMode::Bridge)
    }

    fn networks(&self, known: &ContainerDetails) -> Vec<shape::Network> {
        if self.task.daemon.is_some() {
            return vec![shape::Network {
                network_mode: DAEMON_BRIDGE.to_owned(),
                ipv4_addresses: vec![DAEMONS_ADDRESS.to_string()],
                ..Default::default()
            }];
        }
        let network_mode = self.mode().as_str().to_owned();
        let Some(attachment) = &self.task.attachment else {
            let ipv4_addresses = known.addresses.iter().filter(|address| address.is_ipv4()).map(ToString::to_string);
            return vec![shape::Network {
                network_mode,
                ipv4_addresses: ipv4_addresses.collect(),
                ..Default::default()
            }];
        };
        let Some(address) = attachment.address else { return Vec::new() };
        let short = shape::Network { network_mode, ipv4_addresses: vec![address.to_string()], ..Default::default() };
        if !self.is_v4() {
            return vec![short];
        }
        let vpc: Option<Cidr> = format!("{address}/16").parse().ok();
        let subnet = vpc.map(|vpc| vpc.subnet(network::zone_index(&attachment.subnet_id)).to_string());
        let gateway = vpc.zip(subnet.as_deref().and_then(|subnet| subnet.split_once('/')));
        let firsts = self.definition.into_iter().flat_map(|own| own.container_definitions.iter().flatten());
        let own_servers = firsts.clone().find_map(|own| own.dns_servers.clone()).filter(|list| !list.is_empty());
        vec![shape::Network {
            attachment_index: Some(0),
            mac_address: attachment.mac_address.clone(),
            domain_name_servers: own_servers.unwrap_or_else(|| vec![DOCKER_RESOLVER.to_owned()]),
            domain_name_search_list: firsts
                .into_iter()
                .find_map(|own| own.dns_search_domains.clone())
                .unwrap_or_default(),
            private_dns_name: Some(network::private_dns_name(&self.task.key.scope.region, address)),
            // The router that containers have, which the subnets of the VPC share here.
            subnet_gateway_ipv4_address: gateway.map(|(vpc, (_, prefix))| format!("{}/{prefix}", vpc.gateway())),
            ipv4_subnet_cidr_block: subnet,
            ..short
        }]
    }

    /// The container that owns the network, which shows on EC2 only.
    fn pause(&self, details: &AllDetails) -> Option<shape::Container> {
        let id = self.task.attachment.as_ref()?.pause.as_ref().filter(|_| !self.is_hosted())?;
        let known = details.get(id)?;
        Some(shape::Container {
            docker_id: id.to_string(),
            name: PAUSE_CONTAINER_NAME.to_owned(),
            docker_name: known.name.clone(),
            image: "localecs/pause".to_owned(),
            image_id: known.image_id.clone(),
            labels: without_our_own(&known.labels),
            desired_status: "RESOURCES_PROVISIONED",
            known_status: "RESOURCES_PROVISIONED",
            limits: shape::Limits { cpu: Some(shape::Number(0.0)), memory: Some(0) },
            created_at: text(known.created_at),
            started_at: text(self.task.connectivity_at),
            kind: "CNI_PAUSE",
            networks: self.networks(known),
            ..shape::Container::default()
        })
    }
}

fn status(status: TaskStatus) -> &'static str {
    if status == TaskStatus::Stopped { "STOPPED" } else { "RUNNING" }
}

fn text(time: Option<Timestamp>) -> Option<String> {
    time.map(Timestamp::to_rfc3339)
}

fn health(health: ObservedHealth) -> Option<shape::Health> {
    let status = match health {
        ObservedHealth::None => return None,
        ObservedHealth::Starting => "UNKNOWN",
        ObservedHealth::Healthy => "HEALTHY",
        ObservedHealth::Unhealthy => "UNHEALTHY",
    };
    Some(shape::Health { status })
}

fn tag_map(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect()
}

/// AWS's labels and the user's.
fn without_our_own(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(name, _)| !name.starts_with("localecs."))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
