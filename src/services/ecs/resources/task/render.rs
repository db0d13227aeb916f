//! A task as the API shows it. What is not known yet is absent, as on ECS: a task that was just accepted has no
//! connectivity, and its containers no health and no network bindings.

use std::sync::Arc;

use api_models::ecs::{
    self, Attachment, Connectivity, EphemeralStorage, HealthStatus, KeyValuePair, LaunchType, NetworkInterface,
    TaskEphemeralStorage, TaskOverride,
};

use super::{AttachmentStatus, Container, NetworkAttachment, Task, TaskStatus};
use crate::runtime::ObservedHealth;
use crate::services::ecs::network;

impl Task {
    /// The task as DescribeTasks answers it. Tags are shown when `tags` says so (`include: [TAGS]`); the member is
    /// there in any case.
    #[must_use]
    pub fn to_api(&self, tags: bool) -> ecs::Task {
        let arn = self.key.arn();
        let storage = self.ephemeral_storage_gib;
        ecs::Task {
            attachments: Some(self.attachments()),
            attributes: Some(self.attributes.to_vec()),
            availability_zone: text(&self.availability_zone),
            capacity_provider_name: self.capacity_provider.clone(),
            cluster_arn: Some(self.key.cluster().arn()),
            connectivity: self.connectivity_at.map(|_| Connectivity::Connected),
            connectivity_at: self.connectivity_at,
            container_instance_arn: self.container_instance.as_ref().map(|instance| instance.arn()),
            containers: Some(self.containers.iter().map(|container| self.render_container(&arn, container)).collect()),
            cpu: text(&self.cpu),
            created_at: Some(self.created_at),
            desired_status: Some(self.desired_status.as_str().to_owned()),
            enable_execute_command: Some(self.enable_execute_command),
            execution_stopped_at: self.execution_stopped_at,
            group: Some(self.group.to_string()),
            health_status: self.health(),
            last_status: Some(self.last_status.as_str().to_owned()),
            launch_type: self.launch_type.clone(),
            memory: text(&self.memory),
            overrides: Some(Box::new(TaskOverride::clone(&self.overrides))),
            platform_version: text(&self.platform_version),
            platform_family: text(&self.platform_family),
            pull_started_at: self.pull_started_at,
            pull_stopped_at: self.pull_stopped_at,
            started_at: self.started_at,
            started_by: text(&self.started_by),
            stop_code: self.stop_code.clone(),
            stopped_at: self.stopped_at,
            stopped_reason: self.stopped_reason.clone(),
            stopping_at: self.stopping_at,
            tags: Some(if tags { self.tags.to_vec() } else { Vec::new() }),
            task_arn: Some(arn),
            task_definition_arn: Some(self.definition_arn()),
            version: Some(self.version),
            ephemeral_storage: storage.map(|size| Box::new(EphemeralStorage { size_in_gi_b: Some(size) })),
            fargate_ephemeral_storage: storage.map(|size| {
                Box::new(TaskEphemeralStorage { size_in_gi_b: Some(size), ..TaskEphemeralStorage::default() })
            }),
            ..ecs::Task::default()
        }
    }

    /// The task's health from its containers'. Only essential ones count; there is none before they were started.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html>
    fn health(&self) -> Option<HealthStatus> {
        if !self.containers.iter().any(was_started) {
            return None;
        }
        let mut checks = self
            .containers
            .iter()
            .filter(|container| container.essential && container.health != ObservedHealth::None)
            .map(|container| container.health)
            .peekable();
        if checks.peek().is_none() {
            return Some(HealthStatus::Unknown);
        }
        // An unhealthy one outweighs one that is not decided yet.
        let worst = checks.max_by_key(|health| match health {
            ObservedHealth::None | ObservedHealth::Healthy => 0,
            ObservedHealth::Starting => 1,
            ObservedHealth::Unhealthy => 2,
        });
        Some(worst.map_or(HealthStatus::Unknown, health_status))
    }

