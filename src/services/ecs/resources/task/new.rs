//! A new task: the record as it stands when it was accepted, before anything of it runs.

use std::sync::Arc;

use api_models::Timestamp;
use api_models::ecs::{
    Attribute, CPUArchitecture, ContainerImage, LaunchType, NetworkConfiguration, NetworkMode, Tag, TaskOverride,
};

use super::{Container, ManagedVolume, NetworkAttachment, Task, TaskKey, TaskStatus, VolumeAttachment, exec_agent};
use crate::ids::IdSource;
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::reservation::{Needs, gpus_of, override_of};
use crate::services::ecs::resources::{ClusterKey, ContainerInstance, Resources, ServiceLink, TaskDefinition};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute};
use crate::services::ecs::{images, network};

/// What a Fargate task has unless it asks for more, GiB.
const FARGATE_STORAGE: i32 = 20;
const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";

/// Fargate's platform, as tasks show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `1.4.0`
    pub version: String,
    /// `Linux`
    pub family: String,
}

/// What the tasks of one request have in common.
#[derive(Clone, Debug)]
pub struct Blueprint {
    pub cluster: ClusterKey,
    pub definition: Arc<TaskDefinition>,
    pub group: String,
    pub started_by: Option<String>,
    /// The service that starts them.
    pub service: Option<ServiceLink>,
    /// Complete, as the task shows them.
    pub overrides: TaskOverride,
    /// In awsvpc mode only.
    pub network: Option<NetworkConfiguration>,
    /// What the service's revision knows of its images; nothing for tasks that no service starts.
    pub images: Vec<ContainerImage>,
    /// Each task gets one of its own.
    pub managed_volume: Option<ManagedVolume>,
    pub enable_execute_command: bool,
    pub tags: Vec<Tag>,
    /// On Fargate only.
    pub platform: Option<Platform>,
}

/// Where a task will run.
#[derive(Clone, Debug)]
pub enum Place<'a> {
    Fargate {
        /// FARGATE or FARGATE_SPOT, when a strategy chose it.
        capacity_provider: Option<String>,
    },
    Instance {
        instance: &'a ContainerInstance,
        /// What was taken of it.
        reserved: Resources,
    },
}

impl Blueprint {
    /// What one of the tasks needs of a container instance.
    #[must_use]
    pub fn needs(&self) -> Needs {
        Needs::of(&self.definition.definition, &self.overrides)
    }

    /// A task at `place`. `turn` counts the tasks of a request: their interfaces go round the subnets, on an instance
    /// round those in its zone.
    #[must_use]
    pub fn task(&self, place: Place<'_>, turn: usize, ids: &IdSource, now: Timestamp) -> Task {
        let definition = &self.definition.definition;
        let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
        let region = &self.cluster.scope.region;
        let on_instance = match &place {
            Place::Instance { instance, .. } => attribute(instance, ZONE_ATTRIBUTE).map(str::to_owned),
            Place::Fargate { .. } => None,
        };
        let subnet = self.subnet(on_instance.as_deref(), turn);
        let availability_zone = match &place {
            Place::Instance { .. } => on_instance,
            Place::Fargate { .. } => subnet.map(|subnet| network::zone_of_subnet(region, subnet)),
        };
        let attachment = subnet.filter(|_| awsvpc).map(|subnet| NetworkAttachment {
            id: ids.uuid(),
            status: "PRECREATED".to_owned(),
            subnet_id: subnet.to_owned(),
            network_interface_id: ids.ec2_id("eni"),
            address: None,
            mac_address: None,
            pause: None,
        });
        let needs = self.needs();
        let size = |given: &Option<String>, own: &Option<String>, sum: i32| {
            given.clone().or_else(|| own.clone()).unwrap_or_else(|| sum.to_string())
        };
        let attributes = vec![self.architecture(&place)];
        let (launch_type, capacity_provider, instance, reserved) = match place {
            Place::Fargate { capacity_provider } => (LaunchType::Fargate, capacity_provider, None, None),
            Place::Instance { instance, reserved } => {
                (LaunchType::Ec2, None, Some(instance.key.clone()), Some(reserved))
            }
        };
        let fargate = launch_type == LaunchType::Fargate;
        let (platform_version, platform_family) =
            self.platform.clone().map(|platform| (platform.version, platform.family)).unzip();
        let storage = self.overrides.ephemeral_storage.as_ref().or(definition.ephemeral_storage.as_ref());
        Task {
            key: TaskKey {
                scope: self.cluster.scope.clone(),
                cluster: self.cluster.name.clone(),
                id: ids.resource_id().into(),
            },
            task_definition: self.definition.key.clone(),
            version: 1,
            desired_status: TaskStatus::Running,
            last_status: if awsvpc || self.managed_volume.is_some() {
                TaskStatus::Provisioning
            } else {
                TaskStatus::Pending
            },
            stop_code: None,
            stopped_reason: None,
            group: self.group.clone(),
            started_by: self.started_by.clone(),
            service: self.service.clone(),
            launch_type: Some(launch_type),
            capacity_provider,
            platform_version,
            platform_family,
            container_instance: instance,
            availability_zone,
            attributes,
            cpu: Some(size(&self.overrides.cpu, &definition.cpu, needs.cpu)),
            memory: Some(size(&self.overrides.memory, &definition.memory, needs.memory)),
            ephemeral_storage_gib: fargate
                .then(|| storage.and_then(|storage| storage.size_in_gi_b).unwrap_or(FARGATE_STORAGE)),
            overrides: self.overrides.clone(),
            network_configuration: self.network.clone(),
            attachment,
            managed_volume: self.managed_volume.clone().map(|settings| VolumeAttachment::new(settings, ids)),
            containers: self.containers(reserved.as_ref(), ids),
            reserved,
            enable_execute_command: self.enable_execute_command,
            tags: self.tags.clone(),
            protection: None,
            credentials_id: self
                .overrides
                .task_role_arn
                .as_ref()
                .or(definition.task_role_arn.as_ref())
                .map(|_| ids.uuid()),
            created_at: now,
            pull_started_at: None,
            pull_stopped_at: None,
            connectivity_at: None,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
        }
    }

