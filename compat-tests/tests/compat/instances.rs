//! Virtual container instances: `localecs instances`, the configuration file, and tasks placed on them.

use std::process::Command;
use std::sync::Arc;

use aws_sdk_ecs::types::{ContainerInstance, ContainerInstanceStatus};
use compat_tests::{Ecs, Runtime, Server, Store, http, program};

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
