//! What a container finds inside: metadata, credentials of its role, the AWS API. All by programs in containers whose
//! images hold nothing else.

use std::path::Path;
use std::time::Duration;

use aws_sdk_ecs::types::{NetworkMode, Tag, Task};
use compat_tests::{Ecs, Registers, Runs, Runtime, Server, Store, app, docker, http, wait_until_some};
use serde_json::{Value, json};

use crate::packed::Packed;

on_docker!(
    every_network_mode_sees_its_metadata,
    metadata_is_there_before_the_first_instruction,
    statistics_are_live,
    the_sdk_finds_the_tasks_role,
    protection_is_refused_as_by_the_agent,
);

const METADATA: &str = "$ECS_CONTAINER_METADATA_URI_V4";
const CREDENTIALS: &str = "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";

fn role(ecs: &Ecs, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", ecs.account)
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port().to_string()
}

/// The engine's id of the task's container of that name.
fn container(task: &Task, name: &str) -> String {
    let all = docker::containers_of(task.task_arn().expect("an ARN"));
    all.into_iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no container {name}")).1
}

/// What a program in the container gets from there, or which status.
pub(crate) fn get_inside(task: &Task, url: &str) -> Result<String, String> {
    docker::try_run(&["exec", &container(task, "web"), "/sample-app", "get", url])
}

pub(crate) fn json_inside(task: &Task, url: &str) -> Value {
    let text = get_inside(task, url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{url}: {text}"))
}

/// A variable of the container's environment.
pub(crate) fn variable(task: &Task, name: &str) -> Option<String> {
    let inspected = docker::inspect(&container(task, "web"));
    let all = inspected["Config"]["Env"].as_array().expect("an environment");
    all.iter().filter_map(|pair| pair.as_str()?.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned).next()
}

async fn every_network_mode_sees_its_metadata(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = |command: &[&str]| app("web", command).build();
    let bridge = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web(&["serve"])).registered().await;
    let port = free_port();
    let host = ecs.on_ec2(NetworkMode::Host).container_definitions(web(&["serve", "--port", &port])).registered().await;
    let own = ecs.on_fargate().container_definitions(web(&["serve"])).registered().await;
    let tag = || Tag::builder().key("team").value("blue").build();
    let tasks = [
        (ecs.run_on_ec2(&cluster, &bridge).tags(tag()).one().await, "bridge", "EC2"),
        (ecs.run_on_ec2(&cluster, &host).tags(tag()).one().await, "host", "EC2"),
        (ecs.run_on_fargate(&cluster, &own).tags(tag()).one().await, "awsvpc", "FARGATE"),
    ];
    for (task, mode, launch_type) in &tasks {
        let task = &ecs.running(task).await;
        let shown = json_inside(task, &format!("{METADATA}/task"));
        assert_eq!(shown["TaskARN"].as_str(), task.task_arn(), "{shown}");
        assert_eq!(shown["LaunchType"], *launch_type, "{shown}");
        assert_eq!(shown["KnownStatus"], "RUNNING", "{shown}");
        assert!(shown.get("TaskTags").is_none(), "{shown}");
        let tagged = json_inside(task, &format!("{METADATA}/taskWithTags"));
        assert_eq!(tagged["TaskTags"]["team"], "blue");
        let own = json_inside(task, METADATA);
        assert_eq!(own["Name"], "web", "{own}");
        assert_eq!(own["ContainerARN"].as_str(), task.containers()[0].container_arn(), "{own}");
        assert_eq!(own["Networks"][0]["NetworkMode"], *mode, "{own}");
        assert_eq!(json_inside(task, "$ECS_CONTAINER_METADATA_URI/task")["TaskARN"].as_str(), task.task_arn());
        let nobody = get_inside(task, "http://169.254.170.2/v4/nobody").expect_err("there is none");
        assert!(nobody.contains("404"), "{nobody}");
        assert_eq!(variable(task, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), None, "it has no role");
    }
    // Version 2 knows tasks by their addresses.
    let fargate = &tasks[2].0;
    assert_eq!(json_inside(fargate, "http://169.254.170.2/v2/metadata")["TaskARN"].as_str(), fargate.task_arn());
    assert!(get_inside(&tasks[0].0, "http://169.254.170.2/v2/metadata").is_err());
}

async fn metadata_is_there_before_the_first_instruction(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let job = || app("job", &["get", "$ECS_CONTAINER_METADATA_URI_V4/task"]).build();
    let bridge = ecs.on_ec2(NetworkMode::Bridge).container_definitions(job()).registered().await;
    let own = ecs.on_fargate().container_definitions(job()).registered().await;
    for task in [ecs.run_on_ec2(&cluster, &bridge).one().await, ecs.run_on_fargate(&cluster, &own).one().await] {
        assert_eq!(ecs.stopped(&task).await.containers()[0].exit_code(), Some(0));
    }
}

async fn statistics_are_live(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &["serve"]).build()).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let stats = wait_until_some("the network's speed", Duration::from_secs(20), || async {
        let stats = json_inside(&task, &format!("{METADATA}/stats"));
        stats["network_rate_stats"]["rx_bytes_per_sec"].is_number().then_some(stats)
    })
    .await;
    assert!(stats["memory_stats"]["usage"].as_u64() > Some(0), "{stats}");
    assert!(stats["networks"].is_object(), "{stats}");
    let all = json_inside(&task, &format!("{METADATA}/task/stats"));
    let runtime_id = task.containers()[0].runtime_id().expect("a runtime id");
    assert!(all[runtime_id]["cpu_stats"].is_object(), "{all}");
}

