//! Services: tasks are kept, deployments roll, fail and roll back, and the service ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_ecs::operation::create_service::builders::CreateServiceFluentBuilder;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    CreatedAt, Deployment, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState, DesiredStatus,
    LaunchType, NetworkMode, SchedulingStrategy, Service, ServiceDeploymentBrief,
    ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus, Task,
};
use compat_tests::{
    Ecs, Registers, Runtime, Server, Store, app, awsvpc, docker, http, random_account, random_name, refusal,
    wait_until, wait_until_some,
};

on_both!(a_service_lives, a_bad_deployment_rolls_back, a_daemon_is_on_every_instance, a_crash_loop_is_throttled);

on_docker!(a_killed_container_is_replaced);

on_simulated!(lists_and_pages, protection_holds_at_scale_in, refusals);

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A web server that ends when it is asked to.
pub(crate) async fn web(ecs: &Ecs) -> String {
    ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await
}

pub(crate) fn service(ecs: &Ecs, cluster: &str, definition: &str, count: i32) -> CreateServiceFluentBuilder {
    ecs.create_service()
        .cluster(cluster)
        .service_name("web")
        .task_definition(definition)
        .desired_count(count)
        .launch_type(LaunchType::Fargate)
        .network_configuration(awsvpc(&["subnet-0a"]))
}

pub(crate) async fn described(ecs: &Ecs, cluster: &str) -> Service {
    let answer = ecs.describe_services().cluster(cluster).services("web").send().await.expect("DescribeServices");
    assert_eq!(answer.failures(), []);
    answer.services()[0].clone()
}

pub(crate) fn primary(service: &Service) -> &Deployment {
    service.deployments().iter().find(|it| it.status() == Some("PRIMARY")).expect("a PRIMARY deployment")
}

/// Waits until one deployment is left, complete, with all of its tasks: what `services_stable` waits for, and that
/// nothing is under way any more.
pub(crate) async fn steady(ecs: &Ecs, cluster: &str) -> Service {
    wait_until_some("the service to be steady", PATIENCE, || async {
        let service = described(ecs, cluster).await;
        let complete = service.deployments().len() == 1
            && service.deployments()[0].rollout_state() == Some(&DeploymentRolloutState::Completed)
            && service.running_count() == service.desired_count()
            && service.pending_count() == 0;
        complete.then_some(service)
    })
    .await
}

pub(crate) async fn tasks(ecs: &Ecs, cluster: &str) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster(cluster).service_name("web").send().await.expect("ListTasks");
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let answer = ecs.describe_tasks().cluster(cluster).set_tasks(listed.task_arns).send().await;
    answer.expect("DescribeTasks").tasks.unwrap_or_default()
}

/// Deletes the service and waits until it is INACTIVE.
pub(crate) async fn end(ecs: &Ecs, cluster: &str) {
    ecs.delete_service().cluster(cluster).service("web").force(true).send().await.expect("DeleteService");
    wait_until("the service to be INACTIVE", PATIENCE, || async {
        described(ecs, cluster).await.status() == Some("INACTIVE")
    })
    .await;
}

pub(crate) fn messages(service: &Service) -> Vec<&str> {
    service.events().iter().rev().filter_map(|event| event.message()).collect()
}

