//! Virtual container instances: `localecs instances`, the configuration file, and tasks placed on them.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::{
    ContainerInstance, ContainerInstanceStatus, DesiredStatus, LaunchType, NetworkMode, PlacementStrategy,
    PlacementStrategyType, PortMapping, Task, TaskStopCode,
};
use compat_tests::{
    Ecs, Registers, Runs, Runtime, Server, Store, app, docker, http, program, wait_until, wait_until_some,
};
use serde_json::{Value, json};

on_both!(tasks_when_instances_fail);

on_docker!(placed_over_three_zones, each_instance_has_its_host_ports, draining_moves_a_service);

const PATIENCE: Duration = Duration::from_secs(60);

/// Adds `count` instances of a type, one in each zone in turn; their ARNs, in the order of the zones.
fn add(ecs: &Ecs, cluster: &str, kind: &str, count: usize) -> Vec<String> {
    let wanted =
        json!({ "account": ecs.account, "region": ecs.region, "cluster": cluster, "type": kind, "count": count });
    let url = format!("{}/_localecs/instances", ecs.endpoint);
    let answer = http::request("POST", &url, &[], wanted.to_string().as_bytes(), http::PATIENCE).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Value = answer.json();
    let added = answer["instances"].as_array().expect("instances").iter();
    added.map(|it| it["containerInstanceArn"].as_str().expect("an ARN").to_owned()).collect()
}

fn strategy(kind: PlacementStrategyType, field: &str) -> PlacementStrategy {
    PlacementStrategy::builder().r#type(kind).field(field).build()
}

/// The tasks as DescribeTasks shows them.
async fn tasks(ecs: &Ecs, cluster: &str, tasks: &[Task]) -> Vec<Task> {
    let arns = tasks.iter().filter_map(|task| task.task_arn().map(str::to_owned)).collect();
    let answer = ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await.expect("described");
    answer.tasks.unwrap_or_default()
}

/// How many tasks there are for each value.
fn counts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value.expect("a value")).or_default() += 1);
    counts
}

async fn placed_over_three_zones(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instances = add(&ecs, &cluster, "m5.large", 3);
    let sleeper = app("a", &["sleep", "600"]).build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(sleeper).registered().await;

    let spread = strategy(PlacementStrategyType::Spread, "attribute:ecs.availability-zone");
    let spread = ecs.run_on_ec2(&cluster, &definition).count(3).placement_strategy(spread).send().await.expect("run");
    let shown = tasks(&ecs, &cluster, spread.tasks()).await;
    let zones = counts(shown.iter().map(|task| task.availability_zone()));
    assert_eq!(zones, BTreeMap::from([("us-east-1a", 1), ("us-east-1b", 1), ("us-east-1c", 1)]));

    // The rest goes where the least memory is left, until there is no more room, and then to the next.
    let large = app("b", &["sleep", "600"]).memory(3700).build();
    let large = ecs.on_ec2(NetworkMode::None).container_definitions(large).registered().await;
    let pack = || strategy(PlacementStrategyType::Binpack, "memory");
    let packed = ecs.run_on_ec2(&cluster, &large).count(3).placement_strategy(pack()).send().await.expect("run");
    let shown = tasks(&ecs, &cluster, packed.tasks()).await;
    let places = counts(shown.iter().map(|task| task.container_instance_arn()));
    assert_eq!(places.values().copied().collect::<Vec<_>>().len(), 2, "{places:?}");
    assert!(places.values().any(|count| *count == 2) && places.keys().all(|arn| instances.iter().any(|it| it == arn)));

    let all: Vec<Task> = spread.tasks().iter().chain(packed.tasks()).cloned().collect();
    for task in &all {
        ecs.running(task).await;
    }
    let counts = described(&ecs, &cluster).await;
    assert_eq!(counts.iter().map(ContainerInstance::running_tasks_count).sum::<i32>(), 6);
    for task in &all {
        ecs.stop_task().cluster(&cluster).task(task.task_arn().expect("an ARN")).send().await.expect("stops");
    }
    for task in &all {
        ecs.stopped(task).await;
    }
    let idle = described(&ecs, &cluster).await;
    assert!(idle.iter().all(|it| it.remaining_resources() == it.registered_resources()), "all was given back");
}

