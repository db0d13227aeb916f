//! Network modes on real containers: what is reachable where, fetched over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{
    ContainerOverride, KeyValuePair, NetworkBinding, NetworkMode, PortMapping, Task, TaskOverride, TransportProtocol,
};
use compat_tests::{Ecs, Registers, Runs, app, docker, http, wait_until_some};

on_docker!(
    bridge_with_dynamic_ports,
    bridge_with_a_static_port,
    a_taken_port_is_not_placed,
    awsvpc_has_an_address_and_localhost,
    tasks_in_awsvpc_reach_each_other,
    host_mode_is_the_host,
    none_has_no_network,
    environment_and_overrides_reach_the_process,
    containers_are_labelled_and_limited,
);

fn port(container: i32, host: i32) -> PortMapping {
    PortMapping::builder().container_port(container).host_port(host).build()
}

/// The page, as soon as the program in the container listens.
async fn fetch(url: &str) -> String {
    wait_until_some(url, Duration::from_secs(10), || async {
        http::get(url).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    })
    .await
}

fn binding(task: &Task, container_port: i32) -> &NetworkBinding {
    let bindings = task.containers().iter().flat_map(|container| container.network_bindings());
    bindings
        .into_iter()
        .find(|binding| binding.container_port() == Some(container_port))
        .unwrap_or_else(|| panic!("no binding of {container_port}: {task:#?}"))
}

/// Where a test on the same machine finds a published port.
fn published(task: &Task, container_port: i32) -> String {
    let binding = binding(task, container_port);
    format!("http://{}:{}", binding.bind_ip().expect("an address"), binding.host_port().expect("a host port"))
}

fn address(task: &Task) -> String {
    let details = task.attachments()[0].details();
    let address = details.iter().find(|detail| detail.name() == Some("privateIPv4Address"));
    address.and_then(|detail| detail.value()).expect("an address").to_owned()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

async fn bridge_with_dynamic_ports(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[])
        .port_mappings(port(8080, 0))
        .environment(KeyValuePair::builder().name("MESSAGE").value("hello from bridge").build())
        .build();
    let other = app("other", &["serve", "--port", "9090"])
        .port_mappings(PortMapping::builder().container_port(9090).build())
        .build();
    let definition =
        ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).container_definitions(other).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let bound = binding(&task, 8080);
    assert_eq!(bound.bind_ip(), Some("127.0.0.1"), "the default --publish-address");
    assert_eq!(bound.protocol(), Some(&TransportProtocol::Tcp));
    assert!(bound.host_port().is_some_and(|port| port >= 1024), "{bound:?}");
    assert!(fetch(&published(&task, 8080)).await.contains("message: hello from bridge"));
    assert_eq!(fetch(&format!("{}/healthz", published(&task, 9090))).await, "ok\n");
    // Containers in bridge mode do not share localhost.
    let elsewhere = http::get(&format!("{}/fetch?url=http://localhost:9090/healthz", published(&task, 8080)));
    assert_eq!(elsewhere.expect("an answer").status, 502);
    let stopped = ecs.stop(&task).await;
    assert!(stopped.containers().iter().all(|container| container.exit_code() == Some(0)), "{stopped:#?}");
}

async fn bridge_with_a_static_port(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let host = i32::from(free_port());
    let web = app("web", &[]).port_mappings(port(8080, host)).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    assert_eq!(binding(&task, 8080).host_port(), Some(host));
    assert_eq!(fetch(&format!("{}/healthz", published(&task, 8080))).await, "ok\n");

    // ECS knows that the port is taken, and says so before anything starts.
    let second = ecs.run_on_ec2(&cluster, &definition).send().await.expect("answered");
    assert_eq!(second.tasks(), []);
    assert_eq!(second.failures()[0].reason(), Some("RESOURCE:PORTS"));
    ecs.stop(&task).await;
    let third = ecs.run_on_ec2(&cluster, &definition).one().await;
    let third = ecs.running(&third).await;
    ecs.stop(&third).await;
}

/// The port is free as far as ECS knows, but somebody else on the machine has it.
async fn a_taken_port_is_not_placed(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let holder = std::net::TcpListener::bind("0.0.0.0:0").expect("a free port");
    let taken = i32::from(holder.local_addr().expect("an address").port());
    let web = app("web", &[]).port_mappings(port(8080, taken)).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code().map(|code| code.as_str()), Some("TaskFailedToStart"));
    assert_eq!(stopped.stopped_reason(), Some("Task failed to start"));
    let container = &stopped.containers()[0];
    assert_eq!(container.exit_code(), None);
    let reason = container.reason().expect("a reason");
    assert!(reason.starts_with("CannotStartContainerError: "), "{reason}");
    assert!(reason.contains(&taken.to_string()), "{reason}");
}

