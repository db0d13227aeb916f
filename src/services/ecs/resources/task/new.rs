//! A new task: the record as it stands when it was accepted, before anything of it runs.

use std::sync::{Arc, OnceLock};

use api_models::Timestamp;
use api_models::ecs::{
    Attribute, CPUArchitecture, ContainerDefinition, ContainerImage, LaunchType, NetworkConfiguration, NetworkMode,
    Tag, TaskOverride,
};

use super::waiting::Waiting;
use super::{
    AttachmentStatus, Container, ManagedVolume, NetworkAttachment, Task, TaskKey, TaskStatus, VolumeAttachment,
    exec_agent,
};
use crate::ids::IdSource;
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::reservation::{Needs, gpus_of, override_of};
use crate::services::ecs::resources::{
    ClusterKey, ContainerInstance, DaemonLink, Resources, ServiceLink, TaskDefinition,
};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute};
use crate::services::ecs::{images, network};

/// What a Fargate task has unless it asks for more, GiB.
const FARGATE_STORAGE: i32 = 20;
pub(super) const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";
const DEFAULT_ARCHITECTURE: &str = "x86_64";

/// Fargate's platform, as tasks show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `1.4.0`
    pub version: Arc<str>,
    /// `Linux`
    pub family: Arc<str>,
}

/// What the tasks of one request have in common.
#[derive(Clone, Debug)]
pub struct Blueprint {
    pub cluster: ClusterKey,
    pub definition: Arc<TaskDefinition>,
    pub group: Arc<str>,
    pub started_by: Option<Arc<str>>,
    /// The service that starts them.
    pub service: Option<ServiceLink>,
    /// The daemon that starts them.
    pub daemon: Option<Box<DaemonLink>>,
    /// Complete, as the task shows them.
    pub overrides: Arc<TaskOverride>,
    /// In awsvpc mode only.
    pub network: Option<Arc<NetworkConfiguration>>,
    /// What the service's revision knows of its images; nothing for tasks that no service starts.
    pub images: Vec<ContainerImage>,
    /// Each task gets one of its own.
    pub managed_volume: Option<ManagedVolume>,
    pub enable_execute_command: bool,
    pub tags: Arc<[Tag]>,
    /// On Fargate only.
    pub platform: Option<Platform>,
    /// Made with the first task, from all the above.
    pub(super) common: OnceLock<Common>,
}

/// What the tasks of a blueprint share besides what it says itself.
#[derive(Clone, Debug)]
pub(super) struct Common {
    cpu: Arc<str>,
    memory: Arc<str>,
    /// Unless a task's instance has another architecture.
    attributes: Arc<[Attribute]>,
    subnets: Vec<Subnet>,
    /// As they begin, without ids and GPUs.
    containers: Vec<Container>,
}

#[derive(Clone, Debug)]
struct Subnet {
    id: Arc<str>,
    zone: Arc<str>,
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
        /// When a strategy chose it.
        under: Option<Under>,
    },
    /// Its capacity provider has no room for it yet.
    Later { under: Under, waiting: Waiting },
}

