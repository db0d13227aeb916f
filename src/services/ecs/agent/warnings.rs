//! Pure: the fields of a task definition that are accepted and shown, but not applied yet.

use api_models::ecs::{ContainerDefinition, PortMapping, TaskDefinition};

/// The fields that are set and have no effect, by their names in the API, each once.
#[must_use]
pub fn not_applied(definition: &TaskDefinition) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut note = |set: bool, name: &'static str| {
        if set && !fields.contains(&name) {
            fields.push(name);
        }
    };
    note(some(&definition.volumes), "volumes");
    note(definition.pid_mode.is_some(), "pidMode");
    note(definition.ipc_mode.is_some(), "ipcMode");
    note(definition.proxy_configuration.is_some(), "proxyConfiguration");
    note(definition.ephemeral_storage.is_some(), "ephemeralStorage");
    note(definition.task_role_arn.is_some(), "taskRoleArn");
    note(some(&definition.inference_accelerators), "inferenceAccelerators");
    note(definition.enable_fault_injection == Some(true), "enableFaultInjection");
    for container in definition.container_definitions.iter().flatten() {
        for (set, name) in container_fields(container) {
            note(set, name);
        }
    }
    fields
}

fn container_fields(container: &ContainerDefinition) -> [(bool, &'static str); 25] {
    [
        (container.repository_credentials.is_some(), "repositoryCredentials"),
        (some(&container.links), "links"),
        (some(&container.environment_files), "environmentFiles"),
        (some(&container.mount_points), "mountPoints"),
        (some(&container.volumes_from), "volumesFrom"),
        (container.linux_parameters.is_some(), "linuxParameters"),
        (some(&container.secrets), "secrets"),
        (container.privileged == Some(true), "privileged"),
        (container.readonly_root_filesystem == Some(true), "readonlyRootFilesystem"),
        (some(&container.dns_servers), "dnsServers"),
        (some(&container.dns_search_domains), "dnsSearchDomains"),
        (some(&container.extra_hosts), "extraHosts"),
        (some(&container.docker_security_options), "dockerSecurityOptions"),
        (container.interactive == Some(true), "interactive"),
        (container.pseudo_terminal == Some(true), "pseudoTerminal"),
        (some(&container.ulimits), "ulimits"),
        (container.log_configuration.is_some(), "logConfiguration"),
        (some(&container.system_controls), "systemControls"),
        (some(&container.resource_requirements), "resourceRequirements"),
        (container.firelens_configuration.is_some(), "firelensConfiguration"),
        (some(&container.credential_specs), "credentialSpecs"),
        (container.version_consistency.is_some(), "versionConsistency"),
        (ports(container, |port| port.container_port_range.is_some()), "containerPortRange"),
        (ports(container, |port| port.app_protocol.is_some()), "appProtocol"),
        (ports(container, |port| port.name.is_some()), "portMappings.name"),
    ]
}

fn ports(container: &ContainerDefinition, test: impl Fn(&PortMapping) -> bool) -> bool {
    container.port_mappings.iter().flatten().any(test)
}

/// An empty list says nothing.
fn some<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use api_models::ecs::MountPoint;

    use super::*;

    #[test]
    fn what_is_set_and_not_applied_is_named_once() {
        let container = ContainerDefinition {
            privileged: Some(true),
            mount_points: Some(vec![MountPoint::default()]),
            links: Some(Vec::new()),
            command: Some(vec!["run".into()]),
            ..ContainerDefinition::default()
        };
        let definition = TaskDefinition {
            container_definitions: Some(vec![container.clone(), container]),
            ..TaskDefinition::default()
        };
        assert_eq!(not_applied(&definition), ["mountPoints", "privileged"]);
        assert!(not_applied(&TaskDefinition::default()).is_empty());
    }
}