async fn each_instance_has_its_host_ports(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    add(&ecs, &cluster, "t3.small", 3);
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let mapping = PortMapping::builder().container_port(8080).host_port(free.into()).build();
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(app("web", &[]).port_mappings(mapping).build())
        .registered()
        .await;
    let run = ecs.run_on_ec2(&cluster, &definition).count(4).send().await.expect("run");
    assert_eq!(run.tasks().len(), 3, "{run:?}");
    let reasons: Vec<_> = run.failures().iter().filter_map(|failure| failure.reason()).collect();
    assert_eq!(reasons, ["RESOURCE:PORTS"; 3]);
    let mut addresses = Vec::new();
    for task in run.tasks() {
        let task = ecs.running(task).await;
        let binding = task.containers()[0].network_bindings()[0].clone();
        assert_eq!(binding.host_port(), Some(free.into()));
        let address = binding.bind_ip().expect("an address").to_owned();
        let page = format!("http://{address}:{free}/healthz");
        let text = wait_until_some(&page, Duration::from_secs(10), || async {
            http::get(&page).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
        });
        assert_eq!(text.await, "ok\n");
        addresses.push(address);
    }
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    for task in run.tasks() {
        ecs.stop(task).await;
    }
}

async fn draining_moves_a_service(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instances = add(&ecs, &cluster, "m5.large", 2);
    let definition =
        ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &["sleep", "600"]).build()).registered().await;
    let service = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    service.desired_count(2).launch_type(LaunchType::Ec2).send().await.expect("a service");
    let alone = ecs.start_task().cluster(&cluster).task_definition(&definition).container_instances(&instances[0]);
    let alone = alone.send().await.expect("started").tasks()[0].clone();
    let of_service = || async {
        let listed = ecs.list_tasks().cluster(&cluster).service_name("web").desired_status(DesiredStatus::Running);
        let arns = listed.send().await.expect("listed").task_arns.unwrap_or_default();
        let arns: Vec<Task> = arns.into_iter().map(|arn| Task::builder().task_arn(arn).build()).collect();
        if arns.is_empty() { Vec::new() } else { tasks(&ecs, &cluster, &arns).await }
    };
    let steady = |on: usize| {
        let of_service = &of_service;
        async move {
            let tasks = of_service().await;
            let running = tasks.iter().filter(|task| task.last_status() == Some("RUNNING")).count();
            let places = counts(tasks.iter().map(|task| task.container_instance_arn())).len();
            (running == 2 && tasks.len() == 2 && places == on).then_some(tasks)
        }
    };
    let before = wait_until_some("a task on each instance", PATIENCE, || steady(2)).await;
    ecs.running(&alone).await;

    let state = ecs.update_container_instances_state().cluster(&cluster).container_instances(&instances[0]);
    let answer = state.clone().status(ContainerInstanceStatus::Draining).send().await.expect("draining");
    assert_eq!(answer.container_instances()[0].status(), Some("DRAINING"));
    let after = wait_until_some("both tasks on the other instance", PATIENCE, || steady(1)).await;
    assert!(after.iter().all(|task| task.container_instance_arn() == Some(&instances[1])));
    // Nobody went before the replacement ran.
    let moved = before.iter().find(|task| task.container_instance_arn() == Some(&instances[0])).expect("one of them");
    let moved = ecs.stopped(moved).await;
    let new = after.iter().filter(|task| before.iter().all(|old| old.task_arn() != task.task_arn()));
    let started = new.filter_map(|task| task.started_at()).next().expect("a replacement");
    let stopping = moved.stopping_at().expect("a time");
    assert!(started.as_nanos() <= stopping.as_nanos(), "{started:?} {stopping:?}");
    assert!(moved.stopped_reason().is_some_and(|it| it.starts_with("Scaling activity initiated by")), "{moved:?}");

    // The standalone task stays, and no other is placed there.
    assert_eq!(ecs.task(&alone).await.last_status(), Some("RUNNING"));
    let refused = ecs.start_task().cluster(&cluster).task_definition(&definition).container_instances(&instances[0]);
    assert_eq!(refused.send().await.expect("answered").failures().len(), 1);
    state.status(ContainerInstanceStatus::Active).send().await.expect("active");
    let again = ecs.start_task().cluster(&cluster).task_definition(&definition).container_instances(&instances[0]);
    let again = again.send().await.expect("started").tasks()[0].clone();

    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("deleted");
    ecs.stop(&alone).await;
    ecs.stop(&again).await;
    wait_until("the service's tasks to end", PATIENCE, || async { of_service().await.is_empty() }).await;
    for task in &after {
        ecs.stopped(task).await;
    }
}

