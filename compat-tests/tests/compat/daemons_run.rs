//! What managed daemons do: there before all others, on each instance, repaired, rolled out, rolled back, gone.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Compatibility, ContainerInstance, ContainerInstanceField, DaemonContainerDefinition,
    DaemonDeployment, DaemonDeploymentConfiguration, DaemonDeploymentStatus, DaemonDetail, InstanceHealthCheckState,
    InstanceHealthCheckType, Task,
};
use compat_tests::{
    APP_IMAGE, Ecs, Registers, Runtime, Server, Store, app, awsvpc, docker, random_account, random_name, refusal,
    wait_until, wait_until_some,
};
use serde_json::json;

use crate::admin::call;
use crate::services::{PATIENCE, described, steady, tasks};

on_both!(a_daemon_comes_first_and_rolls_out, a_critical_daemon_is_repaired);

/// A cluster, and the name of a capacity provider for its managed instances.
async fn managed(ecs: &Ecs) -> (String, String) {
    let cluster = ecs.cluster().await;
    let name = ecs.managed_provider(&cluster, |settings| settings).await;
    (cluster, name)
}

/// The ARN of a daemon task definition whose one container runs the image.
async fn agent(ecs: &Ecs, image: &str) -> String {
    let container = DaemonContainerDefinition::builder().name("agent").image(image).memory(64).build();
    let register = ecs.register_daemon_task_definition().family(random_name("agent"));
    let registered = register.container_definitions(container.expect("complete")).send().await.expect("registered");
    registered.daemon_task_definition_arn.expect("an ARN")
}

/// Creates the daemon `agent`, and returns its ARN.
async fn create(ecs: &Ecs, cluster: &str, provider: &str, definition: &str) -> String {
    let request = ecs
        .create_daemon()
        .daemon_name("agent")
        .cluster_arn(ecs.arn(&format!("cluster/{cluster}")))
        .capacity_provider_arns(ecs.arn(&format!("capacity-provider/{provider}")))
        .daemon_task_definition_arn(definition);
    request.send().await.expect("CreateDaemon").daemon_arn.expect("an ARN")
}

/// A service of so many tasks, each of which fills an instance.
async fn serve(ecs: &Ecs, cluster: &str, provider: &str, count: i32) {
    let item = CapacityProviderStrategyItem::builder().capacity_provider(provider).weight(1);
    let definition = ecs
        .on_fargate()
        .set_requires_compatibilities(Some(vec![Compatibility::ManagedInstances]))
        .cpu("1024")
        .memory("1024")
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    ecs.create_service()
        .cluster(cluster)
        .service_name("web")
        .task_definition(&definition)
        .desired_count(count)
        .capacity_provider_strategy(item.build().expect("it has a provider"))
        .network_configuration(awsvpc(&["subnet-a"]))
        .send()
        .await
        .expect("CreateService");
    steady(ecs, cluster).await;
}

async fn daemon(ecs: &Ecs, arn: &str) -> DaemonDetail {
    ecs.describe_daemon().daemon_arn(arn).send().await.expect("DescribeDaemon").daemon.expect("a daemon")
}

/// The daemon's newest deployment.
async fn deployment(ecs: &Ecs, arn: &str) -> DaemonDeployment {
    let newest = daemon(ecs, arn).await.deployment_arn.expect("a deployment");
    let answer = ecs.describe_daemon_deployments().daemon_deployment_arns(newest).send().await.expect("described");
    answer.daemon_deployments().first().expect("a deployment").clone()
}

async fn comes_to(ecs: &Ecs, arn: &str, status: DaemonDeploymentStatus) -> DaemonDeployment {
    wait_until_some(&format!("the deployment to be {status:?}"), PATIENCE, || async {
        let deployment = deployment(ecs, arn).await;
        (deployment.status() == Some(&status)).then_some(deployment)
    })
    .await
}

async fn agents(ecs: &Ecs, cluster: &str) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster(cluster).daemon_name("agent").send().await.expect("ListTasks");
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let answer = ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns).send().await;
    answer.expect("DescribeTasks").tasks.unwrap_or_default()
}

async fn instances(ecs: &Ecs, cluster: &str) -> Vec<ContainerInstance> {
    let listed = ecs.list_container_instances().cluster(cluster).send().await.expect("listed");
    if listed.container_instance_arns().is_empty() {
        return Vec::new();
    }
    let health = ContainerInstanceField::ContainerInstanceHealth;
    let describe = ecs.describe_container_instances().cluster(cluster).include(health);
    let described = describe.set_container_instances(listed.container_instance_arns).send().await.expect("described");
    described.container_instances.unwrap_or_default()
}

fn on(tasks: &[Task]) -> BTreeSet<String> {
    tasks.iter().filter_map(|task| task.container_instance_arn()).map(str::to_owned).collect()
}