async fn a_service_lives(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let created = service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    let created = created.service.expect("a service");
    assert_eq!(created.service_arn(), Some(ecs.arn(&format!("service/{cluster}/web")).as_str()));
    assert_eq!((created.status(), created.running_count(), created.events().len()), (Some("ACTIVE"), 0, 0));
    let first = steady(&ecs, &cluster).await;
    let [task] = &tasks(&ecs, &cluster).await[..] else { panic!("one task") };
    assert_eq!(task.group(), Some("service:web"));
    assert_eq!(task.started_by(), primary(&first).id());
    assert!(messages(&first).contains(&"(service web) has reached a steady state."), "{first:#?}");

    // Again with the same definition: another task takes the place of the first.
    let update = ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true);
    let updated = update.send().await.expect("UpdateService").service.expect("the service");
    assert_eq!(updated.deployments().len(), 2);
    let id = primary(&updated).id().expect("an id").to_owned();
    assert_ne!(Some(id.as_str()), primary(&first).id());
    let second = steady(&ecs, &cluster).await;
    assert_eq!(primary(&second).id(), Some(id.as_str()));
    let [replaced] = &tasks(&ecs, &cluster).await[..] else { panic!("one task") };
    assert_ne!(replaced.task_arn(), task.task_arn());

    // As Terraform finds its deployment: by the digits of the PRIMARY's id.
    let digits = id.trim_start_matches("ecs-svc/");
    let listed = ecs.list_service_deployments().cluster(&cluster).service("web").send().await.expect("a list");
    let brief = &listed.service_deployments()[0];
    assert!(brief.target_service_revision_arn().is_some_and(|arn| arn.ends_with(digits)), "{brief:?}");
    assert_eq!(brief.status(), Some(&ServiceDeploymentStatus::Successful));
    let arn = brief.service_deployment_arn().expect("an ARN");
    let full = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.expect("described");
    let target = full.service_deployments()[0].target_service_revision().expect("a target");
    assert_eq!((target.requested_task_count(), target.running_task_count()), (1, 1));
    let revision = target.arn().expect("an ARN");
    let revision = ecs.describe_service_revisions().service_revision_arns(revision).send().await.expect("described");
    assert_eq!(revision.service_revisions()[0].task_definition(), Some(definition.as_str()));

    let scale = |count| ecs.update_service().cluster(&cluster).service("web").desired_count(count).send();
    scale(5).await.expect("UpdateService");
    assert_eq!(steady(&ecs, &cluster).await.running_count(), 5);
    scale(2).await.expect("UpdateService");
    let scaled = steady(&ecs, &cluster).await;
    assert_eq!(scaled.running_count(), 2);
    assert_eq!(primary(&scaled).id(), Some(id.as_str()), "no new deployment");
    let gone = ecs.list_tasks().cluster(&cluster).service_name("web").desired_status(DesiredStatus::Stopped);
    assert_eq!(gone.send().await.expect("ListTasks").task_arns().len(), 4);
    let refused = ecs.delete_cluster().cluster(&cluster).send().await;
    assert_eq!(refusal(refused).0, "ClusterContainsServicesException");
    end(&ecs, &cluster).await;
    ecs.delete_cluster().cluster(&cluster).send().await.expect("DeleteCluster");
}

fn breaker() -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build()
}

async fn a_bad_deployment_rolls_back(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let good = web(&ecs).await;
    service(&ecs, &cluster, &good, 1).deployment_configuration(breaker()).send().await.expect("CreateService");
    let before = steady(&ecs, &cluster).await;
    let task = tasks(&ecs, &cluster).await.remove(0);
    let image = format!("missing/{}:1", random_name("image"));
    let bad = ecs.on_fargate().container_definitions(app("web", &[]).image(image).build()).registered().await;
    let update = ecs.update_service().cluster(&cluster).service("web").task_definition(&bad);
    let updated = update.send().await.expect("UpdateService").service.expect("the service");
    let failing = primary(&updated).id().expect("an id").to_owned();
    let after = wait_until_some("the rollback", PATIENCE, || async {
        let service = described(&ecs, &cluster).await;
        let one = service.deployments().len() == 1 && primary(&service).id() != Some(failing.as_str());
        one.then_some(service)
    })
    .await;
    assert_eq!(after.task_definition(), Some(good.as_str()));
    assert_eq!(primary(&after).id(), primary(&before).id());
    let messages = messages(&after);
    let failed = format!("(service web) (deployment {failing}) deployment failed: tasks failed to start.");
    assert!(messages.contains(&failed.as_str()), "{messages:#?}");
    let back = format!("(service web) rolling back to deployment {}.", primary(&before).id().expect("an id"));
    assert!(messages.contains(&back.as_str()), "{messages:#?}");
    assert_eq!(tasks(&ecs, &cluster).await[0].task_arn(), task.task_arn(), "the task that ran was left alone");
    assert_eq!(primary(&after).rollout_state(), Some(&DeploymentRolloutState::Completed));

    // As Terraform's provider finds out: the deployments since its update, the one of the PRIMARY's digits, its end.
    let since = primary(&updated).created_at().expect("a time").secs() - 1;
    let since = CreatedAt::builder().after(DateTime::from_secs(since)).build();
    let listed = ecs.list_service_deployments().cluster(&cluster).service("web").created_at(since).send().await;
    let listed = listed.expect("ListServiceDeployments").service_deployments.unwrap_or_default();
    let digits = failing.trim_start_matches("ecs-svc/");
    let of_update = |brief: &&ServiceDeploymentBrief| {
        brief.target_service_revision_arn().is_some_and(|arn| arn.ends_with(&format!("/{digits}")))
    };
    let arn = listed.iter().find(of_update).and_then(|brief| brief.service_deployment_arn()).expect("the deployment");
    let described = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.expect("described");
    let [deployment] = described.service_deployments() else { panic!("one deployment") };
    assert_eq!(deployment.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
    let reason = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    assert_eq!(deployment.status_reason(), Some(reason));
    let back = deployment.rollback().and_then(|rollback| rollback.service_revision_arn()).expect("a revision");
    assert!(back.ends_with(primary(&before).id().expect("an id").trim_start_matches("ecs-svc/")), "{back}");
    let breaker = deployment.deployment_circuit_breaker().expect("a circuit breaker");
    assert_eq!(breaker.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered));
    assert_eq!((breaker.failure_count(), breaker.threshold()), (3, 3));
    end(&ecs, &cluster).await;
}

