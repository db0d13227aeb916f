//! Options that only a real kernel shows: seen from inside by the sample app, and in the engine's own description.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{
    ContainerDefinition, CpuArchitecture, Device, DeviceCgroupPermission, HostEntry, IpcMode, KernelCapabilities,
    LinuxParameters, NetworkMode, PidMode, PortMapping, Resource, ResourceRequirement, ResourceType, RuntimePlatform,
    SystemControl, Task, Tmpfs, Ulimit, UlimitName,
};
use compat_tests::{Ecs, Registers, Runs, app, docker, http, wait_until, wait_until_some};

on_docker!(
    options_reach_the_process,
    a_privileged_container_may_all,
    processes_and_memory_of_a_task,
    processes_and_memory_of_the_host,
    network_parameters_of_a_task,
    a_link_is_a_name,
    an_image_of_another_architecture,
    what_the_engine_refuses,
);

const PAUSE: &str = "~internal~ecs~pause";

fn strings(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(ToString::to_string).collect())
}

fn control(namespace: &str, value: &str) -> SystemControl {
    SystemControl::builder().namespace(namespace).value(value).build()
}

/// The sample app with port 8080 published.
fn served(name: &str) -> aws_sdk_ecs::types::builders::ContainerDefinitionBuilder {
    app(name, &[]).port_mappings(PortMapping::builder().container_port(8080).build())
}

fn containers(task: &Task) -> BTreeMap<String, String> {
    docker::containers_of(task.task_arn().expect("an ARN")).into_iter().collect()
}

/// The server in one container of a task.
struct Inside(String);

impl Inside {
    fn of(task: &Task, name: &str) -> Self {
        let container = task.containers().iter().find(|container| container.name() == Some(name));
        let bindings = container.expect("the container").network_bindings();
        Self(format!("http://127.0.0.1:{}", bindings[0].host_port().expect("a host port")))
    }

    /// Status and text, as soon as the program listens.
    async fn get(&self, page: &str) -> (u16, String) {
        let url = format!("{}{page}", self.0);
        wait_until_some(&url, Duration::from_secs(10), || async {
            http::get(&url).ok().map(|answer| (answer.status, answer.text().trim().to_owned()))
        })
        .await
    }

