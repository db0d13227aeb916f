//! Images: what is pulled when, from where, and what is said of it. The registry is made for the test.

use std::time::Duration;

use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{
    CpuArchitecture, NetworkMode, RepositoryCredentials, RuntimePlatform, Task, VersionConsistency,
};
use compat_tests::registry::{Login, PASSWORD, Registry, USER};
use compat_tests::{APP_IMAGE, Ecs, Registers, Runs, Runtime, Server, app, docker, wait_until};

on_docker!(
    an_image_is_pulled_and_its_digest_reported,
    a_pull_is_tried_again,
    an_image_that_no_registry_has,
    an_image_for_another_platform_is_pulled_again,
    a_private_image_is_pulled_with_its_credentials,
);

fn of_image(image: &str) -> ContainerDefinitionBuilder {
    app("web", &["sleep", "3600"]).image(image)
}

/// Runs a task of this image until it runs or stops.
async fn run(ecs: &Ecs, container: ContainerDefinitionBuilder) -> Task {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(container.build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    wait_until("the task to run or stop", Duration::from_secs(60), || async {
        matches!(ecs.task(&task).await.last_status(), Some("RUNNING" | "STOPPED"))
    })
    .await;
    ecs.task(&task).await
}

/// As [`run`]; it has to run. Returns the version of the image that runs, and its digest in DescribeTasks.
async fn version(ecs: &Ecs, image: &str) -> (String, Option<String>) {
    let running = run(ecs, of_image(image)).await;
    assert_eq!(running.last_status(), Some("RUNNING"), "{running:#?}");
    let container = &running.containers()[0];
    assert_eq!(container.image(), Some(image));
    let digest = container.image_digest().map(str::to_owned);
    let labels = &docker::inspect(container.runtime_id().expect("it runs"))["Config"]["Labels"];
    let version = labels["version"].as_str().unwrap_or_default().to_owned();
    ecs.stop(&running).await;
    (version, digest)
}

async fn an_image_is_pulled_and_its_digest_reported(ecs: Ecs) {
    let registry = Registry::start(Login::None);
    let first = registry.push("team/app:1", APP_IMAGE, "one", None);
    let image = registry.reference("team/app:1");
    assert_eq!(version(&ecs, &image).await, ("one".to_owned(), Some(first.clone())));
    // What is here is used: a task starts without asking anybody.
    let asked = registry.manifest_requests();
    registry.push("team/app:1", APP_IMAGE, "two", None);
    assert_eq!(version(&ecs, &image).await, ("one".to_owned(), Some(first.clone())));
    assert_eq!(registry.manifest_requests(), asked);
    let by_digest = registry.reference(&format!("team/app@{first}"));
    assert_eq!(version(&ecs, &by_digest).await, ("one".to_owned(), Some(first)));
}

async fn a_pull_is_tried_again(ecs: Ecs) {
    let registry = Registry::start(Login::None);
    registry.push("team/app:1", APP_IMAGE, "one", None);
    registry.fail(1);
    assert_eq!(version(&ecs, &registry.reference("team/app:1")).await.0, "one");
}

async fn an_image_that_no_registry_has(ecs: Ecs) {
    let registry = Registry::start(Login::None);
    let image = registry.reference("team/app:nope");
    let stopped = run(&ecs, of_image(&image)).await;
    let reason = stopped.containers()[0].reason().unwrap_or_default();
    assert!(reason.starts_with("CannotPullImageManifestError: Error response from daemon: "), "{reason}");
    assert!(reason.contains("manifest unknown"), "{reason}");
    assert_eq!(stopped.stopped_reason(), Some("Task failed to start"));
    let by_digest = registry.reference(&format!("team/app@sha256:{}", "0".repeat(64)));
    let stopped = run(&ecs, of_image(&by_digest)).await;
    let reason = stopped.containers()[0].reason().unwrap_or_default();
    assert!(reason.starts_with("CannotPullContainerError: Error response from daemon: manifest "), "{reason}");
}

async fn an_image_for_another_platform_is_pulled_again(ecs: Ecs) {
    let (this, other) = match docker::run(&["version", "--format", "{{.Server.Arch}}"]).as_str() {
        "arm64" => (CpuArchitecture::Arm64, "amd64"),
        _ => (CpuArchitecture::X8664, "arm64"),
    };
    let registry = Registry::start(Login::None);
    let image = registry.reference("team/app:1");
    registry.push("team/app:1", APP_IMAGE, "other", Some(other));
    let _ = docker::run(&["pull", "--platform", &format!("linux/{other}"), &image]);
    registry.push("team/app:1", APP_IMAGE, "this", None);
    let cluster = ecs.cluster_with_instance().await;
    let platform = RuntimePlatform::builder().cpu_architecture(this).build();
    let definition = ecs.on_ec2(NetworkMode::None).runtime_platform(platform);
    let definition = definition.container_definitions(of_image(&image).build()).registered().await;
    let running = ecs.running(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    let id = running.containers()[0].runtime_id().expect("it runs");
    assert_eq!(docker::inspect(id)["Config"]["Labels"]["version"], "this");
    ecs.stop(&running).await;
}

async fn a_private_image_is_pulled_with_its_credentials(ecs: Ecs) {
    let id = super::secrets::secret(
        &ecs,
        "us-east-1",
        "registry",
        &format!(r#"{{"username":"{USER}","password":"{PASSWORD}"}}"#),
    );
    let credentials = RepositoryCredentials::builder().credentials_parameter(&id).build().expect("complete");
    let role = format!("arn:aws:iam::{}:role/execution", ecs.account);
    for login in [Login::Basic, Login::Bearer] {
        let registry = Registry::start(login);
        let digest = registry.push("team/app:1", APP_IMAGE, "private", None);
        let image = registry.reference("team/app:1");
        let stopped = run(&ecs, of_image(&image)).await;
        let reason = stopped.containers()[0].reason().unwrap_or_default();
        assert!(reason.starts_with("CannotPullImageManifestError: Error response from daemon: "), "{reason}");

        let cluster = ecs.cluster_with_instance().await;
        let web = of_image(&image).repository_credentials(credentials.clone()).build();
        let definition = ecs.on_ec2(NetworkMode::None).execution_role_arn(&role).container_definitions(web);
        let task = ecs.run_on_ec2(&cluster, &definition.registered().await).one().await;
        let running = ecs.running(&task).await;
        assert_eq!(running.containers()[0].image_digest(), Some(digest.as_str()), "{login:?}");
        ecs.stop(&running).await;
    }
}

/// A server on Docker with these arguments, and a view of it.
fn server(arguments: &[&str]) -> (Server, Ecs) {
    let server = Server::start(Runtime::Docker, arguments);
    let ecs = server.ecs();
    (server, ecs)
}

#[tokio::test]
async fn images_are_pulled_when_the_behavior_says_so() {
    needs_own_server!();
    let registry = Registry::start(Login::None);
    for (behavior, versions) in
        [("default", ["1", "2", "2"]), ("once", ["1", "1", "1"]), ("always", ["1", "2", "none"])]
    {
        let name = format!("{behavior}/app:1");
        let image = registry.reference(&name);
        let (server, ecs) = server(&["--image-pull-behavior", behavior]);
        registry.push(&name, APP_IMAGE, "1", None);
        assert_eq!(version(&ecs, &image).await.0, versions[0], "{behavior}");
        registry.push(&name, APP_IMAGE, "2", None);
        assert_eq!(version(&ecs, &image).await.0, versions[1], "{behavior}");
        // The registry has it no more.
        registry.forget(&name);
        let last = match versions[2] {
            "none" => {
                let stopped = run(&ecs, of_image(&image)).await;
                let reason = stopped.containers()[0].reason().unwrap_or_default();
                assert!(reason.starts_with("CannotPullImageManifestError: "), "{reason}");
                "none".to_owned()
            }
            _ => version(&ecs, &image).await.0,
        };
        assert_eq!(last, versions[2], "{behavior}");
        server.stop();
    }
}

#[tokio::test]
async fn tasks_of_a_service_keep_to_the_version_of_the_first() {
    needs_own_server!();
    let registry = Registry::start(Login::None);
    let (server, ecs) = server(&["--image-pull-behavior", "always"]);
    let cluster = ecs.cluster_with_instance().await;
    for (consistency, second) in [(VersionConsistency::Enabled, "one"), (VersionConsistency::Disabled, "two")] {
        let name = format!("team/{}:1", consistency.as_str());
        let image = registry.reference(&name);
        let digest = registry.push(&name, APP_IMAGE, "one", None);
        let container = of_image(&image).version_consistency(consistency.clone()).build();
        let definition = ecs.on_ec2(NetworkMode::None).container_definitions(container).registered().await;
        let service = consistency.as_str();
        ecs.create_service()
            .cluster(&cluster)
            .service_name(service)
            .task_definition(&definition)
            .desired_count(1)
            .send()
            .await
            .expect("created");
        let running = async |count: usize| {
            wait_until("the tasks to run", Duration::from_secs(60), || async {
                tasks_of(&ecs, &cluster, service).await.iter().filter(|t| t.last_status() == Some("RUNNING")).count()
                    == count
            })
            .await;
        };
        running(1).await;
        let first = tasks_of(&ecs, &cluster, service).await[0].task_arn().map(str::to_owned);
        registry.push(&name, APP_IMAGE, "two", None);
        ecs.update_service().cluster(&cluster).service(service).desired_count(2).send().await.expect("updated");
        running(2).await;
        for task in tasks_of(&ecs, &cluster, service).await {
            let container = &task.containers()[0];
            let expected = if task.task_arn() == first.as_deref() { "one" } else { second };
            let labels = &docker::inspect(container.runtime_id().expect("it runs"))["Config"]["Labels"];
            assert_eq!(labels["version"], expected, "{service}");
            assert_eq!(container.image_digest() == Some(digest.as_str()), expected == "one", "{service}");
        }
        ecs.delete_service().cluster(&cluster).service(service).force(true).send().await.expect("deleted");
    }
    server.stop();
}

async fn tasks_of(ecs: &Ecs, cluster: &str, service: &str) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster(cluster).service_name(service).send().await.expect("listed");
    let arns = listed.task_arns().to_vec();
    if arns.is_empty() {
        return Vec::new();
    }
    let described = ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await.expect("described");
    described.tasks().to_vec()
}

#[tokio::test]
async fn images_of_ecr_come_from_the_mirror() {
    needs_own_server!();
    let registry = Registry::start(Login::None);
    let repository = format!("team/{}", compat_tests::random_name("app"));
    let digest = registry.push(&format!("{repository}:v1"), APP_IMAGE, "mirrored", None);
    let (server, ecs) = server(&["--ecr-mirror", &registry.host]);
    let account = &ecs.account;
    let image = format!("{account}.dkr.ecr.us-east-1.amazonaws.com/{repository}:v1");
    assert_eq!(version(&ecs, &image).await, ("mirrored".to_owned(), Some(digest.clone())));
    // It has the name now, so nobody is asked.
    let asked = registry.manifest_requests();
    assert_eq!(version(&ecs, &image).await, ("mirrored".to_owned(), Some(digest.clone())));
    assert_eq!(registry.manifest_requests(), asked);
    let by_digest = format!("{account}.dkr.ecr.us-east-1.amazonaws.com/{repository}@{digest}");
    assert_eq!(version(&ecs, &by_digest).await, ("mirrored".to_owned(), Some(digest)));
    server.stop();
    let _ = docker::try_run(&["rmi", "--force", &image]);
}
