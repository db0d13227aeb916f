//! Tasks and definitions for the agent's tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ecs::{self, ContainerDefinition, LaunchType, NetworkMode, PortMapping, TransportProtocol};

use crate::identity::{AccountId, Region, Scope};
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::{
    AttachmentStatus, Container, NetworkAttachment, Task, TaskDefinitionKey, TaskKey, TaskStatus,
};
use crate::testing::START;

pub(crate) fn container(name: &str, essential: bool) -> ContainerDefinition {
    ContainerDefinition {
        name: Some(name.to_owned()),
        image: Some(format!("{name}:1")),
        essential: Some(essential),
        port_mappings: Some(vec![PortMapping {
            container_port: Some(80),
            host_port: Some(0),
            protocol: Some(TransportProtocol::Tcp),
            ..PortMapping::default()
        }]),
        ..ContainerDefinition::default()
    }
}

pub(crate) fn labelled(mut container: ContainerDefinition, labels: &[(&str, &str)]) -> ContainerDefinition {
    let labels: BTreeMap<_, _> = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    container.docker_labels = Some(labels);
    container
}

pub(crate) fn definition(mode: NetworkMode, containers: Vec<ContainerDefinition>) -> ecs::TaskDefinition {
    ecs::TaskDefinition {
        network_mode: Some(mode),
        container_definitions: Some(containers),
        family: Some("web".to_owned()),
        revision: Some(1),
        ..ecs::TaskDefinition::default()
    }
}

/// A task as RunTask leaves it.
pub(crate) fn task(definition: &ecs::TaskDefinition, number: u32) -> Task {
    let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
    let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
    let container = |container: &ContainerDefinition| Container {
        name: container.name.as_deref().unwrap_or_default().into(),
        id: format!("{number}-{}", container.name.as_deref().unwrap_or_default()),
        image: container.image.as_deref().unwrap_or_default().into(),
        essential: container.essential != Some(false),
        image_digest: None,
        pinned_digest: None,
        runtime_id: None,
        last_status: TaskStatus::Pending,
        exit_code: None,
        reason: None,
        network_bindings: Vec::new(),
        cpu: None,
        memory: None,
        memory_reservation: None,
        gpu_ids: Vec::new(),
        health: ObservedHealth::None,
        started_at: None,
        engine_started_at: None,
        restart_count: 0,
        exec_impossible: false,
    };
    Task {
        key: TaskKey { scope: scope.clone(), cluster: "default".into(), id: format!("{number:032x}").into() },
        task_definition: TaskDefinitionKey {
            scope,
            family: Arc::from(definition.family.as_deref().unwrap_or("web")),
            revision: definition.revision.unwrap_or(1),
        },
        version: 1,
        desired_status: TaskStatus::Running,
        last_status: if awsvpc { TaskStatus::Provisioning } else { TaskStatus::Pending },
        stop_code: None,
        stopped_reason: None,
        group: "family:web".into(),
        started_by: None,
        service: None,
        daemon: None,
        launch_type: Some(if awsvpc { LaunchType::Fargate } else { LaunchType::Ec2 }),
        capacity_provider: None,
        waiting: None,
        platform_version: None,
        platform_family: None,
        container_instance: None,
        reserved: None,
        availability_zone: None,
        attributes: [].into(),
        cpu: None,
        memory: None,
        ephemeral_storage_gib: None,
        overrides: Arc::default(),
        network_configuration: None,
        attachment: awsvpc.then(|| NetworkAttachment {
            id: format!("attachment-{number}"),
            status: AttachmentStatus::Precreated,
            subnet_id: format!("subnet-{}", number % 3).into(),
            network_interface_id: format!("eni-{number}"),
            address: None,
            mac_address: None,
            pause: None,
        }),
        managed_volume: None,
        containers: definition.container_definitions.iter().flatten().map(container).collect(),
        enable_execute_command: false,
        tags: [].into(),
        protection: None,
        credentials_id: None,
        host_address: None,
        created_at: START,
        pull_started_at: None,
        pull_stopped_at: None,
        connectivity_at: None,
        started_at: None,
        stopping_at: None,
        execution_stopped_at: None,
        stopped_at: None,
    }
}