    async fn read(&self, path: &str) -> String {
        let (status, text) = self.get(&format!("/read?path={path}")).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    async fn writes(&self, path: &str) -> bool {
        self.get(&format!("/write?path={path}&data=x")).await.0 == 200
    }

    /// A line of /proc/self/status.
    async fn status(&self, name: &str) -> String {
        let status = self.read("/proc/self/status").await;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in\n{status}")).trim().to_owned()
    }
}

/// Runs one task of these containers on a container instance of its own cluster.
async fn run(ecs: &Ecs, mode: NetworkMode, containers: Vec<ContainerDefinition>) -> Task {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(mode).set_container_definitions(Some(containers)).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.running(&task).await
}

async fn options_reach_the_process(ecs: Ecs) {
    let device = Device::builder()
        .host_path("/dev/zero")
        .container_path("/dev/nought")
        .permissions(DeviceCgroupPermission::Read)
        .build();
    let tmpfs = Tmpfs::builder().container_path("/scratch").size(4).mount_options("noexec").build();
    let linux = LinuxParameters::builder()
        .capabilities(KernelCapabilities::builder().add("NET_ADMIN").drop("MKNOD").build())
        .devices(device.expect("complete"))
        .init_process_enabled(true)
        .shared_memory_size(8)
        .tmpfs(tmpfs.expect("complete"))
        .max_swap(64)
        .build();
    let limit = Ulimit::builder().name(UlimitName::Nofile).soft_limit(300).hard_limit(400).build();
    let web = served("web")
        .linux_parameters(linux)
        .ulimits(limit.expect("complete"))
        .set_system_controls(Some(vec![control("net.core.somaxconn", "321"), control("kernel.msgmax", "4321")]))
        .readonly_root_filesystem(true)
        .docker_security_options("no-new-privileges")
        .set_dns_servers(strings(&["192.0.2.53"]))
        .set_dns_search_domains(strings(&["corp.example"]))
        .extra_hosts(HostEntry::builder().hostname("ledger").ip_address("192.0.2.9").build().expect("complete"))
        .hostname("box")
        .user("65534")
        .interactive(true)
        .pseudo_terminal(true)
        .build();
    let task = run(&ecs, NetworkMode::Bridge, vec![web]).await;
    let inside = Inside::of(&task, "web");

    assert_eq!(inside.get("/write?path=/anything&data=x").await.0, 500, "the root file system is read-only");
    assert!(inside.writes("/scratch/x").await);
    let mounts = inside.read("/proc/mounts").await;
    let mounted = |path: &str| mounts.lines().find(|line| line.contains(path)).unwrap_or_default().to_owned();
    assert!(mounted(" /scratch ").contains("size=4096k") && mounted(" /scratch ").contains("noexec"), "{mounts}");
    assert!(mounted(" /dev/shm ").contains("size=8192k"), "{mounts}");
    let limits = inside.read("/proc/self/limits").await;
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    assert_eq!(files.split_whitespace().collect::<Vec<_>>()[3..5], ["300", "400"], "{limits}");
    assert_eq!(inside.read("/proc/sys/net/core/somaxconn").await, "321");
    assert_eq!(inside.read("/proc/sys/kernel/msgmax").await, "4321");
    assert_eq!(inside.status("NoNewPrivs").await, "1");
    let bounding = u64::from_str_radix(&inside.status("CapBnd").await, 16).expect("a mask");
    let (net_admin, mknod) = (bounding >> 12 & 1, bounding >> 27 & 1);
    assert_eq!((net_admin, mknod), (1, 0), "{bounding:x}");
    assert!(inside.status("Uid").await.starts_with("65534"));
    let resolver = inside.read("/etc/resolv.conf").await;
    assert!(resolver.contains("nameserver 192.0.2.53") && resolver.contains("search corp.example"), "{resolver}");
    let hosts = inside.read("/etc/hosts").await;
    assert!(hosts.lines().any(|line| line.split_whitespace().eq(["192.0.2.9", "ledger"])), "{hosts}");
    assert_eq!(inside.read("/etc/hostname").await, "box");
    // The engine lets every container write to this one, wherever it lies: what was asked for is checked below.
    assert!(inside.writes("/dev/nought").await);
    let processes = inside.get("/ps").await.1;
    assert!(processes.lines().nth(1).is_some_and(|line| line.contains("init")), "PID 1 is an init:\n{processes}");

    let inspected = docker::inspect(&containers(&task)["web"]);
    let (config, host) = (&inspected["Config"], &inspected["HostConfig"]);
    assert_eq!((&config["OpenStdin"], &config["Tty"]), (&true.into(), &true.into()));
    assert_eq!(host["Devices"][0]["PathInContainer"], "/dev/nought");
    assert_eq!(host["Devices"][0]["CgroupPermissions"], "r");
    if docker::run(&["info", "--format", "{{.SwapLimit}}"]) == "true" {
        assert_eq!(host["MemorySwap"], (128 + 64) << 20);
    }
    ecs.stop(&task).await;
}

async fn a_privileged_container_may_all(ecs: Ecs) {
    if let Err(problem) = docker::try_run(&["run", "--rm", "--privileged", compat_tests::APP_IMAGE, "exit", "0"]) {
        println!("skipped: the engine itself may not do all: {problem}");
        return;
    }
    let plain = run(&ecs, NetworkMode::Bridge, vec![served("web").build()]).await;
    let task = run(&ecs, NetworkMode::Bridge, vec![served("web").privileged(true).build()]).await;
    let mut masks = Vec::new();
    for task in [&plain, &task] {
        masks.push(u64::from_str_radix(&Inside::of(task, "web").status("CapEff").await, 16).expect("a mask"));
    }
    assert_eq!((masks[0] >> 21 & 1, masks[1] >> 21 & 1), (0, 1), "CAP_SYS_ADMIN in {masks:x?}");
    ecs.stop(&plain).await;
    ecs.stop(&task).await;
}

async fn processes_and_memory_of_a_task(ecs: Ecs) {
    for mode in [NetworkMode::Bridge, NetworkMode::Awsvpc] {
        let cluster = ecs.cluster_with_instance().await;
        let large = LinuxParameters::builder().shared_memory_size(16).build();
        let one = served("one").linux_parameters(large).build();
        let two = app("two", &["serve", "--port", "9090"])
            .port_mappings(PortMapping::builder().container_port(9090).build())
            .set_system_controls(Some(vec![control("kernel.msgmax", "4321")]))
            .build();
        let definition = ecs
            .on_ec2(mode.clone())
            .pid_mode(PidMode::Task)
            .ipc_mode(IpcMode::Task)
            .container_definitions(one)
            .container_definitions(two)
            .registered()
            .await;
        let mut request = ecs.run_on_ec2(&cluster, &definition);
        if mode == NetworkMode::Awsvpc {
            request = request.network_configuration(compat_tests::awsvpc(&["subnet-0a"]));
        }
        let task = request.one().await;
        let task = ecs.running(&task).await;
        let (one, two) = (Inside::of(&task, "one"), Inside::of(&task, "two"));

        let processes = one.get("/ps").await.1;
        let names: Vec<&str> = processes.lines().skip(1).filter_map(|line| line.split(' ').nth(3)).collect();
        assert_eq!(names, ["pause", "sample-app", "sample-app"], "{processes}");
        assert!(processes.lines().nth(1).is_some_and(|line| line.starts_with("1 ")), "{processes}");
        assert!(one.writes("/dev/shm/shared").await);
        assert_eq!(two.read("/dev/shm/shared").await, "x");
        assert!(
            one.read("/proc/mounts").await.lines().any(|it| it.contains(" /dev/shm ") && it.contains("size=16384k"))
        );
        assert_eq!(one.read("/proc/sys/kernel/msgmax").await, "4321");
        assert!(containers(&task).contains_key(PAUSE));

        let stopped = ecs.stop(&task).await;
        assert!(stopped.containers().iter().all(|container| container.exit_code() == Some(0)), "{stopped:#?}");
        wait_until("the containers to be removed", Duration::from_secs(20), || async { containers(&task).is_empty() })
            .await;
    }
}

async fn processes_and_memory_of_the_host(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .pid_mode(PidMode::Host)
        .ipc_mode(IpcMode::Host)
        .container_definitions(served("web").build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let processes = Inside::of(&task, "web").get("/ps").await.1;
    assert!(processes.lines().count() > 3, "{processes}");
    let ids = containers(&task);
    let host = docker::inspect(&ids["web"])["HostConfig"].clone();
    assert_eq!((&host["PidMode"], &host["IpcMode"]), (&"host".into(), &"host".into()));
    assert!(!ids.contains_key(PAUSE));
    ecs.stop(&task).await;
}

async fn network_parameters_of_a_task(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let one = served("one").system_controls(control("net.core.somaxconn", "321")).build();
    let two = app("two", &["serve", "--port", "9090"])
        .port_mappings(PortMapping::builder().container_port(9090).build())
        .system_controls(control("net.ipv4.tcp_keepalive_time", "77"))
        .build();
    let definition = ecs.on_fargate().container_definitions(one).container_definitions(two).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    for name in ["one", "two"] {
        let inside = Inside::of(&task, name);
        assert_eq!(inside.read("/proc/sys/net/core/somaxconn").await, "321", "{name}");
        assert_eq!(inside.read("/proc/sys/net/ipv4/tcp_keepalive_time").await, "77", "{name}");
    }
    ecs.stop(&task).await;
}

async fn a_link_is_a_name(ecs: Ecs) {
    // In this order, so that the linked one would start last.
    let web = served("web").links("store:database").build();
    let store = app("store", &[]).build();
    let task = run(&ecs, NetworkMode::Bridge, vec![web, store]).await;
    let page = "/fetch?url=http://database:8080/healthz";
    wait_until("the linked container to answer", Duration::from_secs(10), || async {
        Inside::of(&task, "web").get(page).await == (200, "ok".to_owned())
    })
    .await;
    ecs.stop(&task).await;
}

async fn an_image_of_another_architecture(ecs: Ecs) {
    let (other, platform) = match docker::run(&["version", "--format", "{{.Server.Arch}}"]).as_str() {
        "arm64" => (CpuArchitecture::X8664, "linux/amd64"),
        _ => (CpuArchitecture::Arm64, "linux/arm64"),
    };
    let cluster = ecs.cluster().await;
    let definition = ecs
        .on_fargate()
        .runtime_platform(RuntimePlatform::builder().cpu_architecture(other).build())
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code().map(|code| code.as_str()), Some("TaskFailedToStart"));
    let reason = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain \
         descriptor matching platform '{platform}'"
    );
    assert_eq!(stopped.stopped_reason(), Some(reason.as_str()));
    assert_eq!(stopped.containers()[0].reason(), Some(reason.as_str()));
}