    fn subnet(&self, zone: Option<&str>, turn: usize) -> Option<&str> {
        let subnets = self.network.as_ref()?.awsvpc_configuration.as_ref()?.subnets.as_deref()?;
        let region = &self.cluster.scope.region;
        let near: Vec<&String> = subnets
            .iter()
            .filter(|subnet| zone.is_none_or(|zone| network::zone_of_subnet(region, subnet) == zone))
            .collect();
        // Any subnet works, so an instance in none of their zones takes one of another.
        let chosen = if near.is_empty() { subnets.iter().collect() } else { near };
        chosen.get(turn % chosen.len().max(1)).map(|subnet| subnet.as_str())
    }

    fn containers(&self, reserved: Option<&Resources>, ids: &IdSource) -> Vec<Container> {
        let mut gpus = reserved.map(|reserved| reserved.gpus.clone()).unwrap_or_default().into_iter();
        let definitions = self.definition.definition.container_definitions.as_deref().unwrap_or_default();
        definitions
            .iter()
            .map(|container| {
                let given = override_of(&self.overrides, container.name.as_deref());
                Container {
                    name: container.name.as_deref().unwrap_or_default().into(),
                    id: ids.uuid(),
                    image: container.image.clone().unwrap_or_default(),
                    essential: container.essential != Some(false),
                    image_digest: None,
                    pinned_digest: images::pinned(&self.images, container),
                    runtime_id: None,
                    last_status: TaskStatus::Pending,
                    exit_code: None,
                    reason: None,
                    network_bindings: Vec::new(),
                    cpu: given.and_then(|given| given.cpu).or(container.cpu),
                    memory: given.and_then(|given| given.memory).or(container.memory),
                    memory_reservation: given
                        .and_then(|given| given.memory_reservation)
                        .or(container.memory_reservation),
                    gpu_ids: gpus.by_ref().take(gpus_of(container, given)).collect(),
                    health: ObservedHealth::None,
                    started_at: None,
                    engine_started_at: None,
                    restart_count: 0,
                    exec_impossible: exec_agent::is_impossible(container),
                }
            })
            .collect()
    }

    /// The CPU the task runs on: what its definition says, else its instance, else what Fargate has by default.
    fn architecture(&self, place: &Place<'_>) -> Attribute {
        let own = self.definition.definition.runtime_platform.as_ref().and_then(|platform| {
            platform.cpu_architecture.as_ref().map(|architecture| match architecture {
                CPUArchitecture::Arm64 => "arm64",
                _ => "x86_64",
            })
        });
        let instance = match place {
            Place::Instance { instance, .. } => attribute(instance, ARCHITECTURE_ATTRIBUTE),
            Place::Fargate { .. } => None,
        };
        Attribute {
            name: Some(ARCHITECTURE_ATTRIBUTE.to_owned()),
            value: Some(own.or(instance).unwrap_or("x86_64").to_owned()),
            ..Attribute::default()
        }
    }
}
