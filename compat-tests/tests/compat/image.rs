//! LocalECS in a container, with the engine's socket mounted; a task runs beside it.
//!
//! The image is packed here, from the binary under test and the libraries it is linked to, so that nothing is built
//! twice. docker/build-image makes the one for users, around a static binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::PortMapping;
use compat_tests::{Registers, Runs, Runtime, Store, app, docker, http, program, random_name, wait_until_some};

/// Removes the container and its image.
struct Packed {
    image: String,
    container: Option<String>,
}

impl Drop for Packed {
    fn drop(&mut self) {
        if let Some(container) = &self.container {
            if std::thread::panicking() {
                let log = Command::new("docker").args(["logs", container]).output();
                eprintln!("--- log of the container\n{log:?}");
            }
            let _ = docker::try_run(&["rm", "--force", "--volumes", container]);
        }
        let _ = docker::try_run(&["image", "rm", "--force", &self.image]);
    }
}

/// The shared libraries and the loader that a program asks for; none for a static one.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

fn pack() -> Packed {
    let context = tempfile::tempdir().expect("a temporary folder");
    let root = context.path().join("root");
    for library in libraries(&program()) {
        let place = root.join(library.strip_prefix("/").expect("absolute"));
        std::fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
        std::fs::copy(&library, &place).expect("a copy of a library");
    }
    std::fs::create_dir_all(root.join("tmp")).expect("a folder");
    std::fs::copy(program(), root.join("localecs")).expect("a copy of the program");
    let dockerfile = "FROM scratch\nCOPY root/ /\nENV LOCALECS_DATA_DIR=/var/lib/localecs\nENTRYPOINT [\"/localecs\"]\n\
                      CMD [\"serve\", \"--host\", \"0.0.0.0\"]\n";
    std::fs::write(context.path().join("Dockerfile"), dockerfile).expect("a Dockerfile");
    let image = random_name("localecs/compat-test");
    let _ = docker::run(&["build", "--quiet", "--tag", &image, context.path().to_str().expect("a plain path")]);
    Packed { image, container: None }
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
    }
    let _ = docker::run(&["stop", "--time", "40", &id]);
    assert_eq!(docker::inspect(&id)["State"]["ExitCode"], 0);
    assert_eq!(store.leftovers(), [] as [String; 0]);
}
