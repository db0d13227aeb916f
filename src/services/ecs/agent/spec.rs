//! Pure: from a task and its definition to what is asked of the runtime.

mod linux;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use api_models::ecs::{
    self, CPUArchitecture, ContainerDefinition, ContainerOverride, KeyValuePair, LaunchType, NetworkMode,
};
use sha2::{Digest, Sha256};

use super::advance::is_daemon;
use super::{ports, reasons};
use crate::runtime::{
    CLUSTER_LABEL, CONTAINER_NAME_LABEL, ContainerId, ContainerNetwork, ContainerSpec, DAEMONS_ADDRESS_LABEL,
    DAEMONS_LABEL, FAMILY_LABEL, HealthCheck, ImageSource, LinuxOptions, LogDriver, PAUSE_CONTAINER_NAME,
    REVISION_LABEL, ROLE_LABEL, TASK_ARN_LABEL,
};
use crate::services::ecs::metadata::environment::{self, Reach};
use crate::services::ecs::network::{self, DAEMONS_ADDRESS};
use crate::services::ecs::resources::{ContainerInstanceKey, Task};

/// What the kernel takes at least as CpuShares, and so the ECS agent gives at least.
const MINIMUM_CPU_SHARES: i64 = 2;
const MIB: i64 = 1 << 20;

/// A container of the task. `pause` owns what its containers share: in awsvpc mode the network, which all daemons of an
/// instance share.
pub(super) fn container(
    task: &Task,
    definition: &ecs::TaskDefinition,
    container: &ContainerDefinition,
    pause: Option<&ContainerId>,
    publish_address: IpAddr,
    reach: &Reach,
) -> ContainerSpec {
    let name = container.name.as_deref().unwrap_or_default();
    let given = override_of(task, name);
    let mode = definition.network_mode.as_ref();
    let size = TaskSize::of(task, definition);
    let cpu = given.and_then(|given| given.cpu).or(container.cpu).map(i64::from).filter(|cpu| *cpu > 0);
    let memory = given.and_then(|given| given.memory).or(container.memory).map(|mib| i64::from(mib) * MIB);
    let memory_bytes = match (memory, size.memory_bytes) {
        (Some(own), Some(task)) => Some(own.min(task)),
        (own, task) => own.or(task),
    };
    let reservation = given.and_then(|given| given.memory_reservation).or(container.memory_reservation);
    let network = match (mode, pause) {
        _ if container.disable_networking == Some(true) => ContainerNetwork::None,
        (Some(NetworkMode::Awsvpc), Some(pause)) => ContainerNetwork::Container(pause.clone()),
        (_, Some(pause)) if is_daemon(definition) => ContainerNetwork::Container(pause.clone()),
        (Some(NetworkMode::Host), _) => ContainerNetwork::Host,
        (Some(NetworkMode::None), _) => ContainerNetwork::None,
        _ => ContainerNetwork::Bridge,
    };
    let publish = match network {
        ContainerNetwork::Bridge => ports::published_by(container, publish_address, task.host_address),
        _ => Vec::new(),
    };
    let gpu_ids = gpu_ids(task, name);
    let linux = LinuxOptions {
        links: linux::links(container, |linked| host_name(task, linked)),
        ..linux::options(definition, container, gpu_ids, pause)
    };
    ContainerSpec {
        name: host_name(task, name),
        image: ImageSource::Reference(container.image.clone().unwrap_or_default()),
        entry_point: container.entry_point.clone(),
        command: given.and_then(|given| given.command.clone()).or_else(|| container.command.clone()),
        environment: environment(task, container, given, gpu_ids, reach),
        working_directory: container.working_directory.clone(),
        user: container.user.clone(),
        hostname: container.hostname.clone(),
        labels: labels(task, container),
        // None at all: the engine's own default. The agent would give 2, next to nothing on a busy machine that is
        // not a container instance.
        cpu_shares: cpu.map(|cpu| cpu.max(MINIMUM_CPU_SHARES)),
        nano_cpus: size.nano_cpus,
        memory_bytes,
        memory_reservation_bytes: reservation
            .map(|mib| i64::from(mib) * MIB)
            .map(|soft| memory_bytes.map_or(soft, |hard| soft.min(hard))),
        network,
        publish,
        stop_timeout: container.stop_timeout.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        health_check: container.health_check.as_deref().map(health_check),
        linux,
        log: LogDriver::Default,
        ..ContainerSpec::default()
    }
}