async fn a_daemon_is_on_every_instance(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    ecs.instance(&cluster, 1024, 1024).await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    let create = create.launch_type(LaunchType::Ec2).scheduling_strategy(SchedulingStrategy::Daemon);
    create.send().await.expect("CreateService");
    assert_eq!(steady(&ecs, &cluster).await.running_count(), 1);
    let second = ecs.instance(&cluster, 1024, 1024).await;
    wait_until("a task on the second instance", PATIENCE, || async {
        let tasks = tasks(&ecs, &cluster).await;
        tasks.iter().any(|task| task.container_instance_arn() == Some(second.as_str()))
    })
    .await;
    assert_eq!(steady(&ecs, &cluster).await.desired_count(), 2);
    end(&ecs, &cluster).await;
}

async fn a_killed_container_is_replaced(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let task = tasks(&ecs, &cluster).await.remove(0);
    let containers = docker::containers_of(task.task_arn().expect("an ARN"));
    let (_, id) = containers.iter().find(|(name, _)| name == "web").expect("its container");
    let _ = docker::run(&["kill", id]);
    wait_until("another task to run", PATIENCE, || async {
        let tasks = tasks(&ecs, &cluster).await;
        tasks.iter().any(|it| it.task_arn() != task.task_arn() && it.last_status() == Some("RUNNING"))
    })
    .await;
    steady(&ecs, &cluster).await;
    end(&ecs, &cluster).await;
}

/// `kill -9` in the middle of a deployment, of a rollback and of a deletion: each goes on and ends, and the container
/// that ran all the time is the same.
#[tokio::test]
async fn what_is_under_way_goes_on_after_a_kill() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let start = || Server::start_on(store.clone(), Runtime::Docker, &[]);
    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    let cluster = ecs.cluster().await;
    let good = web(&ecs).await;
    service(&ecs, &cluster, &good, 1).deployment_configuration(breaker()).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true).send().await.expect("updated");
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    let rolled = steady(&ecs, &cluster).await;
    let task = tasks(&ecs, &cluster).await.remove(0);
    assert_eq!(task.started_by(), primary(&rolled).id());
    let image = format!("missing/{}:1", random_name("image"));
    let bad = ecs.on_fargate().container_definitions(app("web", &[]).image(image).build()).registered().await;
    ecs.update_service().cluster(&cluster).service("web").task_definition(&bad).send().await.expect("updated");
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    wait_until("the rollback", PATIENCE, || async {
        let listed = ecs.list_service_deployments().cluster(&cluster).service("web").send().await.expect("a list");
        listed.service_deployments()[0].status() == Some(&ServiceDeploymentStatus::RollbackSuccessful)
    })
    .await;
    let after = tasks(&ecs, &cluster).await.remove(0);
    assert_eq!(after.task_arn(), task.task_arn());
    assert_eq!(after.containers()[0].runtime_id(), task.containers()[0].runtime_id());
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    wait_until("the service to be INACTIVE", PATIENCE, || async {
        described(&ecs, &cluster).await.status() == Some("INACTIVE")
    })
    .await;
    server.stop();
}

