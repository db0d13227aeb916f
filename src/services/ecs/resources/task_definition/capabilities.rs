//! What a container instance must be able to do for a definition: `requiresAttributes`.
//!
//! The names are those that the ECS agent announces. ECS keeps them in a Java HashSet and answers them in the order
//! in which that happens to lie in memory; [`Set::in_order`] does the same, so that outputs compare equal.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html>

use std::borrow::Cow;

use api_models::ecs::{
    Attribute, ContainerDefinition, FirelensConfigurationType, LogDriver, NetworkMode, TaskDefinition, Volume,
};

use super::validation::fargate::is_ecr_image;

/// The attributes a definition asks of its host; `None` when it asks for none.
#[must_use]
pub fn requires_attributes(definition: &TaskDefinition) -> Option<Vec<Attribute>> {
    let names = required(definition);
    if names.is_empty() {
        return None;
    }
    let attribute = |name: Cow<'static, str>| Attribute { name: Some(name.into_owned()), ..Attribute::default() };
    Some(names.into_iter().map(attribute).collect())
}

/// The names of the attributes a definition asks of its host.
#[must_use]
pub fn required(definition: &TaskDefinition) -> Vec<Cow<'static, str>> {
    let mut set = Set::default();
    for container in list(&definition.container_definitions) {
        self::container(&mut set, container, definition.execution_role_arn.is_some());
    }
    task(&mut set, definition);
    list(&definition.volumes).iter().for_each(|one| volume(&mut set, one));
    set.in_order()
}

/// Gives the long prefix that half of the capabilities have.
macro_rules! agent {
    ($name:literal) => {
        concat!("com.amazonaws.ecs.capability.", $name)
    };
}

fn task(set: &mut Set, definition: &TaskDefinition) {
    let awsvpc = definition.network_mode == Some(NetworkMode::Awsvpc);
    set.when(awsvpc, agent!("docker-remote-api.1.18"));
    set.when(awsvpc, "ecs.capability.task-eni");
    if definition.task_role_arn.as_deref().is_some_and(|role| !role.is_empty()) {
        set.add(match definition.network_mode {
            Some(NetworkMode::Host) => agent!("task-iam-role-network-host"),
            _ => agent!("task-iam-role"),
        });
    }
    let sized = definition.cpu.is_some() || definition.memory.is_some();
    set.when(sized && !awsvpc, "ecs.capability.task-cpu-mem-limit");
    set.when(
        definition.pid_mode.is_some() || definition.ipc_mode.is_some(),
        "ecs.capability.pid-ipc-namespace-sharing",
    );
    set.when(definition.proxy_configuration.is_some(), "ecs.capability.aws-appmesh");
    set.when(definition.enable_fault_injection == Some(true), "ecs.capability.fault-injection");
}

fn container(set: &mut Set, container: &ContainerDefinition, execution_role: bool) {
    // Even an empty list counts.
    let oldest = container.hostname.is_some()
        || container.user.is_some()
        || container.working_directory.is_some()
        || container.links.is_some()
        || container.dns_servers.is_some()
        || container.dns_search_domains.is_some()
        || container.docker_security_options.is_some()
        || container.extra_hosts.is_some()
        || container.readonly_root_filesystem.is_some();
    set.when(oldest, agent!("docker-remote-api.1.17"));
    let ecr = is_ecr_image(container.image.as_deref().unwrap_or_default());
    set.when(ecr, agent!("ecr-auth"));
    set.when(ecr && execution_role, "ecs.capability.execution-role-ecr-pull");
    let labelled = container.docker_labels.is_some() || container.ulimits.is_some();
    set.when(labelled, agent!("docker-remote-api.1.18"));
    set.when(container.memory_reservation.is_some(), agent!("docker-remote-api.1.21"));
    set.when(container.privileged == Some(true), agent!("privileged-container"));
    for option in list(&container.docker_security_options) {
        set.when(option.starts_with("label:"), agent!("selinux"));
        set.when(option.starts_with("apparmor:"), agent!("apparmor"));
    }
    let init = container.linux_parameters.as_ref().and_then(|linux| linux.init_process_enabled);
    set.when(init == Some(true), agent!("docker-remote-api.1.25"));
    set.when(container.health_check.is_some(), "ecs.capability.container-health-check");
    let ordered = !list(&container.depends_on).is_empty()
        || container.start_timeout.is_some()
        || container.stop_timeout.is_some();
    set.when(ordered, "ecs.capability.container-ordering");
    let restarts = container.restart_policy.as_ref().and_then(|policy| policy.enabled);
    set.when(restarts == Some(true), "ecs.capability.container-restart-policy");
    for secret in list(&container.secrets) {
        set.add(match is_secrets_manager(secret.value_from.as_deref()) {
            true => "ecs.capability.secrets.asm.environment-variables",
            false => "ecs.capability.secrets.ssm.environment-variables",
        });
    }
    set.when(!list(&container.environment_files).is_empty(), "ecs.capability.env-files.s3");
    let credentials = container.repository_credentials.is_some();
    set.when(credentials, "ecs.capability.private-registry-authentication.secretsmanager");
    let ranges = list(&container.port_mappings).iter().any(|mapping| mapping.container_port_range.is_some());
    set.when(ranges, "ecs.capability.network.container-port-range");
    for spec in list(&container.credential_specs) {
        set.add(match spec.starts_with("credentialspecdomainless:") {
            true => "ecs.capability.gmsa-domainless",
            false => "ecs.capability.gmsa",
        });
    }
    logging(set, container, execution_role);
    firelens(set, container);
}