/// The lines that the app prints once it knows.
async fn told(task: &Task) -> Vec<(String, String)> {
    let id = container(task, "web");
    let log = wait_until_some("what the app says", Duration::from_secs(30), || async {
        docker::try_run(&["logs", &id]).ok().filter(|log| log.lines().any(|line| line == "done"))
    });
    let log = log.await;
    log.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn the_sdk_finds_the_tasks_role(ecs: Ecs) {
    let packed = Packed::of(Path::new(env!("CARGO_BIN_EXE_sdk-inside")), "sdk-inside", "");
    let cluster = ecs.cluster_with_instance().await;
    let sdk = || app("web", &[]).image(&packed.image).set_command(None).build();
    let bridge = ecs.on_ec2(NetworkMode::Bridge).task_role_arn(role(&ecs, "front")).container_definitions(sdk());
    let own = ecs.on_fargate().task_role_arn(role(&ecs, "back")).container_definitions(sdk());
    let (bridge, own) = (bridge.registered().await, own.registered().await);
    let front = ecs.run_on_ec2(&cluster, &bridge).one().await;
    let back = ecs.run_on_fargate(&cluster, &own).one().await;
    for (task, role) in [(&front, "front"), (&back, "back")] {
        let task = ecs.running(task).await;
        let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).expect("an ARN");
        let told = told(&task).await;
        let arn = format!("arn:aws:sts::{}:assumed-role/{role}/{id}", ecs.account);
        assert!(told.contains(&("arn".to_owned(), arn)), "{told:?}");
        assert!(told.iter().any(|(name, value)| name == "clusters" && value.contains(&cluster)), "{told:?}");
    }
    // They end with the task; another's go on.
    let helper = ecs.on_fargate().task_role_arn(role(&ecs, "helper"));
    let helper = helper.container_definitions(app("web", &["serve"]).build()).registered().await;
    let helper = ecs.run_on_fargate(&cluster, &helper).one().await;
    let helper = ecs.running(&helper).await;
    let path = variable(&front, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").expect("it has a role");
    let url = format!("http://169.254.170.2{path}");
    let credentials = json_inside(&helper, &url);
    assert_eq!(credentials["RoleArn"], role(&ecs, "front"), "the members of the answer");
    for member in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
        assert!(credentials[member].is_string(), "{member}");
    }
    ecs.stop(&front).await;
    let gone = get_inside(&helper, &url).expect_err("the task has stopped");
    assert!(gone.contains("400"), "{gone}");
    assert_eq!(json_inside(&helper, CREDENTIALS)["RoleArn"], role(&ecs, "helper"));
}

async fn protection_is_refused_as_by_the_agent(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().task_role_arn(role(&ecs, "web"));
    let definition = definition.container_definitions(app("web", &["serve"]).build()).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let state = json_inside(&task, "$ECS_AGENT_URI/task-protection/v1/state");
    assert_eq!(state["failure"]["Reason"], "TASK_NOT_VALID", "{state}");
    assert_eq!(state["failure"]["Arn"].as_str(), task.task_arn(), "{state}");
}

#[tokio::test]
async fn credentials_are_renewed_before_they_end() {
    needs_own_server!();
    let server = Server::start(Runtime::Docker, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::Bridge).task_role_arn(role(&ecs, "web"));
    let definition = definition.container_definitions(app("web", &["serve"]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let first = json_inside(&task, CREDENTIALS);
    assert_eq!(json_inside(&task, CREDENTIALS)["AccessKeyId"], first["AccessKeyId"], "the same for hours");
    let body = json!({ "advanceSeconds": 5 * 3600 + 60 }).to_string();
    let moved = http::request(
        "POST",
        &format!("{}/_localecs/clock", server.endpoint()),
        &[],
        body.as_bytes(),
        Duration::from_secs(5),
    );
    assert_eq!(moved.expect("the clock").status, 200);
    let second = json_inside(&task, CREDENTIALS);
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert!(second["Expiration"].as_str() > first["Expiration"].as_str(), "{:?}", second["Expiration"]);
    server.stop();
}

#[tokio::test]
async fn several_servers_share_the_address_and_survive_one_another() {
    needs_own_server!();
    let mut running = Vec::new();
    for _ in 0..2 {
        let server = Server::start_on(Store::in_folder().into(), Runtime::Docker, &["--stop-tasks-on-exit"]);
        let ecs = server.ecs();
        let cluster = ecs.cluster().await;
        let definition = ecs.on_fargate().container_definitions(app("web", &["serve"]).build()).registered().await;
        let task = ecs.run_on_fargate(&cluster, &definition).one().await;
        let task = ecs.running(&task).await;
        running.push((server, task));
    }
    for (_, task) in &running {
        let shown = json_inside(task, &format!("{METADATA}/task"));
        assert_eq!(shown["TaskARN"].as_str(), task.task_arn());
    }
    // Whichever of them had the front door: the other has it, or joins whoever has.
    let (first, _) = running.remove(0);
    first.kill();
    let (second, task) = running.remove(0);
    let shown = wait_until_some("the metadata again", Duration::from_secs(10), || async {
        get_inside(&task, &format!("{METADATA}/task")).ok()
    });
    assert!(shown.await.contains(task.task_arn().expect("an ARN")));
    second.stop();
}