    fn render_container(&self, task_arn: &str, container: &Container) -> ecs::Container {
        let started = was_started(container);
        let interfaces = self.attachment.iter().filter_map(|attachment| {
            Some(NetworkInterface {
                attachment_id: Some(attachment.id.clone()),
                private_ipv4_address: Some(attachment.address?.to_string()),
                ..NetworkInterface::default()
            })
        });
        ecs::Container {
            container_arn: Some(self.container_arn(container)),
            task_arn: Some(task_arn.to_owned()),
            name: Some(container.name.to_string()),
            image: Some(container.image.to_string()),
            image_digest: text(&container.image_digest),
            runtime_id: self.container_runtime_id(container),
            last_status: Some(container.last_status.as_str().to_owned()),
            exit_code: container.exit_code,
            reason: container.reason.clone(),
            network_bindings: (started || !container.network_bindings.is_empty())
                .then(|| container.network_bindings.clone()),
            network_interfaces: Some(interfaces.collect()),
            health_status: started.then(|| health_status(container.health)),
            managed_agents: self.exec_agent(container).map(|agent| vec![agent.to_api()]),
            cpu: Some(container.cpu.unwrap_or(0).to_string()),
            memory: container.memory.map(|mib| mib.to_string()),
            memory_reservation: container.memory_reservation.map(|mib| mib.to_string()),
            gpu_ids: (!container.gpu_ids.is_empty()).then(|| container.gpu_ids.clone()),
            ..ecs::Container::default()
        }
    }

    /// `arn:...:container/<cluster>/<task id>/<uuid>`
    #[must_use]
    pub fn container_arn(&self, container: &Container) -> String {
        let key = &self.key;
        key.scope.arn("ecs", &["container/", &key.cluster, "/", &key.id, "/", &container.id])
    }

    /// The runtime id that clients see: the engine's on EC2; where there is no engine to look into, the
    /// task's id and a number. `None` before there is a container.
    #[must_use]
    pub fn container_runtime_id(&self, container: &Container) -> Option<String> {
        let id = container.runtime_id.as_ref()?;
        Some(if self.is_hosted() { self.fargate_id(container) } else { id.to_string() })
    }

    /// Whether it runs on machines that are AWS's to look after, Fargate's or managed instances: what is told of its
    /// containers is alike there, and shows nothing of the engine.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        matches!(self.launch_type, Some(LaunchType::Fargate | LaunchType::ManagedInstances))
    }

    /// What a container of a hosted task is called: the task's id and a number.
    #[must_use]
    pub fn fargate_id(&self, container: &Container) -> String {
        let number = container.id.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0);
        format!("{}-{number}", self.key.id)
    }

    fn attachments(&self) -> Vec<Attachment> {
        let interface = self.attachment.iter().map(|attachment| self.render_attachment(attachment));
        interface.chain(self.managed_volume.iter().map(|volume| volume.render())).collect()
    }

    fn render_attachment(&self, attachment: &NetworkAttachment) -> Attachment {
        let mut details = vec![pair("subnetId", attachment.subnet_id.to_string())];
        if attachment.status != AttachmentStatus::Precreated {
            details.push(pair("networkInterfaceId", attachment.network_interface_id.clone()));
            details.extend(attachment.mac_address.clone().map(|address| pair("macAddress", address)));
            if let Some(address) = attachment.address {
                let name = network::private_dns_name(&self.key.scope.region, address);
                details.push(pair("privateDnsName", name));
                details.push(pair("privateIPv4Address", address.to_string()));
            }
        }
        Attachment {
            id: Some(attachment.id.clone()),
            r#type: Some("ElasticNetworkInterface".to_owned()),
            status: Some(attachment.status.as_str().to_owned()),
            details: Some(details),
        }
    }
}

fn was_started(container: &Container) -> bool {
    container.runtime_id.is_some() || container.last_status != TaskStatus::Pending
}

fn health_status(health: ObservedHealth) -> HealthStatus {
    match health {
        ObservedHealth::None | ObservedHealth::Starting => HealthStatus::Unknown,
        ObservedHealth::Healthy => HealthStatus::Healthy,
        ObservedHealth::Unhealthy => HealthStatus::Unhealthy,
    }
}

fn text(shared: &Option<Arc<str>>) -> Option<String> {
    shared.as_deref().map(str::to_owned)
}

fn pair(name: &str, value: String) -> KeyValuePair {
    KeyValuePair { name: Some(name.to_owned()), value: Some(value) }
}