/// A server that stops its tasks at its end (`--ephemeral`) has none of them replaced.
#[tokio::test]
async fn a_server_ends_although_services_want_their_tasks() {
    needs_own_server!();
    let server = Server::start(Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 3).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

async fn a_crash_loop_is_throttled(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let container =
        app("web", &["exit", "1"]).docker_labels("sim.run-for", "10ms").docker_labels("sim.exit-code", "1").build();
    let definition = ecs.on_fargate().container_definitions(container).registered().await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    let impaired = "(service web) is unable to consistently start tasks successfully.";
    wait_until("the service to be impaired", PATIENCE, || async {
        messages(&described(&ecs, &cluster).await).contains(&impaired)
    })
    .await;
    let stopped = ecs.list_tasks().cluster(&cluster).service_name("web").desired_status(DesiredStatus::Stopped);
    let stopped = stopped.send().await.expect("ListTasks").task_arns().len();
    assert!((2..6).contains(&stopped), "{stopped} tasks");
    end(&ecs, &cluster).await;
}

/// Fewer than ten containers a minute, on a clock that runs fast.
#[tokio::test]
async fn a_crash_loop_starts_few_containers_a_minute() {
    needs_own_server!();
    let server = Server::start(Runtime::Simulated, &[]);
    let ecs = server.ecs();
    let fast = serde_json::json!({ "speed": 30 }).to_string();
    let url = format!("{}/_localecs/clock", server.endpoint());
    let json = [("content-type", "application/json")];
    let answer = http::request("POST", &url, &json, fast.as_bytes(), Duration::from_secs(5));
    assert_eq!(answer.expect("an answer").status, 200);
    let cluster = ecs.cluster().await;
    let container = app("web", &[]).docker_labels("sim.run-for", "10ms").docker_labels("sim.exit-code", "1").build();
    let definition = ecs.on_fargate().container_definitions(container).registered().await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    let starts = wait_until_some("tasks over more than a minute", PATIENCE, || async {
        let stopped = ecs.list_tasks().cluster(&cluster).service_name("web").desired_status(DesiredStatus::Stopped);
        let stopped = stopped.send().await.expect("ListTasks").task_arns.filter(|arns| !arns.is_empty())?;
        let answer = ecs.describe_tasks().cluster(&cluster).set_tasks(Some(stopped)).send().await;
        let tasks = answer.expect("DescribeTasks").tasks.unwrap_or_default();
        let mut starts: Vec<i64> = tasks.iter().filter_map(|task| Some(task.created_at()?.secs())).collect();
        starts.sort_unstable();
        (starts.last()? - starts.first()? > 60).then_some(starts)
    })
    .await;
    let minute = starts.iter().filter(|start| **start < starts[0] + 60).count();
    assert!((3..10).contains(&minute), "{minute} in a minute: {starts:?}");
    end(&ecs, &cluster).await;
}

async fn protection_holds_at_scale_in(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 3).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let kept = tasks(&ecs, &cluster).await[1].task_arn().expect("an ARN").to_owned();
    let protect = ecs.update_task_protection().cluster(&cluster).tasks(&kept).protection_enabled(true);
    assert_eq!(protect.send().await.expect("UpdateTaskProtection").protected_tasks().len(), 1);
    let scale = ecs.update_service().cluster(&cluster).service("web").desired_count(1);
    scale.send().await.expect("UpdateService");
    steady(&ecs, &cluster).await;
    let left: Vec<_> =
        tasks(&ecs, &cluster).await.iter().filter_map(|task| task.task_arn().map(str::to_owned)).collect();
    assert_eq!(left, [kept]);
    end(&ecs, &cluster).await;
}

async fn lists_and_pages(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    for name in ["a", "b", "c"] {
        service(&ecs, &cluster, &definition, 0).service_name(name).send().await.expect("CreateService");
    }
    let first = ecs.list_services().cluster(&cluster).max_results(2).send().await.expect("ListServices");
    assert_eq!(first.service_arns().len(), 2);
    let rest = ecs.list_services().cluster(&cluster).set_next_token(first.next_token);
    assert_eq!(rest.send().await.expect("ListServices").service_arns(), [ecs.arn(&format!("service/{cluster}/c"))]);
    let ec2 = ecs.list_services().cluster(&cluster).launch_type(LaunchType::Ec2).send().await.expect("ListServices");
    assert_eq!(ec2.service_arns(), [] as [&str; 0]);
    let answer = ecs.describe_services().cluster(&cluster).services("a").services("none").send().await;
    let answer = answer.expect("DescribeServices");
    assert_eq!((answer.services().len(), answer.failures()[0].reason()), (1, Some("MISSING")));
    ecs.delete_service().cluster(&cluster).service("a").send().await.expect("DeleteService");
    let listed = ecs.list_services().cluster(&cluster).send().await.expect("ListServices");
    assert_eq!(listed.service_arns().len(), 2, "deleted ones are not listed");
}

async fn refusals(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let missing = ecs.update_service().cluster(&cluster).service("none").desired_count(1).send().await;
    assert_eq!(refusal(missing), ("ServiceNotFoundException".into(), "Service not found.".into()));
    service(&ecs, &cluster, &definition, 0).send().await.expect("CreateService");
    let again = service(&ecs, &cluster, &definition, 0).send().await;
    let words = "Creation of service was not idempotent.";
    assert_eq!(refusal(again), ("InvalidParameterException".into(), words.into()));
    ecs.delete_service().cluster(&cluster).service("web").send().await.expect("DeleteService");
    wait_until("the service to be INACTIVE", PATIENCE, || async {
        described(&ecs, &cluster).await.status() == Some("INACTIVE")
    })
    .await;
    let late = ecs.update_service().cluster(&cluster).service("web").desired_count(1).send().await;
    assert_eq!(refusal(late), ("ServiceNotActiveException".into(), "Service was not ACTIVE.".into()));
}