/// Deletes all, with the daemon first: the service stays meanwhile.
async fn end(ecs: &Ecs, cluster: &str, arn: &str) {
    ecs.delete_daemon().daemon_arn(arn).send().await.expect("DeleteDaemon");
    wait_until("the daemon to be gone", PATIENCE, || async {
        ecs.describe_daemon()
            .daemon_arn(arn)
            .send()
            .await
            .is_err_and(|error| error.into_service_error().is_daemon_not_found_exception())
    })
    .await;
    ecs.delete_service().cluster(cluster).service("web").force(true).send().await.expect("deleted");
    wait_until("the instances to be gone", PATIENCE, || async { instances(ecs, cluster).await.is_empty() }).await;
}

async fn a_daemon_comes_first_and_rolls_out(ecs: Ecs) {
    let (cluster, provider) = managed(&ecs).await;
    let first = agent(&ecs, APP_IMAGE).await;
    let arn = create(&ecs, &cluster, &provider, &first).await;
    comes_to(&ecs, &arn, DaemonDeploymentStatus::Successful).await;
    assert!(instances(&ecs, &cluster).await.is_empty(), "a daemon launches no instances");

    serve(&ecs, &cluster, &provider, 2).await;
    let (web, own) = (tasks(&ecs, &cluster).await, agents(&ecs, &cluster).await);
    assert_eq!((on(&web).len(), on(&own)), (2, on(&web)), "each instance has one of each");
    for agent in &own {
        let of_instance = |task: &&Task| task.container_instance_arn() == agent.container_instance_arn();
        let app = web.iter().find(of_instance).expect("a task of the service");
        let started = |task: &Task| task.started_at().expect("it runs").as_nanos();
        assert!(started(agent) <= started(app), "the daemon came first");
        assert_eq!((agent.group(), agent.started_by()), (Some("daemon:agent"), Some("daemon/agent")));
        assert_eq!(agent.task_definition_arn(), Some(first.as_str()));
        assert_eq!(agent.capacity_provider_name(), Some(provider.as_str()));
    }
    let revision = daemon(&ecs, &arn).await.current_revisions()[0].clone();
    assert_eq!((revision.total_running_count(), revision.capacity_providers()[0].running_count()), (2, 2));
    let revisions = ecs.describe_daemon_revisions().daemon_revision_arns(revision.arn().expect("an ARN")).send().await;
    let revisions = revisions.expect("described");
    let shown = &revisions.daemon_revisions()[0];
    assert_eq!(shown.daemon_task_definition_arn(), Some(first.as_str()));
    assert_eq!(shown.container_images()[0].image(), Some(APP_IMAGE));

    // An update replaces the instances, half of them at a time; no task of the service is missed.
    let second = agent(&ecs, APP_IMAGE).await;
    let configuration = DaemonDeploymentConfiguration::builder().drain_percent(50.0).build();
    let update = ecs.update_daemon().daemon_arn(&arn).daemon_task_definition_arn(&second);
    let update = update.capacity_provider_arns(ecs.arn(&format!("capacity-provider/{provider}")));
    update.deployment_configuration(configuration).send().await.expect("UpdateDaemon");
    let done = wait_until_some("the update to be complete", PATIENCE, || async {
        assert!(described(&ecs, &cluster).await.running_count() >= 2, "a task is missed");
        let draining = instances(&ecs, &cluster).await.iter().filter(|it| it.status() == Some("DRAINING")).count();
        assert!(draining <= 1, "{draining} instances drain at once");
        let deployment = deployment(&ecs, &arn).await;
        (deployment.status() == Some(&DaemonDeploymentStatus::Successful)).then_some(deployment)
    })
    .await;
    let target = done.target_daemon_revision().expect("a target");
    assert_eq!((target.total_running_instance_count(), target.total_draining_instance_count()), (Some(2), Some(0)));
    assert_eq!(done.source_daemon_revisions()[0].arn(), revision.arn());
    steady(&ecs, &cluster).await;
    let now = agents(&ecs, &cluster).await;
    assert!(now.iter().all(|task| task.task_definition_arn() == Some(second.as_str())));
    assert!(on(&now).is_disjoint(&on(&own)) && on(&now) == on(&tasks(&ecs, &cluster).await));
    end(&ecs, &cluster, &arn).await;
}

