//! A rolling update under clients that connect all the time: no request of theirs fails.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentRolloutState, HealthCheck, HealthStatus, KeyValuePair, LaunchType, PortMapping,
    Task,
};
use compat_tests::{Ecs, Registers, app, awsvpc, http, wait_until_some};

on_docker!(no_request_fails_during_a_rolling_update);

const PATIENCE: Duration = Duration::from_secs(120);

/// What clients know of the service, as somebody who asks DescribeTasks again and again would tell them, and what
/// became of their requests.
#[derive(Default)]
struct Shared {
    /// `http://127.0.0.1:49153` of each task that may be used.
    endpoints: Mutex<Vec<String>>,
    /// How many requests each version answered.
    answers: Mutex<BTreeMap<String, usize>>,
    failures: Mutex<Vec<String>>,
    over: AtomicBool,
}

/// A web server that tells its version and is deaf to SIGTERM: a program that serves on until its `stopTimeout` is over,
/// because clients know of it for a while.
async fn web(ecs: &Ecs, family: &str, version: &str) -> String {
    let check = ["CMD", "/sample-app", "get", "http://localhost:8080/healthz"].map(str::to_owned).to_vec();
    let check = HealthCheck::builder().set_command(Some(check)).interval(5).timeout(5).retries(3).build();
    let container = app("web", &["ignore-term", "600"])
        .port_mappings(PortMapping::builder().container_port(8080).build())
        .environment(KeyValuePair::builder().name("VERSION").value(version).build())
        .health_check(check.expect("a command is given"))
        .stop_timeout(10);
    ecs.on_fargate().family(family).container_definitions(container.build()).registered().await
}

/// Where a task is reached that runs, is healthy and is not to stop.
fn endpoint(task: &Task) -> Option<String> {
    let serves = task.last_status() == Some("RUNNING")
        && task.desired_status() == Some("RUNNING")
        && task.health_status() == Some(&HealthStatus::Healthy);
    let port = task.containers().first()?.network_bindings().first()?.host_port()?;
    serves.then(|| format!("http://127.0.0.1:{port}"))
}

async fn tasks(ecs: &Ecs, cluster: &str) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster(cluster).service_name("web").send().await.expect("ListTasks");
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let answer = ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns).send().await;
    answer.expect("DescribeTasks").tasks.unwrap_or_default()
}

/// One connection after the other, to one task after the other.
fn client(shared: Arc<Shared>, mut turn: usize) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !shared.over.load(Ordering::Relaxed) {
            let endpoints = shared.endpoints.lock().expect("no panic").clone();
            turn += 1;
            let Some(endpoint) = endpoints.get(turn % endpoints.len().max(1)) else { continue };
            match http::request("GET", &format!("{endpoint}/env"), &[], b"", PATIENCE) {
                Ok(answer) if answer.status == 200 => {
                    let text = answer.text();
                    let version = text.lines().find_map(|line| line.strip_prefix("VERSION=")).unwrap_or("none");
                    *shared.answers.lock().expect("no panic").entry(version.to_owned()).or_default() += 1;
                }
                Ok(answer) => shared.failures.lock().expect("no panic").push(format!("{endpoint}: {}", answer.status)),
                Err(error) => shared.failures.lock().expect("no panic").push(format!("{endpoint}: {error}")),
            }
            // Not to take the machine from the other tests.
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

async fn no_request_fails_during_a_rolling_update(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let family = compat_tests::random_name("family");
    let first = web(&ecs, &family, "v1").await;
    let limits = DeploymentConfiguration::builder().minimum_healthy_percent(100).maximum_percent(150).build();
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(first).desired_count(2);
    let create = create.launch_type(LaunchType::Fargate).network_configuration(awsvpc(&["subnet-0a", "subnet-0b"]));
    create.deployment_configuration(limits).send().await.expect("CreateService");
    let shared = Arc::new(Shared::default());
    let look = || async {
        let tasks = tasks(&ecs, &cluster).await;
        let wanted = tasks.iter().filter(|task| task.desired_status() == Some("RUNNING")).count();
        let endpoints: Vec<String> = tasks.iter().filter_map(endpoint).collect();
        let serving = endpoints.len();
        *shared.endpoints.lock().expect("no panic") = endpoints;
        (serving, wanted)
    };
    wait_until_some("two healthy tasks", PATIENCE, || async { (look().await.0 == 2).then_some(()) }).await;
    let clients: Vec<_> = (0..3).map(|turn| client(shared.clone(), turn)).collect();

    let second = web(&ecs, &family, "v2").await;
    let update = ecs.update_service().cluster(&cluster).service("web").task_definition(&second);
    update.send().await.expect("UpdateService");
    wait_until_some("the update", PATIENCE, || async {
        let (serving, wanted) = look().await;
        assert!(serving >= 2, "{serving} of at least 2 serve");
        assert!(wanted <= 3, "{wanted} of at most 3");
        let answer = ecs.describe_services().cluster(&cluster).services("web").send().await.expect("DescribeServices");
        let deployments = answer.services()[0].deployments();
        let done = deployments.len() == 1
            && deployments[0].task_definition() == Some(second.as_str())
            && deployments[0].rollout_state() == Some(&DeploymentRolloutState::Completed);
        done.then_some(())
    })
    .await;
    shared.over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
    assert_eq!(*shared.failures.lock().expect("no panic"), [] as [String; 0]);
    let answers = shared.answers.lock().expect("no panic").clone();
    println!("requests answered: {answers:?}");
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["v1", "v2"]);
    assert!(answers.values().all(|count| *count > 20), "{answers:?}");
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
}
