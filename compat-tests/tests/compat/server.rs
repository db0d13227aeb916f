//! The server itself: health, reset, coverage, operations that are off.

use std::time::Duration;

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Registers, Runs, Runtime, Server, app, docker, http, refusal, shared};

#[tokio::test]
async fn health_says_what_runs_the_tasks() {
    for runtime in [Runtime::Docker, Runtime::Simulated] {
        let server = shared(runtime);
        for path in ["/_localecs/health", "/_localstack/health"] {
            let answer = http::get(&format!("{}{path}", server.endpoint())).expect("an answer");
            assert_eq!(answer.status, 200);
            let health = answer.json();
            assert_eq!(health["services"]["ecs"], "running");
            if compat_tests::endpoint_given().is_none() {
                assert_eq!(health["runtime"]["kind"], runtime.as_str());
                assert_eq!(health["runtime"]["available"], true);
                assert_eq!(health["store"]["durable"], false);
            }
        }
    }
}

#[tokio::test]
async fn operations_that_are_off_say_so() {
    let server = shared(Runtime::Simulated);
    let ecs = server.ecs();
    let answer = ecs.describe_express_gateway_service().service_arn("web").send().await;
    let error = answer.expect_err("it is off");
    let raw = error.raw_response().expect("an answer");
    assert_eq!(raw.status().as_u16(), 501);
    let (code, message) = refusal::<(), _, _>(Err(error));
    assert!(!code.is_empty());
    assert!(message.contains("DescribeExpressGatewayService"), "{message}");
}

#[tokio::test]
async fn coverage_lists_every_operation() {
    let server = shared(Runtime::Simulated);
    let coverage = http::get(&format!("{}/_localecs/coverage", server.endpoint())).expect("an answer").json();
    let services = coverage["services"].as_array().expect("a list");
    let ecs = services.iter().find(|service| service["service"] == "ecs").expect("Amazon ECS");
    assert_eq!(ecs["total"], 88);
    let operations = ecs["operations"].as_array().expect("a list");
    let on = |name: &str| operations.iter().find(|operation| operation["name"] == name).map(|o| o["on"].clone());
    assert_eq!(on("RunTask"), Some(true.into()));
    assert_eq!(on("DescribeExpressGatewayService"), Some(false.into()));
}

#[tokio::test]
async fn reset_empties_everything() {
    needs_own_server!();
    let server = Server::start(Runtime::Docker, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster_with_instance().await;
    let bridge = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    let own = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let running = ecs.run_on_ec2(&cluster, &bridge).one().await;
    ecs.running(&running).await;
    // Those are still on their way when the reset comes.
    ecs.run_on_fargate(&cluster, &own).count(3).send().await.expect("RunTask");

    let url = format!("{}/_localecs/reset", server.endpoint());
    let answer = http::request("POST", &url, &[], b"", Duration::from_secs(60)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(ecs.list_clusters().send().await.expect("listed").cluster_arns(), [] as [&str; 0]);
    assert_eq!(ecs.list_task_definitions().send().await.expect("listed").task_definition_arns(), [] as [&str; 0]);
    let label = server.store().label();
    compat_tests::wait_until("the containers to be gone", Duration::from_secs(10), || async {
        docker::containers(&label).is_empty()
    })
    .await;

    // And it works as on the first day.
    let cluster = ecs.cluster().await;
    let own = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_fargate(&cluster, &own).one().await;
    ecs.running(&task).await;
    server.stop();
}

#[test]
fn a_missing_engine_is_explained() {
    needs_own_server!();
    let program = compat_tests::program();
    let output = std::process::Command::new(&program)
        .args(["serve", "--port", "0", "--ephemeral", "--runtime", "docker"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("localecs doctor") && text.contains("DOCKER_HOST"), "{text}");
}

#[test]
fn the_exports_are_for_the_shell() {
    needs_own_server!();
    let output = std::process::Command::new(compat_tests::program())
        .args(["env", "--port", "4567", "--region", "eu-west-1"])
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    for line in [
        "export AWS_ENDPOINT_URL=http://127.0.0.1:4567",
        "export AWS_ACCESS_KEY_ID=000000000000",
        "export AWS_REGION=eu-west-1",
        "export AWS_DEFAULT_REGION=eu-west-1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in {text}");
    }
}
