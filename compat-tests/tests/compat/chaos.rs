//! What must not happen, happens: kills in the middle of a step, and people who meddle with containers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::{NetworkMode, Task, TaskStopCode};
use compat_tests::{
    Ecs, Registers, Runs, Runtime, Server, Store, app, docker, random_account, seed, shared, wait_until,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const KILLS: usize = 5;

/// Tasks that were answered end up where they should be, each with its containers once, and nothing else is there.
#[tokio::test]
async fn kills_in_the_middle_of_steps() {
    needs_own_server!();
    let mut random = StdRng::seed_from_u64(seed("kills_in_the_middle_of_steps"));
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let mut server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let cluster = ecs.cluster_with_instance().await;
    let bridge = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    let own_address = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    drop(ecs);

    let (mut to_run, mut to_stop): (Vec<Task>, Vec<Task>) = (vec![], vec![]);
    for _ in 0..KILLS {
        let ecs = server.ecs_in(&account, "us-east-1");
        for task in to_run.split_off(to_run.len() / 2) {
            let arn = task.task_arn().expect("an ARN");
            ecs.stop_task().cluster(&cluster).task(arn).send().await.expect("StopTask");
            to_stop.push(task);
        }
        to_run.push(ecs.run_on_ec2(&cluster, &bridge).one().await);
        to_run.push(ecs.run_on_fargate(&cluster, &own_address).one().await);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..900))).await;
        server.kill();
        server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    }

    let ecs = server.ecs_in(&account, "us-east-1");
    let mut expected = 0;
    for task in &to_run {
        let running = ecs.running(task).await;
        let own_address = !running.attachments().is_empty();
        let containers = docker::containers_of(task.task_arn().expect("an ARN"));
        assert_eq!(containers.len(), if own_address { 2 } else { 1 }, "{containers:?}");
        expected += containers.len();
    }
    for task in &to_stop {
        let stopped = ecs.stopped(task).await;
        assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated), "{stopped:#?}");
    }
    let label = store.label();
    wait_until("the containers of stopped tasks to be gone", Duration::from_secs(20), || async {
        docker::containers(&label).len() == expected
    })
    .await;
    for task in &to_run {
        ecs.stop(task).await;
    }
    wait_until("all containers to be gone", Duration::from_secs(20), || async {
        docker::containers(&label).is_empty()
    })
    .await;
    server.stop();
}

#[tokio::test]
async fn one_store_has_one_server() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let server = Server::start_on(store.clone(), Runtime::Simulated, &[]);
    let second = std::process::Command::new(compat_tests::program())
        .args(["serve", "--port", "0", "--runtime", "simulated", "--data-dir"])
        .arg(store.folder().expect("a folder"))
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    let problem = String::from_utf8_lossy(&second.stderr);
    assert!(problem.contains("localecs: "), "{problem}");
    server.ecs().cluster().await;
    server.stop();
}

async fn running(ecs: &Ecs) -> (Task, BTreeMap<String, String>) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let containers = docker::containers_of(task.task_arn().expect("an ARN")).into_iter().collect();
    (task, containers)
}

#[tokio::test]
async fn a_container_killed_by_hand() {
    let ecs = shared(Runtime::Docker).ecs();
    let (task, containers) = running(&ecs).await;
    let _ = docker::run(&["kill", &containers["web"]]);
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    assert_eq!(stopped.containers()[0].exit_code(), Some(137));
    assert_eq!(stopped.containers()[0].reason(), None, "not for its memory");
}

#[tokio::test]
async fn a_container_removed_by_hand() {
    let ecs = shared(Runtime::Docker).ecs();
    let (task, containers) = running(&ecs).await;
    let _ = docker::run(&["rm", "--force", &containers["web"]]);
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    wait_until("the pause container to be gone", Duration::from_secs(20), || async {
        docker::containers_of(task.task_arn().expect("an ARN")).is_empty()
    })
    .await;
}

/// Without the owner of its network a task cannot go on.
#[tokio::test]
async fn a_pause_container_removed_by_hand() {
    let ecs = shared(Runtime::Docker).ecs();
    let (task, containers) = running(&ecs).await;
    let _ = docker::run(&["rm", "--force", &containers["~internal~ecs~pause"]]);
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.desired_status(), Some("STOPPED"));
    assert!(stopped.stopped_reason().is_some_and(|reason| !reason.is_empty()), "{stopped:#?}");
    wait_until("the containers to be gone", Duration::from_secs(20), || async {
        docker::containers_of(task.task_arn().expect("an ARN")).is_empty()
    })
    .await;
}
