//! The admin API: time is moved, the engine fails on request.

use std::time::Duration;

use aws_sdk_ecs::types::{NetworkMode, TaskStopCode};
use compat_tests::{Registers, Runs, Runtime, Server, app, http, wait_until};
use serde_json::{Value, json};

/// Makes a call of the admin API that must work.
pub(crate) fn call(server: &Server, path: &str, body: &Value) -> Value {
    let url = format!("{}/_localecs/{path}", server.endpoint());
    let answer =
        http::request("POST", &url, &[], body.to_string().as_bytes(), Duration::from_secs(10)).expect("an answer");
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn stopped_tasks_are_forgotten_after_an_hour() {
    needs_own_server!();
    let server = Server::start(Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.running(&task).await;
    ecs.stop(&task).await;
    let arn = task.task_arn().expect("an ARN");
    let failures = || async {
        let answer = ecs.describe_tasks().cluster(&cluster).tasks(arn).send().await.expect("described");
        answer.failures().iter().filter_map(|failure| failure.reason()).map(str::to_owned).collect::<Vec<_>>()
    };
    call(&server, "clock", &json!({ "advanceSeconds": 3500 }));
    assert_eq!(failures().await, [] as [&str; 0]);
    call(&server, "clock", &json!({ "advanceSeconds": 200 }));
    wait_until("the task to be forgotten", Duration::from_secs(10), || async { failures().await == ["MISSING"] }).await;
    server.stop();
}

#[tokio::test]
async fn failures_on_request() {
    needs_own_server!();
    let server = Server::start(Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[]).image("faulty/web:1").build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(web).registered().await;

    call(
        &server,
        "faults",
        &json!({ "fault": "startFails", "image": "faulty/web", "message": "no such device", "times": 1 }),
    );
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    let reason = stopped.containers()[0].reason().expect("a reason");
    assert!(reason.starts_with("CannotStartContainerError: ") && reason.contains("no such device"), "{reason}");

    // The second one starts.
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let container = task.containers()[0].runtime_id().expect("a runtime id");
    call(&server, "faults", &json!({ "fault": "outOfMemory", "container": container }));
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.containers()[0].exit_code(), Some(137));
    assert_eq!(stopped.containers()[0].reason(), Some("OutOfMemoryError: Container killed due to memory usage"));

    // While the engine is away tasks wait, and requests are answered.
    call(&server, "faults", &json!({ "fault": "engineGone" }));
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let health = http::get(&format!("{}/_localecs/health", server.endpoint())).expect("an answer").json();
    assert_eq!(health["runtime"]["available"], false, "{health}");
    assert_eq!(ecs.task(&task).await.last_status(), Some("PENDING"));
    call(&server, "faults", &json!({ "fault": "engineBack" }));
    ecs.running(&task).await;
    server.stop();
}

#[tokio::test]
async fn signatures_are_verified_on_request() {
    needs_own_server!();
    let keys = "111122223333:secret,444455556666:another";
    let server = Server::start(Runtime::Simulated, &["--verify-signatures", "--credentials", keys]);
    // The client of all tests signs with "secret".
    server.ecs_in("111122223333", "eu-central-1").cluster().await;
    let refused = |account: &'static str| {
        let ecs = server.ecs_in(account, "us-east-1");
        async move { compat_tests::refusal(ecs.list_clusters().send().await).0 }
    };
    assert_eq!(refused("444455556666").await, "InvalidSignatureException");
    assert_eq!(refused("777788889999").await, "UnrecognizedClientException");
    let unsigned = http::request(
        "POST",
        server.endpoint(),
        &http::ecs_headers("AmazonEC2ContainerServiceV20141113.ListClusters", "")[..2],
        b"{}",
        http::PATIENCE,
    );
    let unsigned = unsigned.expect("an answer");
    assert_eq!((unsigned.status, &unsigned.json()["__type"]), (400, &"MissingAuthenticationTokenException".into()));
    server.stop();
}