/// The engine's own words are the container's reason.
async fn what_the_engine_refuses(ecs: Ecs) {
    let resource = |name: &str, value| Resource::builder().name(name).r#type("INTEGER").integer_value(value).build();
    let cluster = ecs.cluster().await;
    ecs.register_container_instance()
        .cluster(&cluster)
        .total_resources(resource("CPU", 4096))
        .total_resources(resource("MEMORY", 8192))
        .total_resources(Resource::builder().name("GPU").r#type("STRINGSET").string_set_value("GPU-none").build())
        .send()
        .await
        .expect("RegisterContainerInstance");
    let gpu = ResourceRequirement::builder().r#type(ResourceType::Gpu).value("1").build().expect("complete");
    let device = Device::builder().host_path("/dev/no-such-device").build().expect("complete");
    let capabilities = KernelCapabilities::builder().add("NO_SUCH_CAPABILITY").build();
    for (container, word) in [
        (app("web", &[]).resource_requirements(gpu), "Cannot"),
        (app("web", &[]).linux_parameters(LinuxParameters::builder().devices(device).build()), "no-such-device"),
        (
            app("web", &[]).linux_parameters(LinuxParameters::builder().capabilities(capabilities).build()),
            "NO_SUCH_CAPABILITY",
        ),
    ] {
        let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(container.build()).registered().await;
        let task = ecs.run_on_ec2(&cluster, &definition).one().await;
        let stopped = ecs.stopped(&task).await;
        assert_eq!(stopped.stop_code().map(|code| code.as_str()), Some("TaskFailedToStart"));
        let reason = stopped.containers()[0].reason().expect("a reason");
        let refused = ["CannotCreateContainerError: ", "CannotStartContainerError: "];
        assert!(refused.iter().any(|name| reason.starts_with(name)) && reason.contains(word), "{reason}");
    }
}