/// The capacity provider with container instances that a task is launched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    pub name: String,
    /// EC2 or MANAGED_INSTANCES.
    pub launch_type: LaunchType,
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
        let common = self.common.get_or_init(|| self.common());
        let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
        let on_instance = match &place {
            Place::Instance { instance, .. } => attribute(instance, ZONE_ATTRIBUTE),
            Place::Fargate { .. } | Place::Later { .. } => None,
        };
        let subnet = common.subnet(on_instance, turn);
        let availability_zone = match &place {
            Place::Instance { .. } => on_instance.map(|zone| match subnet {
                Some(subnet) if *subnet.zone == *zone => subnet.zone.clone(),
                _ => zone.into(),
            }),
            Place::Fargate { .. } => subnet.map(|subnet| subnet.zone.clone()),
            Place::Later { .. } => None,
        };
        let attachment = subnet.filter(|_| awsvpc).map(|subnet| NetworkAttachment {
            id: ids.uuid(),
            status: AttachmentStatus::Precreated,
            subnet_id: subnet.id.clone(),
            network_interface_id: ids.ec2_id("eni"),
            address: None,
            mac_address: None,
            pause: None,
        });
        let attributes = self.attributes(&place, common);
        let host_address = match &place {
            Place::Instance { instance, .. } => instance.address,
            Place::Fargate { .. } | Place::Later { .. } => None,
        };
        let (launch_type, capacity_provider, instance, reserved, waiting) = match place {
            Place::Fargate { capacity_provider } => (LaunchType::Fargate, capacity_provider, None, None, None),
            Place::Instance { instance, reserved, under } => {
                let (launch_type, provider) =
                    under.map_or((LaunchType::Ec2, None), |it| (it.launch_type, Some(it.name)));
                (launch_type, provider, Some(instance.key.clone()), Some(Box::new(reserved)), None)
            }
            Place::Later { under, waiting } => {
                (under.launch_type, Some(under.name), None, None, Some(Box::new(waiting)))
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
            last_status: if awsvpc || self.managed_volume.is_some() || waiting.is_some() {
                TaskStatus::Provisioning
            } else {
                TaskStatus::Pending
            },
            stop_code: None,
            stopped_reason: None,
            group: self.group.clone(),
            started_by: self.started_by.clone(),
            service: self.service.clone(),
            daemon: self.daemon.clone(),
            launch_type: Some(launch_type),
            capacity_provider,
            waiting,
            platform_version,
            platform_family,
            container_instance: instance,
            host_address,
            availability_zone,
            attributes,
            cpu: Some(common.cpu.clone()),
            memory: Some(common.memory.clone()),
            ephemeral_storage_gib: fargate
                .then(|| storage.and_then(|storage| storage.size_in_gi_b).unwrap_or(FARGATE_STORAGE)),
            overrides: self.overrides.clone(),
            network_configuration: self.network.clone(),
            attachment,
            managed_volume: self.managed_volume.clone().map(|settings| Box::new(VolumeAttachment::new(settings, ids))),
            containers: self.containers(common, reserved.as_deref(), ids),
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

    fn common(&self) -> Common {
        let definition = &self.definition.definition;
        let needs = self.needs();
        let size = |given: &Option<String>, own: &Option<String>, sum: i32| -> Arc<str> {
            given.as_deref().or(own.as_deref()).map_or_else(|| sum.to_string().into(), Arc::from)
        };
        let vpc = self.network.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
        let subnets = vpc.and_then(|vpc| vpc.subnets.as_deref()).unwrap_or_default();
        let region = &self.cluster.scope.region;
        Common {
            cpu: size(&self.overrides.cpu, &definition.cpu, needs.cpu),
            memory: size(&self.overrides.memory, &definition.memory, needs.memory),
            attributes: [architecture(self.own_architecture().unwrap_or(DEFAULT_ARCHITECTURE))].into(),
            subnets: subnets
                .iter()
                .map(|subnet| Subnet {
                    id: subnet.as_str().into(),
                    zone: network::zone_of_subnet(region, subnet).into(),
                })
                .collect(),
            containers: definition.container_definitions.iter().flatten().map(|own| self.container(own)).collect(),
        }
    }

    /// A container as it begins.
    fn container(&self, container: &ContainerDefinition) -> Container {
        let given = override_of(&self.overrides, container.name.as_deref());
        Container {
            name: container.name.as_deref().unwrap_or_default().into(),
            id: String::new(),
            image: container.image.as_deref().unwrap_or_default().into(),
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
            memory_reservation: given.and_then(|given| given.memory_reservation).or(container.memory_reservation),
            gpu_ids: Vec::new(),
            health: ObservedHealth::None,
            started_at: None,
            engine_started_at: None,
            restart_count: 0,
            exec_impossible: exec_agent::is_impossible(container),
        }
    }

    fn containers(&self, common: &Common, reserved: Option<&Resources>, ids: &IdSource) -> Vec<Container> {
        let mut gpus = reserved.map(|reserved| reserved.gpus.clone()).unwrap_or_default().into_iter();
        let definitions = self.definition.definition.container_definitions.iter().flatten();
        let begun = common.containers.iter().zip(definitions);
        begun
            .map(|(container, definition)| {
                let given = override_of(&self.overrides, definition.name.as_deref());
                let gpu_ids = gpus.by_ref().take(gpus_of(definition, given)).collect();
                Container { id: ids.uuid(), gpu_ids, ..container.clone() }
            })
            .collect()
    }

    /// What the definition says of the CPU.
    fn own_architecture(&self) -> Option<&'static str> {
        let platform = self.definition.definition.runtime_platform.as_ref()?;
        Some(match platform.cpu_architecture.as_ref()? {
            CPUArchitecture::Arm64 => "arm64",
            _ => "x86_64",
        })
    }

    /// The CPU the task runs on: what its definition says, else its instance, else what Fargate has by default.
    fn attributes(&self, place: &Place<'_>, common: &Common) -> Arc<[Attribute]> {
        let of_instance = match place {
            Place::Instance { instance, .. } => attribute(instance, ARCHITECTURE_ATTRIBUTE),
            Place::Fargate { .. } | Place::Later { .. } => None,
        };
        match of_instance.filter(|value| self.own_architecture().is_none() && *value != DEFAULT_ARCHITECTURE) {
            Some(value) => [architecture(value)].into(),
            None => common.attributes.clone(),
        }
    }
}

pub(super) fn architecture(value: &str) -> Attribute {
    Attribute { name: Some(ARCHITECTURE_ATTRIBUTE.to_owned()), value: Some(value.to_owned()), ..Attribute::default() }
}

impl Common {
    fn subnet(&self, zone: Option<&str>, turn: usize) -> Option<&Subnet> {
        let near: Vec<&Subnet> =
            self.subnets.iter().filter(|subnet| zone.is_none_or(|zone| *subnet.zone == *zone)).collect();
        // Any subnet works, so an instance in none of their zones takes one of another.
        let chosen = if near.is_empty() { self.subnets.iter().collect() } else { near };
        chosen.get(turn % chosen.len().max(1)).copied()
    }
}
