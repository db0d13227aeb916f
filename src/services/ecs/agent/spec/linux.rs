//! Pure: what a task's containers ask of Linux.

use api_models::ecs::{
    self, ContainerDefinition, Device, DeviceCgroupPermission, IpcMode, LinuxParameters, NetworkMode, PidMode, Tmpfs,
};

use super::MIB;
use crate::runtime::{self, ContainerId, IpcNamespace, LinuxOptions, ProcessNamespace, Ulimit};

/// What `container` asks for. `pause` owns the namespaces that the task's containers share.
pub(super) fn options(
    definition: &ecs::TaskDefinition,
    container: &ContainerDefinition,
    gpu_ids: &[String],
    pause: Option<&ContainerId>,
) -> LinuxOptions {
    let nothing = LinuxParameters::default();
    let linux = container.linux_parameters.as_deref().unwrap_or(&nothing);
    let capabilities = linux.capabilities.as_deref();
    // "A maxSwap value must be set for the swappiness parameter to be used."
    let swappiness = linux.swappiness.filter(|_| linux.max_swap.is_some()).map(i64::from);
    LinuxOptions {
        add_capabilities: capabilities.map(|given| list(&given.add)).unwrap_or_default(),
        drop_capabilities: capabilities.map(|given| list(&given.drop)).unwrap_or_default(),
        devices: linux.devices.iter().flatten().map(device).collect(),
        gpu_ids: gpu_ids.to_vec(),
        init: linux.init_process_enabled,
        shared_memory_bytes: linux.shared_memory_size.map(|mib| i64::from(mib) * MIB),
        tmpfs: linux.tmpfs.iter().flatten().map(tmpfs).collect(),
        swap_bytes: linux.max_swap.map(|mib| i64::from(mib) * MIB),
        swappiness,
        ulimits: ulimits(container),
        sysctls: sysctls(container).filter(|(name, _)| !belongs_to_pause(definition, name)).collect(),
        privileged: container.privileged == Some(true),
        readonly_root_filesystem: container.readonly_root_filesystem == Some(true),
        security_options: list(&container.docker_security_options),
        dns_servers: list(&container.dns_servers),
        dns_search_domains: list(&container.dns_search_domains),
        extra_hosts: extra_hosts(container),
        open_stdin: container.interactive == Some(true),
        tty: container.pseudo_terminal == Some(true),
        processes: match (&definition.pid_mode, pause) {
            (Some(PidMode::Host), _) => ProcessNamespace::Host,
            (Some(PidMode::Task), Some(pause)) => ProcessNamespace::Container(pause.clone()),
            _ => ProcessNamespace::Own,
        },
        ipc: match (&definition.ipc_mode, pause) {
            (Some(IpcMode::Host), _) => IpcNamespace::Host,
            (Some(IpcMode::None), _) => IpcNamespace::None,
            (Some(IpcMode::Task), Some(pause)) => IpcNamespace::Container(pause.clone()),
            _ => IpcNamespace::Default,
        },
        ..LinuxOptions::default()
    }
}

/// What the pause container is to have for the others: whoever owns a namespace sets its parameters, once and before
/// any program of the task runs.
pub(super) fn of_pause(definition: &ecs::TaskDefinition) -> LinuxOptions {
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let shares_memory = definition.ipc_mode == Some(IpcMode::Task);
    let shared_memory = containers.iter().filter_map(|container| container.linux_parameters.as_deref());
    LinuxOptions {
        // "If you set different systemControls for multiple containers ..., the container that's started last
        // determines which systemControls take effect": here the last in the list.
        sysctls: containers.iter().flat_map(sysctls).filter(|(name, _)| belongs_to_pause(definition, name)).collect(),
        // /dev/shm is shared as well: large enough for the container that asks for most.
        shared_memory_bytes: shared_memory
            .filter_map(|linux| linux.shared_memory_size)
            .max()
            .filter(|_| shares_memory)
            .map(|mib| i64::from(mib) * MIB),
        ipc: if shares_memory { IpcNamespace::Shareable } else { IpcNamespace::Default },
        ..LinuxOptions::default()
    }
}

/// Whether the parameter is one of a namespace that the pause container owns.
fn belongs_to_pause(definition: &ecs::TaskDefinition, name: &str) -> bool {
    // With slashes it means the same.
    let of_network = name.starts_with("net.") || name.starts_with("net/");
    let of_ipc = ["kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue."]
        .iter()
        .any(|prefix| name.replace('/', ".").starts_with(prefix));
    (of_network && definition.network_mode == Some(NetworkMode::Awsvpc))
        || (of_ipc && definition.ipc_mode == Some(IpcMode::Task))
}

fn list(given: &Option<Vec<String>>) -> Vec<String> {
    given.clone().unwrap_or_default()
}

fn device(device: &Device) -> runtime::Device {
    let path_on_host = device.host_path.clone().unwrap_or_default();
    let permissions: String = device
        .permissions
        .iter()
        .flatten()
        .map(|permission| match permission {
            DeviceCgroupPermission::Read => "r",
            DeviceCgroupPermission::Write => "w",
            DeviceCgroupPermission::Mknod => "m",
            DeviceCgroupPermission::Unrecognized(_) => "",
        })
        .collect();
    runtime::Device {
        path_in_container: device
            .container_path
            .clone()
            .filter(|path| !path.is_empty())
            .unwrap_or(path_on_host.clone()),
        path_on_host,
        // "By default, the container has permissions for read, write, and mknod for the device."
        permissions: if permissions.is_empty() { "rwm".to_owned() } else { permissions },
    }
}

fn tmpfs(tmpfs: &Tmpfs) -> (String, String) {
    let size = tmpfs.size.map(|mib| format!("size={mib}m"));
    let options: Vec<_> = list(&tmpfs.mount_options).into_iter().chain(size).collect();
    (tmpfs.container_path.clone().unwrap_or_default(), options.join(","))
}

fn ulimits(container: &ContainerDefinition) -> Vec<Ulimit> {
    let limits = container.ulimits.iter().flatten();
    limits
        .map(|limit| Ulimit {
            name: limit.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            soft: limit.soft_limit.unwrap_or(0).into(),
            hard: limit.hard_limit.unwrap_or(0).into(),
        })
        .collect()
}

fn sysctls(container: &ContainerDefinition) -> impl Iterator<Item = (String, String)> {
    let controls = container.system_controls.iter().flatten();
    controls.filter_map(|control| Some((control.namespace.clone()?, control.value.clone().unwrap_or_default())))
}

fn extra_hosts(container: &ContainerDefinition) -> Vec<String> {
    let hosts = container.extra_hosts.iter().flatten();
    hosts
        .map(|host| {
            let (name, address) = (host.hostname.as_deref(), host.ip_address.as_deref());
            format!("{}:{}", name.unwrap_or_default(), address.unwrap_or_default())
        })
        .collect()
}

/// The linked containers of the same task, by their names on the engine, and the aliases under which they are known.
pub(super) fn links(container: &ContainerDefinition, host_name: impl Fn(&str) -> String) -> Vec<String> {
    let links = container.links.iter().flatten();
    links
        .map(|link| {
            let (name, alias) = link.split_once(':').unwrap_or((link, link));
            format!("{}:{alias}", host_name(name))
        })
        .collect()
}

#[cfg(test)]
#[path = "linux_tests.rs"]
mod tests;
