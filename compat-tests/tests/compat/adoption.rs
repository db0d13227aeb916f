//! The server ends and starts again, in good order or not; the containers go on.

use std::sync::Arc;

use aws_sdk_ecs::types::{NetworkMode, Task, TaskStopCode};
use compat_tests::{Ecs, Registers, Runs, Runtime, Server, Store, app, docker, random_account};

async fn one_of_each_mode(ecs: &Ecs) -> [Task; 2] {
    let cluster = ecs.cluster_with_instance().await;
    let bridge = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    let own_address = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let bridge = ecs.run_on_ec2(&cluster, &bridge).one().await;
    let own_address = ecs.run_on_fargate(&cluster, &own_address).one().await;
    [ecs.running(&bridge).await, ecs.running(&own_address).await]
}

fn docker_id(task: &Task) -> String {
    let containers = docker::containers_of(task.task_arn().expect("an ARN"));
    containers.into_iter().find(|(name, _)| name == "web").map(|(_, id)| id).expect("the container of web")
}

#[tokio::test]
async fn tasks_survive_a_kill_and_are_adopted() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let before = one_of_each_mode(&server.ecs_in(&account, "us-east-1")).await;
    let ids = before.each_ref().map(docker_id);
    let started = ids.each_ref().map(|id| docker::inspect(id)["State"]["StartedAt"].clone());
    server.kill();

    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    for ((before, id), started) in before.iter().zip(&ids).zip(&started) {
        let after = ecs.running(before).await;
        assert_eq!(after.containers()[0].runtime_id(), before.containers()[0].runtime_id());
        assert_eq!(after.attachments(), before.attachments());
        assert_eq!(after.started_at(), before.started_at());
        assert_eq!(docker_id(before), *id, "the same container");
        assert_eq!(docker::inspect(id)["State"]["StartedAt"], *started, "not restarted");
        assert_eq!(docker::inspect(id)["State"]["Running"], true);
    }
    for task in &before {
        let stopped = ecs.stop(task).await;
        assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
        assert_eq!(stopped.containers()[0].exit_code(), Some(0));
    }
    server.stop();
}

#[tokio::test]
async fn what_ended_meanwhile_is_reported() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let [bridge, own_address] = one_of_each_mode(&server.ecs_in(&account, "us-east-1")).await;
    server.kill();
    let _ = docker::run(&["kill", &docker_id(&bridge)]);
    let _ = docker::run(&["rm", "--force", &docker_id(&own_address)]);

    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let killed = ecs.stopped(&bridge).await;
    assert_eq!(killed.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    assert_eq!(killed.stopped_reason(), Some("Essential container in task exited"));
    assert_eq!(killed.containers()[0].exit_code(), Some(137));
    let removed = ecs.stopped(&own_address).await;
    assert_eq!(removed.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    server.stop();
}

#[tokio::test]
async fn a_stop_in_good_order_leaves_tasks_running() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let before = one_of_each_mode(&server.ecs_in(&account, "us-east-1")).await;
    server.stop();
    for task in &before {
        assert_eq!(docker::inspect(&docker_id(task))["State"]["Running"], true);
    }

    let server = Server::start_on(store.clone(), Runtime::Docker, &["--stop-tasks-on-exit"]);
    let ecs = server.ecs_in(&account, "us-east-1");
    for task in &before {
        assert_eq!(ecs.running(task).await.containers()[0].runtime_id(), task.containers()[0].runtime_id());
    }
    server.stop();
    assert_eq!(docker::containers(&store.label()), [] as [&str; 0], "--stop-tasks-on-exit");
}