fn logging(set: &mut Set, container: &ContainerDefinition, execution_role: bool) {
    let Some(log) = &container.log_configuration else { return };
    set.add(agent!("docker-remote-api.1.18"));
    for secret in list(&log.secret_options) {
        set.add(match is_secrets_manager(secret.value_from.as_deref()) {
            true => "ecs.capability.secrets.asm.bootstrap.log-driver",
            false => "ecs.capability.secrets.ssm.bootstrap.log-driver",
        });
    }
    let Some(driver) = &log.log_driver else { return };
    set.add(format!("{}{driver}", agent!("logging-driver.")));
    let awslogs = *driver == LogDriver::Awslogs;
    set.when(awslogs || *driver == LogDriver::Awsfirelens, agent!("docker-remote-api.1.19"));
    if awslogs {
        set.when(execution_role, "ecs.capability.execution-role-awslogs");
        let has = |name| log.options.as_ref().is_some_and(|options| options.contains_key(name));
        // The engine's versions that brought these options.
        set.when(has("mode") || has("max-buffer-size"), agent!("docker-remote-api.1.28"));
        set.when(has("awslogs-create-group"), agent!("docker-remote-api.1.29"));
    }
}

fn firelens(set: &mut Set, container: &ContainerDefinition) {
    let Some(firelens) = &container.firelens_configuration else { return };
    set.add(match &firelens.r#type {
        Some(FirelensConfigurationType::Fluentd) => "ecs.capability.firelens.fluentd",
        _ => "ecs.capability.firelens.fluentbit",
    });
    match firelens.options.as_ref().and_then(|options| options.get("config-file-type")).map(String::as_str) {
        Some("file") => set.add("ecs.capability.firelens.options.config.file"),
        Some("s3") => set.add("ecs.capability.firelens.options.config.s3"),
        _ => {}
    }
}

fn volume(set: &mut Set, volume: &Volume) {
    let efs = volume.efs_volume_configuration.is_some();
    set.when(efs, "ecs.capability.efsAuth");
    set.when(efs, "ecs.capability.efs");
    let docker = volume.docker_volume_configuration.as_ref();
    set.when(efs || docker.is_some(), agent!("docker-remote-api.1.25"));
    if let Some(driver) = docker.and_then(|docker| docker.driver.as_ref()) {
        set.add(format!("ecs.capability.docker-plugin.{driver}"));
    }
    let windows = volume.fsx_windows_file_server_volume_configuration.is_some();
    set.when(windows, "ecs.capability.fsxWindowsFileServer");
    set.when(volume.configured_at_launch == Some(true), "ecs.capability.storage.ebs-task-volume-attach");
}

fn is_secrets_manager(value_from: Option<&str>) -> bool {
    crate::identity::Arn::parse(value_from.unwrap_or_default()).is_ok_and(|arn| arn.service == "secretsmanager")
}

fn list<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}

/// Names as they are added, each once.
#[derive(Default)]
struct Set(Vec<Cow<'static, str>>);

impl Set {
    fn add(&mut self, name: impl Into<Cow<'static, str>>) {
        let name = name.into();
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    fn when(&mut self, condition: bool, name: &'static str) {
        if condition {
            self.add(name);
        }
    }

    /// The order of a Java HashSet of attributes that have a name alone. Names of one bucket keep the order in which
    /// they came; here that is by length of the list they stand in below, as ECS was seen to answer them.
    fn in_order(self) -> Vec<Cow<'static, str>> {
        let buckets = match self.0.len() {
            0..=12 => 16,
            13..=24 => 32,
            _ => 64,
        };
        let mut names = self.0;
        names.sort_by_cached_key(|name| (bucket(name, buckets), came(name)));
        names
    }
}

/// Which of two names in one bucket ECS was seen to answer first.
fn came(name: &str) -> u8 {
    match name.rsplit('.').next() {
        Some("ecr-auth" | "18" | "efs" | "container-health-check") => 0,
        Some("task-eni" | "privileged-container" | "container-ordering") => 1,
        _ => 2,
    }
}

/// Where a HashSet with so many buckets puts an attribute: its hash covers the name and three nulls.
fn bucket(name: &str, buckets: u32) -> u32 {
    let text = name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    let hash = 59_u32.wrapping_add(text).wrapping_mul(59).wrapping_add(43);
    (hash ^ (hash >> 16)) & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buckets of real outputs.
    #[test]
    fn names_lie_where_java_puts_them() {
        for (buckets, number, name) in [
            (16, 0, agent!("logging-driver.awslogs")),
            (16, 1, "ecs.capability.execution-role-awslogs"),
            (16, 2, "ecs.capability.efsAuth"),
            (16, 3, agent!("ecr-auth")),
            (16, 3, agent!("docker-remote-api.1.19")),
            (16, 4, agent!("privileged-container")),
            (16, 5, agent!("docker-remote-api.1.17")),
            (16, 6, agent!("docker-remote-api.1.21")),
            (16, 9, agent!("task-iam-role")),
            (16, 10, "ecs.capability.container-ordering"),
            (16, 12, "ecs.capability.execution-role-ecr-pull"),
            (16, 14, "ecs.capability.task-eni"),
            (32, 16, agent!("logging-driver.awslogs")),
            (32, 18, "ecs.capability.efsAuth"),
            (32, 20, "ecs.capability.efs"),
            (32, 26, agent!("docker-remote-api.1.25")),
        ] {
            assert_eq!(bucket(name, buckets), number, "{name}");
        }
    }
}
