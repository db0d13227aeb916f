//! What ECS adds to a definition, so that DescribeTaskDefinition answers it in full; what was given stays as given.

use api_models::ecs::{
    ContainerDefinition, HealthCheck, HostVolumeProperties, NetworkMode, PortMapping, RegisterTaskDefinitionRequest,
    TaskDefinition, TransportProtocol, Volume,
};

use super::sizes::{cpu_units, memory_mib};

/// The definition that a valid request makes, without name, revision and whatever else comes with being registered.
/// Making a definition of a definition changes nothing.
#[must_use]
pub(super) fn definition(input: RegisterTaskDefinitionRequest) -> TaskDefinition {
    let mode = input.network_mode.clone().unwrap_or(NetworkMode::Bridge);
    let mut containers = input.container_definitions.unwrap_or_default();
    for definition in &mut containers {
        container(definition, &mode);
    }
    containers.shrink_to_fit();
    let mut volumes = input.volumes.unwrap_or_default();
    volumes.iter_mut().for_each(volume);
    volumes.shrink_to_fit();
    TaskDefinition {
        container_definitions: Some(containers),
        task_role_arn: input.task_role_arn,
        execution_role_arn: input.execution_role_arn,
        network_mode: input.network_mode,
        volumes: Some(volumes),
        placement_constraints: Some(shrunk(input.placement_constraints.unwrap_or_default())),
        requires_compatibilities: input.requires_compatibilities.map(shrunk),
        cpu: input.cpu.map(|cpu| cpu_units(&cpu).map_or(cpu, |units| units.to_string())),
        memory: input.memory.map(|memory| memory_mib(&memory).map_or(memory, |mib| mib.to_string())),
        pid_mode: input.pid_mode,
        ipc_mode: input.ipc_mode,
        proxy_configuration: input.proxy_configuration,
        ephemeral_storage: input.ephemeral_storage,
        runtime_platform: input.runtime_platform,
        enable_fault_injection: input.enable_fault_injection,
        trusted_execution_configuration: input.trusted_execution_configuration,
        ..TaskDefinition::default()
    }
}

fn container(container: &mut ContainerDefinition, mode: &NetworkMode) {
    container.cpu.get_or_insert(0);
    container.essential.get_or_insert(true);
    let ports = container.port_mappings.get_or_insert_default();
    ports.iter_mut().for_each(|mapping| port(mapping, mode));
    ports.shrink_to_fit();
    container.environment.get_or_insert_default().shrink_to_fit();
    container.mount_points.get_or_insert_default().shrink_to_fit();
    container.volumes_from.get_or_insert_default().shrink_to_fit();
    container.system_controls.get_or_insert_default().shrink_to_fit();
    for texts in [&mut container.command, &mut container.entry_point, &mut container.links].into_iter().flatten() {
        texts.shrink_to_fit();
    }
    if let Some(check) = &mut container.health_check {
        health_check(check);
    }
}

fn port(mapping: &mut PortMapping, mode: &NetworkMode) {
    if mapping.container_port_range.is_none() {
        let host_port = mapping.host_port.unwrap_or(0);
        mapping.host_port = match mode {
            NetworkMode::Awsvpc | NetworkMode::Host if host_port == 0 => mapping.container_port,
            _ => Some(host_port),
        };
    }
    if mapping.protocol != Some(TransportProtocol::Udp) {
        mapping.protocol = Some(TransportProtocol::Tcp);
    }
}

fn health_check(check: &mut HealthCheck) {
    check.interval.get_or_insert(30);
    check.timeout.get_or_insert(5);
    check.retries.get_or_insert(3);
}

/// A volume of no other kind is a directory of the task's host.
fn volume(volume: &mut Volume) {
    let other = volume.docker_volume_configuration.is_some()
        || volume.efs_volume_configuration.is_some()
        || volume.s3files_volume_configuration.is_some()
        || volume.fsx_windows_file_server_volume_configuration.is_some()
        || volume.configured_at_launch == Some(true);
    if !other && volume.host.is_none() {
        volume.host = Some(Box::new(HostVolumeProperties::default()));
    }
}

fn shrunk<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}
