//! What is asked of Linux for a task.

use api_models::ecs::{
    DeviceCgroupPermission, HostEntry, KernelCapabilities, SystemControl, Tmpfs, Ulimit as EcsUlimit, UlimitName,
};

use super::super::super::fixtures::{container, definition};
use super::*;

fn control(namespace: &str, value: &str) -> SystemControl {
    SystemControl { namespace: Some(namespace.into()), value: Some(value.into()) }
}

fn linux(linux: LinuxParameters) -> LinuxOptions {
    let mut web = container("web", true);
    web.linux_parameters = Some(Box::new(linux));
    let definition = definition(NetworkMode::Bridge, vec![web.clone()]);
    options(&definition, &web, &[], None)
}

#[test]
fn a_plain_container_asks_for_nothing() {
    let web = container("web", true);
    let definition = definition(NetworkMode::Awsvpc, vec![web.clone()]);
    assert_eq!(options(&definition, &web, &[], Some(&ContainerId("p".into()))), LinuxOptions::default());
    assert_eq!(of_pause(&definition), LinuxOptions::default());
}

#[test]
fn linux_parameters_become_dockers() {
    let strings = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>());
    let device = |container_path: Option<&str>, permissions| Device {
        host_path: Some("/dev/fuse".into()),
        container_path: container_path.map(Into::into),
        permissions,
    };
    let read = Some(vec![DeviceCgroupPermission::Read, DeviceCgroupPermission::Mknod]);
    let options = linux(LinuxParameters {
        capabilities: Some(Box::new(KernelCapabilities { add: strings(&["NET_ADMIN"]), drop: strings(&["ALL"]) })),
        devices: Some(vec![device(None, None), device(Some("/dev/x"), read)]),
        init_process_enabled: Some(true),
        shared_memory_size: Some(64),
        tmpfs: Some(vec![Tmpfs {
            container_path: Some("/run".into()),
            size: Some(16),
            mount_options: strings(&["noexec", "mode=700"]),
        }]),
        max_swap: Some(32),
        swappiness: Some(60),
    });
    assert_eq!((options.add_capabilities, options.drop_capabilities), (vec!["NET_ADMIN".into()], vec!["ALL".into()]));
    let device = |path: &str, permissions: &str| runtime::Device {
        path_on_host: "/dev/fuse".into(),
        path_in_container: path.into(),
        permissions: permissions.into(),
    };
    assert_eq!(options.devices, [device("/dev/fuse", "rwm"), device("/dev/x", "rm")]);
    assert_eq!((options.init, options.shared_memory_bytes), (Some(true), Some(64 * MIB)));
    assert_eq!(options.tmpfs["/run"], "noexec,mode=700,size=16m");
    assert_eq!((options.swap_bytes, options.swappiness), (Some(32 * MIB), Some(60)));
}

#[test]
fn swappiness_needs_swap() {
    let options = linux(LinuxParameters { swappiness: Some(60), ..LinuxParameters::default() });
    assert_eq!((options.swap_bytes, options.swappiness), (None, None));
}

#[test]
fn the_other_options_become_dockers() {
    let mut web = container("web", true);
    web.ulimits = Some(vec![EcsUlimit { name: Some(UlimitName::Nofile), soft_limit: Some(10), hard_limit: Some(-1) }]);
    web.extra_hosts = Some(vec![HostEntry { hostname: Some("db".into()), ip_address: Some("10.0.0.9".into()) }]);
    web.links = Some(vec!["cache".into(), "db:database".into()]);
    web.system_controls = Some(vec![control("net.core.somaxconn", "512")]);
    (web.privileged, web.readonly_root_filesystem, web.interactive) = (Some(true), Some(true), Some(false));
    let definition = definition(NetworkMode::Bridge, vec![web.clone()]);
    let options = options(&definition, &web, &["GPU-1".into()], None);
    assert_eq!(options.ulimits, [Ulimit { name: "nofile".into(), soft: 10, hard: -1 }]);
    assert_eq!((&*options.extra_hosts, &*options.gpu_ids), (&["db:10.0.0.9".into()][..], &["GPU-1".into()][..]));
    assert_eq!(options.sysctls["net.core.somaxconn"], "512");
    assert!(options.privileged && options.readonly_root_filesystem && !options.open_stdin);
    assert_eq!(links(&web, |name| format!("ecs-{name}")), ["ecs-cache:cache", "ecs-db:database"]);
}

#[test]
fn whoever_owns_a_namespace_sets_its_parameters() {
    let (mut one, mut two) = (container("one", true), container("two", true));
    one.system_controls = Some(vec![control("net.core.somaxconn", "1"), control("kernel.shmmax", "2")]);
    two.system_controls = Some(vec![control("net.core.somaxconn", "3"), control("kernel.msgmax", "4")]);
    two.linux_parameters =
        Some(Box::new(LinuxParameters { shared_memory_size: Some(8), ..LinuxParameters::default() }));
    let pause = ContainerId("p".into());
    let names = |linux: &LinuxOptions| linux.sysctls.keys().cloned().collect::<Vec<_>>().join(" ");

    let mut definition = definition(NetworkMode::Awsvpc, vec![one.clone(), two]);
    let of_one = options(&definition, &one, &[], Some(&pause));
    assert_eq!((names(&of_one).as_str(), of_one.ipc), ("kernel.shmmax", IpcNamespace::Default));
    let own = of_pause(&definition);
    assert_eq!((names(&own).as_str(), own.sysctls["net.core.somaxconn"].as_str()), ("net.core.somaxconn", "3"));
    assert_eq!((own.shared_memory_bytes, own.ipc), (None, IpcNamespace::Default));

    (definition.ipc_mode, definition.pid_mode) = (Some(IpcMode::Task), Some(PidMode::Task));
    let of_one = options(&definition, &one, &[], Some(&pause));
    assert_eq!((names(&of_one).as_str(), of_one.ipc), ("", IpcNamespace::Container(pause.clone())));
    assert_eq!(of_one.processes, ProcessNamespace::Container(pause));
    let own = of_pause(&definition);
    assert_eq!(names(&own), "kernel.msgmax kernel.shmmax net.core.somaxconn");
    assert_eq!((own.shared_memory_bytes, own.ipc), (Some(8 * MIB), IpcNamespace::Shareable));

    (definition.ipc_mode, definition.pid_mode) = (Some(IpcMode::Host), Some(PidMode::Host));
    let of_one = options(&definition, &one, &[], None);
    assert_eq!((of_one.ipc, of_one.processes), (IpcNamespace::Host, ProcessNamespace::Host));
    definition.ipc_mode = Some(IpcMode::None);
    assert_eq!(options(&definition, &one, &[], None).ipc, IpcNamespace::None);
}
