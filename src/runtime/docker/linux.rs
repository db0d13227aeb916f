//! [`LinuxOptions`] as the engine wants them.

use bollard::models::{DeviceMapping, DeviceRequest, HostConfig, ResourcesUlimits};

use crate::runtime::{ContainerSpec, IpcNamespace, LinuxOptions, ProcessNamespace};

/// Adds what the container asks of Linux. What it does not ask for is left out, so that the engine decides.
pub(super) fn apply(spec: &ContainerSpec, host: HostConfig) -> HostConfig {
    let linux = &spec.linux;
    HostConfig {
        cap_add: list(&linux.add_capabilities),
        cap_drop: list(&linux.drop_capabilities),
        devices: devices(linux),
        device_requests: gpus(linux),
        init: linux.init,
        shm_size: linux.shared_memory_bytes,
        tmpfs: (!linux.tmpfs.is_empty()).then(|| linux.tmpfs.clone().into_iter().collect()),
        // Memory and swap together. None of it is swap unless asked for, as on AWS's machines, so that a container
        // that goes over its limit is killed and not slowed down. Engines that cannot limit swap say so and go on.
        memory_swap: spec.memory_bytes.map(|memory| memory.saturating_add(linux.swap_bytes.unwrap_or(0))),
        memory_swappiness: linux.swappiness,
        ulimits: ulimits(linux),
        sysctls: (!linux.sysctls.is_empty()).then(|| linux.sysctls.clone().into_iter().collect()),
        privileged: linux.privileged.then_some(true),
        readonly_rootfs: linux.readonly_root_filesystem.then_some(true),
        security_opt: list(&linux.security_options).map(|options| options.iter().map(|it| security(it)).collect()),
        dns: list(&linux.dns_servers),
        dns_search: list(&linux.dns_search_domains),
        extra_hosts: list(&linux.extra_hosts),
        links: list(&linux.links),
        pid_mode: processes(&linux.processes),
        ipc_mode: ipc(&linux.ipc),
        ..host
    }
}

fn list(given: &[String]) -> Option<Vec<String>> {
    (!given.is_empty()).then(|| given.to_vec())
}

fn devices(linux: &LinuxOptions) -> Option<Vec<DeviceMapping>> {
    let devices = linux.devices.iter().map(|device| DeviceMapping {
        path_on_host: Some(device.path_on_host.clone()),
        path_in_container: Some(device.path_in_container.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    });
    (!linux.devices.is_empty()).then(|| devices.collect())
}

/// An engine without the nvidia container toolkit refuses to start such a container, and says why.
fn gpus(linux: &LinuxOptions) -> Option<Vec<DeviceRequest>> {
    (!linux.gpu_ids.is_empty()).then(|| {
        vec![DeviceRequest {
            driver: Some("nvidia".to_owned()),
            device_ids: Some(linux.gpu_ids.clone()),
            capabilities: Some(vec![vec!["gpu".to_owned()]]),
            ..DeviceRequest::default()
        }]
    })
}

fn ulimits(linux: &LinuxOptions) -> Option<Vec<ResourcesUlimits>> {
    let limits = linux.ulimits.iter().map(|limit| ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    });
    (!linux.ulimits.is_empty()).then(|| limits.collect())
}

/// ECS separates name and value by a colon; engines have wanted an equals sign since 2016.
fn security(option: &str) -> String {
    match option.split_once(':') {
        Some((name, value)) if !name.contains('=') => format!("{name}={value}"),
        _ => option.to_owned(),
    }
}

fn processes(namespace: &ProcessNamespace) -> Option<String> {
    match namespace {
        ProcessNamespace::Own => None,
        ProcessNamespace::Host => Some("host".to_owned()),
        ProcessNamespace::Container(id) => Some(format!("container:{id}")),
    }
}

fn ipc(namespace: &IpcNamespace) -> Option<String> {
    match namespace {
        IpcNamespace::Default => None,
        IpcNamespace::None => Some("none".to_owned()),
        IpcNamespace::Shareable => Some("shareable".to_owned()),
        IpcNamespace::Host => Some("host".to_owned()),
        IpcNamespace::Container(id) => Some(format!("container:{id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::ContainerId;

    #[test]
    fn the_engine_decides_what_is_not_asked_for() {
        assert_eq!(apply(&ContainerSpec::default(), HostConfig::default()), HostConfig::default());
    }

    #[test]
    fn swap_comes_on_top_of_memory() {
        let swap = |memory_bytes, swap_bytes| {
            let linux = LinuxOptions { swap_bytes, ..LinuxOptions::default() };
            let spec = ContainerSpec { memory_bytes, linux, ..ContainerSpec::default() };
            apply(&spec, HostConfig::default()).memory_swap
        };
        assert_eq!(
            [swap(Some(64), None), swap(Some(64), Some(0)), swap(Some(64), Some(32))],
            [Some(64), Some(64), Some(96)]
        );
        assert_eq!(swap(None, Some(32)), None, "the engine takes it with a memory limit only");
    }

    #[test]
    fn namespaces_and_security_options_are_in_the_engines_words() {
        let id = ContainerId("abc".into());
        assert_eq!(processes(&ProcessNamespace::Container(id.clone())).as_deref(), Some("container:abc"));
        assert_eq!(ipc(&IpcNamespace::Container(id)).as_deref(), Some("container:abc"));
        assert_eq!(
            ["no-new-privileges", "label:level:s0:c1", "apparmor:x", "label=disable", "seccomp=a:b"].map(security),
            ["no-new-privileges", "label=level:s0:c1", "apparmor=x", "label=disable", "seccomp=a:b"]
        );
    }
}