/// What is not given is as ECS has it: every 30 seconds, 5 seconds' time, 3 failures, no period of grace.
fn health_check(check: &ecs::HealthCheck) -> HealthCheck {
    let seconds =
        |given: Option<i32>, default| Duration::from_secs(given.map_or(default, |s| s.max(0).unsigned_abs().into()));
    HealthCheck {
        command: check.command.clone().unwrap_or_default(),
        interval: seconds(check.interval, 30),
        timeout: seconds(check.timeout, 5),
        retries: check.retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(3),
        start_period: seconds(check.start_period, 0),
    }
}

/// The platform the definition names (`linux/arm64`), in OCI's words. One that names none takes what the engine has,
/// so that a definition runs on either kind of machine.
pub(super) fn platform(definition: &ecs::TaskDefinition) -> Option<&'static str> {
    match definition.runtime_platform.as_ref()?.cpu_architecture.as_ref()? {
        CPUArchitecture::X86_64 => Some("linux/amd64"),
        CPUArchitecture::Arm64 => Some("linux/arm64"),
        CPUArchitecture::Unrecognized(_) => None,
    }
}

/// The GPUs of its instance that the container was given.
fn gpu_ids<'a>(task: &'a Task, name: &str) -> &'a [String] {
    let container = task.containers.iter().find(|container| *container.name == *name);
    container.map(|container| container.gpu_ids.as_slice()).unwrap_or_default()
}

/// The labels of a task's container: the task definition's own, and AWS's.
pub(super) fn labels(task: &Task, container: &ContainerDefinition) -> BTreeMap<String, String> {
    let mut labels = container.docker_labels.clone().unwrap_or_default();
    labels.extend(own_labels(task, container.name.as_deref().unwrap_or_default(), "container"));
    labels
}

/// What a pause container needs to set up its network.
const NETWORK_CAPABILITY: &str = "NET_ADMIN";

/// Where a task in awsvpc mode is on the VPC's network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attached<'a> {
    /// Its name on the engine.
    pub(super) network: &'a str,
    pub(super) address: Ipv4Addr,
    /// The address there of the daemons of the task's instance, if they are to be reached.
    pub(super) daemons: Option<Ipv4Addr>,
}

/// The container that holds the namespaces the others share. It is `attached` in awsvpc mode; in other modes it has no
/// network, for the containers have their own.
pub(super) fn pause(
    task: &Task,
    definition: &ecs::TaskDefinition,
    attached: Option<Attached<'_>>,
    publish_address: IpAddr,
) -> ContainerSpec {
    let spec = ContainerSpec {
        name: host_name(task, PAUSE_CONTAINER_NAME),
        image: ImageSource::Pause,
        labels: own_labels(task, PAUSE_CONTAINER_NAME, "pause").collect(),
        network: ContainerNetwork::None,
        linux: linux::of_pause(definition),
        ..ContainerSpec::default()
    };
    let Some(Attached { network, address, daemons }) = attached else { return spec };
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let mut spec = ContainerSpec {
        hostname: Some(network::private_dns_name(&task.key.scope.region, address)),
        network: ContainerNetwork::Attached { network: network.to_owned(), address },
        publish: ports::published_by_all(containers, publish_address),
        ..spec
    };
    if let Some(daemons) = daemons {
        let route = ["route".to_owned(), DAEMONS_ADDRESS.to_string(), "via".to_owned(), daemons.to_string()];
        spec.command = Some(route.into());
        spec.linux.add_capabilities.push(NETWORK_CAPABILITY.to_owned());
        spec.labels.insert(DAEMONS_ADDRESS_LABEL.to_owned(), daemons.to_string());
    }
    spec
}

/// The container that holds the network which the daemons of an instance share: at `address` on the VPC's network, and
/// at the address under which tasks look for daemons.
pub(super) fn daemons(instance: &ContainerInstanceKey, network: &str, address: Ipv4Addr) -> ContainerSpec {
    let labels = [
        (DAEMONS_LABEL, instance.arn()),
        (CLUSTER_LABEL, instance.cluster.to_string()),
        (ROLE_LABEL, "pause".to_owned()),
    ];
    ContainerSpec {
        name: format!("ecs-daemons-{}", instance.id),
        image: ImageSource::Pause,
        command: Some(vec!["address".to_owned(), DAEMONS_ADDRESS.to_string()]),
        labels: labels.into_iter().map(|(label, value)| (label.to_owned(), value)).collect(),
        // As the ECS agent calls it.
        hostname: Some("daemon".to_owned()),
        network: ContainerNetwork::Attached { network: network.to_owned(), address },
        linux: LinuxOptions { add_capabilities: vec![NETWORK_CAPABILITY.to_owned()], ..LinuxOptions::default() },
        ..ContainerSpec::default()
    }
}