async fn awsvpc_has_an_address_and_localhost(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let web = app("web", &[]).port_mappings(PortMapping::builder().container_port(8080).build()).build();
    let side = app("side", &["serve", "--port", "9090"]).build();
    let definition = ecs.on_fargate().container_definitions(web).container_definitions(side).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let address = address(&task);
    assert!(address.starts_with("10."), "{address}");

    // From the host by the task's own address, and by a port on loopback for hosts that can't route there.
    assert_eq!(fetch(&format!("http://{address}:8080/healthz")).await, "ok\n");
    assert_eq!(fetch(&format!("{}/healthz", published(&task, 8080))).await, "ok\n");
    // Both containers share one localhost, and see the same address.
    assert_eq!(fetch(&format!("http://{address}:8080/fetch?url=http://localhost:9090/healthz")).await, "ok\n");
    assert_eq!(fetch(&format!("http://{address}:9090/fetch?url=http://localhost:8080/healthz")).await, "ok\n");

    let containers: BTreeMap<String, String> =
        docker::containers_of(task.task_arn().expect("an ARN")).into_iter().collect();
    let names: Vec<&str> = containers.keys().map(String::as_str).collect();
    assert_eq!(names, ["side", "web", "~internal~ecs~pause"]);
    let pause = &containers["~internal~ecs~pause"];
    let mode = docker::inspect(&containers["web"])["HostConfig"]["NetworkMode"].clone();
    assert_eq!(mode, format!("container:{pause}"));
    let web = task.containers().iter().find(|container| container.name() == Some("web")).expect("web");
    assert!(web.runtime_id().is_some(), "{web:?}");

    ecs.stop(&task).await;
    compat_tests::wait_until("the containers to be removed", Duration::from_secs(20), || async {
        docker::containers_of(task.task_arn().expect("an ARN")).is_empty()
    })
    .await;
}

async fn tasks_in_awsvpc_reach_each_other(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let one = ecs.run_on_fargate(&cluster, &definition).one().await;
    let two = ecs
        .run_on_fargate(&cluster, &definition)
        .network_configuration(compat_tests::awsvpc(&["subnet-elsewhere", "subnet-0a"]))
        .one()
        .await;
    let (one, two) = (ecs.running(&one).await, ecs.running(&two).await);
    let url = format!("http://{}:8080/fetch?url=http://{}:8080/healthz", address(&one), address(&two));
    assert_eq!(fetch(&url).await, "ok\n");
    ecs.stop(&one).await;
    ecs.stop(&two).await;
}

async fn host_mode_is_the_host(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let port_number = free_port();
    let port_text = port_number.to_string();
    let web = app("web", &["serve", "--port", &port_text])
        .port_mappings(PortMapping::builder().container_port(i32::from(port_number)).build())
        .build();
    let definition = ecs.on_ec2(NetworkMode::Host).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    assert_eq!(binding(&task, i32::from(port_number)).host_port(), Some(i32::from(port_number)));
    assert_eq!(fetch(&format!("http://127.0.0.1:{port_number}/healthz")).await, "ok\n");
    ecs.stop(&task).await;
}

async fn none_has_no_network(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let (_, id) = docker::containers_of(task.task_arn().expect("an ARN")).remove(0);
    assert_eq!(docker::inspect(&id)["HostConfig"]["NetworkMode"], "none");
    assert_eq!(task.containers()[0].network_bindings(), []);
    ecs.stop(&task).await;
}

async fn environment_and_overrides_reach_the_process(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let pair = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
    let web = app("web", &["exit", "9"])
        .port_mappings(port(8080, 0))
        .environment(pair("KEPT", "definition"))
        .environment(pair("CHANGED", "definition"))
        .user("1234:5678")
        .build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let container = ContainerOverride::builder()
        .name("web")
        .command("serve")
        .environment(pair("CHANGED", "override"))
        .environment(pair("ADDED", "override"));
    let overrides = TaskOverride::builder().container_overrides(container.build()).build();
    let task = ecs.run_on_ec2(&cluster, &definition).overrides(overrides).one().await;
    let task = ecs.running(&task).await;
    let environment = fetch(&format!("{}/env", published(&task, 8080))).await;
    for line in ["KEPT=definition", "CHANGED=override", "ADDED=override", "AWS_REGION=us-east-1"] {
        assert!(environment.lines().any(|known| known == line), "{line} in\n{environment}");
    }
    let id = fetch(&format!("{}/id", published(&task, 8080))).await;
    assert!(id.contains("1234") && id.contains("5678"), "{id}");
    ecs.stop(&task).await;
}

async fn containers_are_labelled_and_limited(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[]).cpu(256).memory(96).memory_reservation(64).docker_labels("team", "payments").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let (name, id) = docker::containers_of(task.task_arn().expect("an ARN")).remove(0);
    assert_eq!(name, "web");
    assert_eq!(task.containers()[0].runtime_id(), Some(id.as_str()));
    let inspected = docker::inspect(&id);
    let labels = &inspected["Config"]["Labels"];
    let family = definition.rsplit('/').next().and_then(|name| name.split(':').next()).expect("a family");
    assert_eq!(labels["team"], "payments");
    assert_eq!(labels["com.amazonaws.ecs.cluster"], cluster.as_str());
    assert_eq!(labels["com.amazonaws.ecs.task-definition-family"], family);
    assert_eq!(labels["com.amazonaws.ecs.task-definition-version"], "1");
    assert!(labels["localecs.store"].is_string());
    let limits = &inspected["HostConfig"];
    assert_eq!(limits["CpuShares"], 256);
    assert_eq!(limits["Memory"], 96 << 20);
    assert_eq!(limits["MemoryReservation"], 64 << 20);
    let container_name = inspected["Name"].as_str().expect("a name");
    assert!(container_name.starts_with(&format!("/ecs-{family}-1-web-")), "{container_name}");
    ecs.stop(&task).await;

    // On Fargate the task's size is a hard limit, whatever its containers say.
    let definition =
        ecs.on_fargate().container_definitions(app("web", &[]).set_memory(None).build()).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let containers: BTreeMap<String, String> =
        docker::containers_of(task.task_arn().expect("an ARN")).into_iter().collect();
    let limits = docker::inspect(&containers["web"])["HostConfig"].clone();
    assert_eq!((&limits["CpuQuota"], &limits["CpuPeriod"]), (&25_000.into(), &100_000.into()));
    assert_eq!(limits["Memory"], 512 << 20);
    ecs.stop(&task).await;
}
