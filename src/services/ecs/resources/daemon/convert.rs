//! Daemon task definitions as the task definitions that ask for the same: they are checked by the same rules, and the
//! agent runs their tasks as it runs all others. What can't be in a task definition can't be in a daemon's.

use api_models::ecs::{
    self, Compatibility, ContainerDefinition, DaemonContainerDefinition, DaemonIpcMode, DaemonPidMode, IpcMode,
    LinuxParameters, NetworkMode, PidMode, RegisterDaemonTaskDefinitionRequest, RegisterTaskDefinitionRequest, Volume,
};

use super::DaemonTaskDefinition;
use crate::services::ecs::resources::task_definition::{Compatibilities, Packed};
use crate::services::ecs::resources::{TaskDefinition, TaskDefinitionKey, TaskDefinitionStatus};

/// The network mode that all daemons have: those of an instance share one network namespace.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-task-definitions.html>
pub const DAEMON_BRIDGE: &str = "daemon_bridge";

/// The request that would register the same as a task definition.
pub(super) fn request(input: &RegisterDaemonTaskDefinitionRequest) -> RegisterTaskDefinitionRequest {
    RegisterTaskDefinitionRequest {
        family: input.family.clone(),
        task_role_arn: input.task_role_arn.clone(),
        execution_role_arn: input.execution_role_arn.clone(),
        container_definitions: Some(containers(input.container_definitions.as_deref())),
        volumes: Some(volumes(input.volumes.as_deref())),
        requires_compatibilities: Some(vec![Compatibility::Ec2]),
        cpu: input.cpu.clone(),
        memory: input.memory.clone(),
        ..RegisterTaskDefinitionRequest::default()
    }
}

/// The revision of a task definition that tasks are run from. `shared` namespaces are the host's.
pub(super) fn task_definition(own: &DaemonTaskDefinition) -> TaskDefinition {
    let given = &own.definition;
    let definition = ecs::TaskDefinition {
        task_role_arn: given.task_role_arn.clone(),
        execution_role_arn: given.execution_role_arn.clone(),
        container_definitions: Some(containers(given.container_definitions.as_deref())),
        volumes: Some(volumes(given.volumes.as_deref())),
        network_mode: Some(NetworkMode::Unrecognized(DAEMON_BRIDGE.into())),
        cpu: given.cpu.clone(),
        memory: given.memory.clone(),
        pid_mode: (given.pid_mode == Some(DaemonPidMode::Shared)).then_some(PidMode::Host),
        ipc_mode: (given.ipc_mode == Some(DaemonIpcMode::Shared)).then_some(IpcMode::Host),
        ..ecs::TaskDefinition::default()
    };
    let key = &own.key;
    TaskDefinition {
        key: TaskDefinitionKey { scope: key.scope.clone(), family: key.family.clone(), revision: key.revision },
        status: TaskDefinitionStatus::Active,
        registered_at: own.registered_at,
        deregistered_at: None,
        delete_requested_at: None,
        compatibilities: Compatibilities::only(&Compatibility::ManagedInstances),
        definition: Packed::new(&definition),
        tags: own.tags.clone(),
    }
}

fn containers(given: Option<&[DaemonContainerDefinition]>) -> Vec<ContainerDefinition> {
    given.unwrap_or_default().iter().cloned().map(as_container).collect()
}

fn volumes(given: Option<&[ecs::DaemonVolume]>) -> Vec<Volume> {
    let volume = |volume: &ecs::DaemonVolume| Volume {
        name: volume.name.clone(),
        host: volume.host.clone(),
        ..Volume::default()
    };
    given.unwrap_or_default().iter().map(volume).collect()
}

fn as_container(given: DaemonContainerDefinition) -> ContainerDefinition {
    let linux = given.linux_parameters.map(|given| {
        Box::new(LinuxParameters {
            capabilities: given.capabilities,
            devices: given.devices,
            init_process_enabled: given.init_process_enabled,
            tmpfs: given.tmpfs,
            ..LinuxParameters::default()
        })
    });
    ContainerDefinition {
        name: given.name,
        image: given.image,
        memory: given.memory,
        memory_reservation: given.memory_reservation,
        repository_credentials: given.repository_credentials,
        health_check: given.health_check,
        cpu: given.cpu,
        essential: given.essential,
        entry_point: given.entry_point,
        command: given.command,
        working_directory: given.working_directory,
        environment_files: given.environment_files,
        environment: given.environment,
        secrets: given.secrets,
        readonly_root_filesystem: given.readonly_root_filesystem,
        mount_points: given.mount_points,
        log_configuration: given.log_configuration,
        firelens_configuration: given.firelens_configuration,
        privileged: given.privileged,
        user: given.user,
        ulimits: given.ulimits,
        linux_parameters: linux,
        depends_on: given.depends_on,
        start_timeout: given.start_timeout,
        stop_timeout: given.stop_timeout,
        system_controls: given.system_controls,
        interactive: given.interactive,
        pseudo_terminal: given.pseudo_terminal,
        restart_policy: given.restart_policy,
        ..ContainerDefinition::default()
    }
}