fn own_labels(task: &Task, name: &str, role: &str) -> impl Iterator<Item = (String, String)> {
    [
        (TASK_ARN_LABEL, task.key.arn()),
        (CLUSTER_LABEL, cluster_label(task)),
        (CONTAINER_NAME_LABEL, name.to_owned()),
        (FAMILY_LABEL, task.task_definition.family.to_string()),
        (REVISION_LABEL, task.task_definition.revision.to_string()),
        (ROLE_LABEL, role.to_owned()),
    ]
    .into_iter()
    .map(|(label, value)| (label.to_owned(), value))
}

/// The name that the agent on an instance was configured with; on Fargate and managed instances the ARN, as the examples in
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-examples.html> show.
fn cluster_label(task: &Task) -> String {
    if task.is_hosted() || reasons::is_fargate(task) { task.key.cluster().arn() } else { task.key.cluster.to_string() }
}

/// `ecs-<family>-<revision>-<container>-<20 hex digits>`, as the agent names it. The digits follow from the task, so
/// that a call whose answer was lost and its repetition mean the same container.
pub(super) fn host_name(task: &Task, container: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(format!("{}/{container}", task.key.arn()));
    let clean: String = container.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    let mut name = format!("ecs-{}-{}-{clean}-", task.task_definition.family, task.task_definition.revision);
    for byte in &digest[..10] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// ECS's own variables, then the task definition's, then the override's; later ones win. In this order in the list.
fn environment(
    task: &Task,
    container: &ContainerDefinition,
    given: Option<&ContainerOverride>,
    gpu_ids: &[String],
    reach: &Reach,
) -> Vec<String> {
    let record = task.containers.iter().find(|record| Some(&*record.name) == container.name.as_deref());
    let inside = record.map(|record| environment::variables(task, record, reach)).unwrap_or_default();
    let gpus = gpu_ids.join(",");
    let region = task.key.scope.region.as_str();
    let execution = match task.launch_type {
        Some(LaunchType::ManagedInstances) => "AWS_ECS_MANAGED_INSTANCES",
        _ if reasons::is_fargate(task) => "AWS_ECS_FARGATE",
        _ => "AWS_ECS_EC2",
    };
    let mut variables: Vec<(&str, &str)> =
        vec![("AWS_REGION", region), ("AWS_DEFAULT_REGION", region), ("AWS_EXECUTION_ENV", execution)];
    variables.extend(inside.iter().map(|(name, value)| (*name, value.as_str())));
    if !gpus.is_empty() {
        variables.push(("NVIDIA_VISIBLE_DEVICES", &gpus));
    }
    let pairs = |pairs: &'_ Option<Vec<KeyValuePair>>| pairs.clone().unwrap_or_default();
    let (own, overriding) = (pairs(&container.environment), given.map(|given| pairs(&given.environment)));
    let overriding = overriding.unwrap_or_default();
    for pair in own.iter().chain(&overriding) {
        let Some(name) = pair.name.as_deref() else { continue };
        let value = pair.value.as_deref().unwrap_or_default();
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => variables.push((name, value)),
        }
    }
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn override_of<'a>(task: &'a Task, name: &str) -> Option<&'a ContainerOverride> {
    task.overrides.container_overrides.iter().flatten().find(|given| given.name.as_deref() == Some(name))
}

/// The limits of the whole task, where it has any: no container gets more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TaskSize {
    nano_cpus: Option<i64>,
    memory_bytes: Option<i64>,
}

impl TaskSize {
    fn of(task: &Task, definition: &ecs::TaskDefinition) -> Self {
        let (cpu, memory) = (&task.overrides.cpu, &task.overrides.memory);
        let cpu = cpu.as_deref().or(definition.cpu.as_deref()).and_then(|text| quantity(text, "vcpu", 1024.0));
        let memory = memory.as_deref().or(definition.memory.as_deref()).and_then(|text| quantity(text, "gb", 1024.0));
        Self { nano_cpus: cpu.map(|units| units * 1_000_000_000 / 1024), memory_bytes: memory.map(|mib| mib * MIB) }
    }
}

/// `512`, or `0.5 GB` with the large unit's name and size.
fn quantity(text: &str, unit: &str, size: f64) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let number = match text.strip_suffix(unit) {
        Some(number) => number.trim().parse::<f64>().ok()? * size,
        None => text.parse().ok()?,
    };
    (number > 0.0).then_some(number as i64)
}

#[cfg(test)]
#[path = "spec_tests.rs"]
mod tests;
