//! LocalECS in a container, with the engine's socket mounted; a task runs beside it.
//!
//! The image is packed here, from the binary under test and the libraries it is linked to, so that nothing is built
//! twice. docker/build-image makes the one for users, around a static binary.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::PortMapping;
use compat_tests::{Registers, Runs, Runtime, Store, app, docker, http, program, wait_until_some};

use crate::packed::Packed;

fn pack() -> Packed {
    let lines = "ENV LOCALECS_DATA_DIR=/var/lib/localecs\nCMD [\"serve\", \"--host\", \"0.0.0.0\"]\n";
    Packed::of(&program(), "localecs", lines)
}

fn socket() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned()
}

#[tokio::test]
async fn localecs_in_a_container() {
    needs_own_server!();
    let mut packed = pack();
    let mount = format!("{}:/var/run/docker.sock", socket());
    let id = docker::run(&[
        "run",
        "--detach",
        "--publish",
        "127.0.0.1::4566",
        "--volume",
        &mount,
        &packed.image,
        "serve",
        "--host",
        "0.0.0.0",
        "--ephemeral",
        "--runtime",
        "docker",
    ]);
    packed.container = Some(id.clone());
    let published = docker::run(&["port", &id, "4566/tcp"]);
    let endpoint = format!("http://{}", published.lines().next().expect("a port"));
    let health = wait_until_some("LocalECS in its container", Duration::from_secs(20), || async {
        http::get(&format!("{endpoint}/_localecs/health")).ok().filter(|answer| answer.status == 200)
    })
    .await
    .json();
    assert_eq!(health["runtime"]["kind"], "docker", "{health}");
    assert_eq!(health["runtime"]["available"], true, "{health}");
    let store = Arc::new(Store::default());
    store.identify(health["store"]["id"].as_str().expect("the store's id"));

    let ecs = compat_tests::Ecs::at(&endpoint, Runtime::Docker);
    let cluster = ecs.cluster_with_instance().await;
    let web = || app("web", &[]).port_mappings(PortMapping::builder().container_port(8080).build()).build();
    let own_address = ecs.on_fargate().container_definitions(web()).registered().await;
    let bridge = ecs.on_ec2(aws_sdk_ecs::types::NetworkMode::Bridge).container_definitions(web()).registered().await;
    let tasks = [ecs.run_on_fargate(&cluster, &own_address).one().await, ecs.run_on_ec2(&cluster, &bridge).one().await];
    for task in &tasks {
        // Beside LocalECS, on the same engine: reached through the published port, from wherever LocalECS is.
        let task = ecs.running(task).await;
        let port = task.containers()[0].network_bindings()[0].host_port().expect("a host port");
        let url = format!("http://127.0.0.1:{port}/healthz");
        let page = wait_until_some(&url, Duration::from_secs(10), || async {
            http::get(&url).ok().filter(|answer| answer.status == 200)
        });
        assert_eq!(page.await.text(), "ok\n");
        // And it finds LocalECS, whose container has neither the address nor a way to it from outside.
        let web = docker::containers_of(task.task_arn().expect("an ARN")).into_iter().find(|(name, _)| name == "web");
        let inside =
            ["exec", &web.expect("a container").1, "/sample-app", "get", "$ECS_CONTAINER_METADATA_URI_V4/task"];
        assert!(docker::run(&inside).contains(task.task_arn().expect("an ARN")));
    }
    let _ = docker::run(&["stop", "--time", "40", &id]);
    assert_eq!(docker::inspect(&id)["State"]["ExitCode"], 0);
    assert_eq!(store.leftovers(), [] as [String; 0]);
}