/// Runs `localecs instances` against the server; its standard output, or its standard error.
fn localecs(endpoint: &str, account: &str, arguments: &[&str]) -> Result<String, String> {
    let port = endpoint.rsplit(':').next().expect("a port");
    let mut command = Command::new(program());
    command.arg("instances").args(arguments).args(["--port", port, "--account", account]);
    let output = command.output().expect("localecs runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// The cluster's ACTIVE instances, described.
async fn described(ecs: &Ecs, cluster: &str) -> Vec<ContainerInstance> {
    let active = ecs.list_container_instances().cluster(cluster).status(ContainerInstanceStatus::Active);
    let arns = active.send().await.expect("listed").container_instance_arns.unwrap_or_default();
    if arns.is_empty() {
        return Vec::new();
    }
    let described = ecs.describe_container_instances().cluster(cluster).set_container_instances(Some(arns));
    described.send().await.expect("described").container_instances.unwrap_or_default()
}

fn attribute<'a>(instance: &'a ContainerInstance, name: &str) -> Option<&'a str> {
    instance.attributes().iter().find(|known| known.name() == name)?.value()
}

fn inject(ecs: &Ecs, fault: &str, instance: &str) {
    let body = json!({ "fault": fault, "instance": instance }).to_string();
    let url = format!("{}/_localecs/faults", ecs.endpoint);
    let answer = http::request("POST", &url, &[], body.as_bytes(), http::PATIENCE).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn tasks_when_instances_fail(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instances = add(&ecs, &cluster, "m5.large", 2);
    let sleeper = app("web", &["sleep", "600"]).stop_timeout(2).build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(sleeper).registered().await;
    let service = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    service.desired_count(2).launch_type(LaunchType::Ec2).send().await.expect("a service");
    let start = || ecs.start_task().cluster(&cluster).task_definition(&definition).container_instances(&instances[0]);
    let alone = start().send().await.expect("started").tasks()[0].clone();
    let running = |on: &[&str]| {
        let (ecs, cluster, on) = (&ecs, &cluster, on.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        async move {
            wait_until_some("the service's tasks", PATIENCE, || async {
                let listed =
                    ecs.list_tasks().cluster(cluster).service_name("web").desired_status(DesiredStatus::Running);
                let arns = listed.send().await.expect("listed").task_arns.unwrap_or_default();
                let arns: Vec<Task> = arns.into_iter().map(|arn| Task::builder().task_arn(arn).build()).collect();
                let found = if arns.is_empty() { Vec::new() } else { tasks(ecs, cluster, &arns).await };
                let mut places: Vec<_> = found.iter().filter_map(|task| task.container_instance_arn()).collect();
                places.sort_unstable();
                let mut wanted: Vec<_> = on.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                let all_run = found.iter().all(|task| task.last_status() == Some("RUNNING"));
                (all_run && places == wanted).then_some(found)
            })
            .await
        }
    };
    let (first, second) = (instances[0].as_str(), instances[1].as_str());
    let before = running(&[first, second]).await;
    ecs.running(&alone).await;

    // Without its agent nothing goes there, and what is there stays.
    inject(&ecs, "agentDisconnected", first);
    let ids = described(&ecs, &cluster).await;
    assert_eq!(ids.iter().filter(|it| it.agent_connected()).count(), 1);
    let refused = start().send().await.expect("answered");
    assert_eq!(refused.failures()[0].reason(), Some("AGENT"));
    let stop = ecs.stop_task().cluster(&cluster).task(alone.task_arn().expect("an ARN")).send().await.expect("asked");
    assert_eq!(stop.task().and_then(|task| task.desired_status()), Some("STOPPED"));
    let beside = ecs.run_on_ec2(&cluster, &definition).one().await;
    assert_eq!(beside.container_instance_arn(), Some(second));
    ecs.running(&beside).await;
    assert_eq!(ecs.task(&alone).await.last_status(), Some("RUNNING"), "nobody could tell it to stop");
    assert_eq!(running(&[first, second]).await.len(), before.len());
    inject(&ecs, "agentConnected", first);
    ecs.stopped(&alone).await;

    inject(&ecs, "instanceTerminated", first);
    let lost = before.iter().find(|task| task.container_instance_arn() == Some(first)).expect("one of them");
    let lost = ecs.stopped(lost).await;
    let id = ids.iter().find(|it| it.container_instance_arn() == Some(first)).and_then(|it| it.ec2_instance_id());
    let reason = format!("Host EC2 (instance {}) terminated.", id.expect("an id"));
    assert_eq!(lost.stopped_reason(), Some(reason.as_str()));
    assert_eq!(lost.stop_code(), Some(&TaskStopCode::TerminationNotice));
    let after = running(&[second, second]).await;
    assert_eq!(described(&ecs, &cluster).await.len(), 1);

    inject(&ecs, "instanceStopped", second);
    for task in after.iter().chain([&beside]) {
        let stopped = ecs.stopped(task).await;
        assert!(stopped.stopped_reason().is_some_and(|it| it.ends_with(") stopped.")), "{stopped:?}");
    }
    inject(&ecs, "instanceStarted", second);
    let again = running(&[second, second]).await;
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("deleted");
    for task in &again {
        ecs.stopped(task).await;
    }
}

#[tokio::test]
async fn they_are_added_and_outlive_a_crash() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let server = Server::start_on(store.clone(), Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let (endpoint, account) = (server.endpoint().to_owned(), ecs.account.clone());
    let add =
        |arguments: &[&str]| localecs(&endpoint, &account, &[&["add", "--cluster", &cluster], arguments].concat());
    let table = add(&["--type", "m5.large", "--count", "3", "--attribute", "stack=blue"]).expect("added");
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.contains("m5.large") && table.contains("us-east-1c") && table.contains("0/7679"), "{table}");

    let instances = described(&ecs, &cluster).await;
    let mut zones: Vec<_> = instances.iter().filter_map(|it| attribute(it, "ecs.availability-zone")).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert!(instances.iter().all(|it| attribute(it, "stack") == Some("blue") && it.agent_connected()));
    let cpu = instances[0].registered_resources().iter().find(|known| known.name() == Some("CPU"));
    assert_eq!(cpu.map(|cpu| cpu.integer_value()), Some(2048));

    let refused = add(&["--type", "m5.huge"]).expect_err("no such type");
    assert!(refused.contains("there is no instance type m5.huge; there are m5."), "{refused}");
    let refused = add(&["--type", "m5.large", "--zone", "mars-1a"]).expect_err("no such zone");
    assert!(refused.contains("there is no zone mars-1a in us-east-1; it has us-east-1a"), "{refused}");
    let nowhere = localecs(&endpoint, &account, &["add", "--cluster", "none", "--type", "m5.large"]);
    assert!(nowhere.expect_err("no such cluster").contains("there is no cluster none in account"));

    server.kill();
    let server = Server::start_on(store, Runtime::Simulated, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let mut again = described(&ecs, &cluster).await;
    assert_eq!(again, instances, "as they were");
    let first = again.swap_remove(0);
    let id = first.ec2_instance_id().expect("an id");
    let removed = localecs(server.endpoint(), &account, &["remove", id]).expect("removed");
    assert_eq!(removed, format!("{id} is terminated\n"));
    let listed = localecs(server.endpoint(), &account, &["list", "--cluster", &cluster]).expect("listed");
    assert!(listed.lines().count() == 3 && !listed.contains(id), "{listed}");
    localecs(server.endpoint(), &account, &["remove", "--all-of", &cluster]).expect("removed");
    assert_eq!(described(&ecs, &cluster).await, []);
    server.stop();
}

#[tokio::test]
async fn a_file_says_which_there_are() {
    needs_own_server!();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("localecs.toml");
    let path = file.to_str().expect("a path");
    let store = Arc::new(Store::in_folder());
    let count = |server: &Server| {
        let listed = http::get(&format!("{}/_localecs/instances?cluster=dev", server.endpoint())).expect("an answer");
        listed.json()["instances"].as_array().expect("instances").len()
    };
    for (text, expected) in [
        ("[[instances]]\ncluster = 'dev'\ntype = 't3.small'\ncount = 2", 2),
        ("[[instances]]\ncluster = 'dev'\ntype = 't3.small'\ncount = 3", 3),
        ("", 0),
    ] {
        std::fs::write(&file, text).expect("written");
        let server = Server::start_on(store.clone(), Runtime::Simulated, &["--config", path]);
        assert_eq!(count(&server), expected, "{text}");
        server.stop();
    }
    std::fs::write(&file, "[[instances]]\ntype = 't3.small'\nzone = 'us-east-1a'").expect("written");
    let refused = Command::new(program()).args(["serve", "--ephemeral", "--port", "0", "--config", path]).output();
    let error = String::from_utf8_lossy(&refused.expect("it ends").stderr).into_owned();
    assert!(error.contains("localecs.toml") && error.contains("unknown field `zone`"), "{error}");
}

#[tokio::test]
async fn they_are_made_as_needed() {
    needs_own_server!();
    for runtime in [Runtime::Simulated, Runtime::Docker] {
        made_as_needed(&Server::start(runtime, &["--auto-instances"])).await;
    }
}

async fn made_as_needed(server: &Server) {
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let web = |memory| app("web", &["sleep", "600"]).memory(memory).build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(web(3000)).registered().await;
    // Two fit on an m5.large.
    let run = ecs.run_on_ec2(&cluster, &definition).count(3).send().await.expect("run");
    assert_eq!((run.tasks().len(), run.failures()), (3, &[][..]));
    for task in run.tasks() {
        let task = ecs.running(task).await;
        if ecs.runtime == Runtime::Docker {
            assert_eq!(docker::containers_of(task.task_arn().expect("an ARN")).len(), 1);
        }
    }
    let made = described(&ecs, &cluster).await;
    assert!(
        made.len() == 2 && made.iter().all(|it| attribute(it, "ecs.instance-type") == Some("m5.large")),
        "{made:?}"
    );
    // A service's tasks spread over what there is, and what is made.
    let large = ecs.on_ec2(NetworkMode::None).container_definitions(web(10_000)).registered().await;
    let service = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&large).desired_count(2);
    service.launch_type(LaunchType::Ec2).send().await.expect("a service");
    wait_until("both of its tasks", PATIENCE, || async {
        let shown = ecs.describe_services().cluster(&cluster).services("web").send().await.expect("described");
        shown.services()[0].running_count() == 2
    })
    .await;
    let made = described(&ecs, &cluster).await;
    let types = counts(made.iter().map(|it| attribute(it, "ecs.instance-type")));
    assert_eq!(types, BTreeMap::from([("m5.large", 2), ("m5.xlarge", 2)]));
    let zones = counts(made.iter().map(|it| attribute(it, "ecs.availability-zone")));
    assert_eq!(zones.len(), 3, "{zones:?}");
}