async fn a_critical_daemon_is_repaired(ecs: Ecs) {
    let (cluster, provider) = managed(&ecs).await;
    let definition = agent(&ecs, APP_IMAGE).await;
    let arn = create(&ecs, &cluster, &provider, &definition).await;
    serve(&ecs, &cluster, &provider, 1).await;
    let old = agents(&ecs, &cluster).await.remove(0);
    let instance = old.container_instance_arn().expect("an instance").to_owned();
    let healthy = instances(&ecs, &cluster).await.remove(0);
    let details = healthy.health_status().expect("asked for").details().to_vec();
    let of_daemons = details.iter().find(|it| it.r#type() == Some(&InstanceHealthCheckType::Daemon));
    assert_eq!(of_daemons.and_then(|it| it.status()), Some(&InstanceHealthCheckState::Ok));
    match ecs.runtime {
        Runtime::Docker => {
            let containers = docker::containers_of(old.task_arn().expect("an ARN"));
            let (_, id) = containers.iter().find(|(name, _)| name == "agent").expect("its container");
            let _ = docker::run(&["kill", id]);
        }
        Runtime::Simulated => drop(ecs.stop(&old).await),
    }
    wait_until("another instance with the daemon", PATIENCE, || async {
        assert!(described(&ecs, &cluster).await.running_count() >= 1, "the service is missed");
        let now = instances(&ecs, &cluster).await;
        now.iter().all(|it| it.container_instance_arn() != Some(&instance)) && !agents(&ecs, &cluster).await.is_empty()
    })
    .await;
    steady(&ecs, &cluster).await;
    assert_eq!(on(&agents(&ecs, &cluster).await), on(&tasks(&ecs, &cluster).await));
    assert_eq!(ecs.stopped(&old).await.task_arn(), old.task_arn());
    end(&ecs, &cluster, &arn).await;
}

/// The clock is moved, so the server is the test's own.
#[tokio::test]
async fn a_daemon_that_does_not_start_is_rolled_back() {
    needs_own_server!();
    let server = Server::start(Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let (cluster, provider) = managed(&ecs).await;
    let good = agent(&ecs, APP_IMAGE).await;
    let arn = create(&ecs, &cluster, &provider, &good).await;
    serve(&ecs, &cluster, &provider, 1).await;
    let bad = agent(&ecs, &format!("missing/{}:1", random_name("image"))).await;
    let update = ecs.update_daemon().daemon_arn(&arn).daemon_task_definition_arn(&bad);
    let update = update.capacity_provider_arns(ecs.arn(&format!("capacity-provider/{provider}")));
    update.send().await.expect("UpdateDaemon");
    let back = wait_until_some("the rollback", PATIENCE, || async {
        // Between two tries it waits for up to a minute.
        call(&server, "clock", &json!({ "advanceSeconds": 10 }));
        assert!(described(&ecs, &cluster).await.running_count() >= 1, "the service is missed");
        let deployment = deployment(&ecs, &arn).await;
        (deployment.status() == Some(&DaemonDeploymentStatus::RollbackSuccessful)).then_some(deployment)
    })
    .await;
    let rollback = back.rollback().expect("a rollback");
    assert!(rollback.reason().is_some_and(|reason| reason.contains("circuit breaker")), "{back:#?}");
    assert_eq!(
        rollback.rollback_target_daemon_revision_arn(),
        back.source_daemon_revisions()[0].arn(),
        "to what was there before"
    );
    steady(&ecs, &cluster).await;
    let now = agents(&ecs, &cluster).await;
    assert!(!now.is_empty() && now.iter().all(|task| task.task_definition_arn() == Some(good.as_str())));

    let again = ecs.delete_daemon().daemon_arn(&arn);
    again.clone().send().await.expect("DeleteDaemon");
    let (code, message) = refusal(again.send().await);
    assert!(code == "InvalidParameterException" && message.contains("deployment deletion is ongoing"), "{message}");
}

/// `kill -9` while an update rolls out, and while the daemon is deleted: each goes on and ends, and no container is left.
#[tokio::test]
async fn a_rollout_goes_on_after_a_kill() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let start = || Server::start_on(store.clone(), Runtime::Docker, &[]);
    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    let (cluster, provider) = managed(&ecs).await;
    let first = agent(&ecs, APP_IMAGE).await;
    let arn = create(&ecs, &cluster, &provider, &first).await;
    serve(&ecs, &cluster, &provider, 1).await;
    let second = agent(&ecs, APP_IMAGE).await;
    let update = ecs.update_daemon().daemon_arn(&arn).daemon_task_definition_arn(&second);
    let update = update.capacity_provider_arns(ecs.arn(&format!("capacity-provider/{provider}")));
    update.send().await.expect("UpdateDaemon");
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    comes_to(&ecs, &arn, DaemonDeploymentStatus::Successful).await;
    steady(&ecs, &cluster).await;
    let now = agents(&ecs, &cluster).await;
    assert!(now.iter().all(|task| task.task_definition_arn() == Some(second.as_str())));
    assert_eq!(on(&now), on(&tasks(&ecs, &cluster).await));
    ecs.delete_daemon().daemon_arn(&arn).send().await.expect("DeleteDaemon");
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    wait_until("the daemon's tasks to be gone", PATIENCE, || async {
        let listed =
            ecs.list_daemons().cluster_arn(ecs.arn(&format!("cluster/{cluster}"))).send().await.expect("listed");
        listed.daemon_summaries_list().is_empty()
    })
    .await;
    steady(&ecs, &cluster).await;
    server.stop();
}
