//! Services whose deployments somebody else controls: task sets through the official client.

use std::time::Duration;

use aws_sdk_ecs::operation::create_task_set::builders::CreateTaskSetFluentBuilder;
use aws_sdk_ecs::types::{
    DeploymentController, DeploymentControllerType, LaunchType, Scale, ScaleUnit, Service, StabilityStatus, Tag,
    TaskSet, TaskSetField,
};
use compat_tests::{Ecs, Registers, app, awsvpc, refusal, wait_until, wait_until_some};

on_both!(a_blue_green_deployment_by_task_sets);

on_simulated!(a_code_deploy_service_is_updated_elsewhere, task_sets_of_nobody);

const PATIENCE: Duration = Duration::from_secs(120);

async fn web(ecs: &Ecs) -> String {
    ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await
}

fn controller(kind: DeploymentControllerType) -> DeploymentController {
    DeploymentController::builder().r#type(kind).build().expect("complete")
}

fn percent(value: f64) -> Scale {
    Scale::builder().value(value).unit(ScaleUnit::Percent).build()
}

fn task_set(ecs: &Ecs, cluster: &str, definition: &str) -> CreateTaskSetFluentBuilder {
    ecs.create_task_set()
        .cluster(cluster)
        .service("web")
        .task_definition(definition)
        .launch_type(LaunchType::Fargate)
        .network_configuration(awsvpc(&["subnet-0a"]))
}

async fn service(ecs: &Ecs, cluster: &str) -> Service {
    let answer = ecs.describe_services().cluster(cluster).services("web").send().await.expect("DescribeServices");
    answer.services()[0].clone()
}

/// Waits until the task set has so many tasks and is steady.
async fn steady(ecs: &Ecs, cluster: &str, id: &str, count: i32) -> TaskSet {
    wait_until_some("the task set to be steady", PATIENCE, || async {
        let describe = ecs.describe_task_sets().cluster(cluster).service("web").task_sets(id);
        let answer = describe.include(TaskSetField::Tags).send().await.expect("DescribeTaskSets");
        let set = answer.task_sets()[0].clone();
        let there = set.running_count() == count && set.stability_status() == Some(&StabilityStatus::SteadyState);
        there.then_some(set)
    })
    .await
}

async fn a_blue_green_deployment_by_task_sets(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let (blue_definition, green_definition) = (web(&ecs).await, web(&ecs).await);
    let external = controller(DeploymentControllerType::External);
    let create = ecs.create_service().cluster(&cluster).service_name("web").desired_count(2);
    create.deployment_controller(external).send().await.expect("CreateService");
    let tag = Tag::builder().key("color").value("blue").build();
    let create = task_set(&ecs, &cluster, &blue_definition).external_id("blue").scale(percent(100.0)).tags(tag);
    let blue = create.send().await.expect("CreateTaskSet").task_set.expect("a task set");
    let id = blue.id().expect("an id");
    assert_eq!(blue.task_set_arn(), Some(ecs.arn(&format!("task-set/{cluster}/web/{id}")).as_str()));
    let set = steady(&ecs, &cluster, id, 2).await;
    assert_eq!((set.computed_desired_count(), set.tags().len(), set.status()), (2, 1, Some("ACTIVE")));
    let listed = ecs.list_tasks().cluster(&cluster).started_by(id).send().await.expect("ListTasks");
    assert_eq!(listed.task_arns().len(), 2);
    let primary = ecs.update_service_primary_task_set().cluster(&cluster).service("web").primary_task_set(id);
    let primary = primary.send().await.expect("UpdateServicePrimaryTaskSet").task_set.expect("the task set");
    assert_eq!(primary.status(), Some("PRIMARY"));
    assert_eq!(service(&ecs, &cluster).await.task_definition(), Some(blue_definition.as_str()));

    let create = task_set(&ecs, &cluster, &green_definition).scale(percent(50.0));
    let green = create.send().await.expect("CreateTaskSet").task_set.expect("a task set");
    let green = green.id().expect("an id");
    steady(&ecs, &cluster, green, 1).await;
    let update = ecs.update_task_set().cluster(&cluster).service("web").task_set(green).scale(percent(100.0));
    update.send().await.expect("UpdateTaskSet");
    steady(&ecs, &cluster, green, 2).await;
    let primary = ecs.update_service_primary_task_set().cluster(&cluster).service("web").primary_task_set(green);
    primary.send().await.expect("UpdateServicePrimaryTaskSet");
    let delete = || ecs.delete_task_set().cluster(&cluster).service("web").task_set(id);
    assert_eq!(refusal(delete().send().await).0, "InvalidParameterException");
    let draining = delete().force(true).send().await.expect("DeleteTaskSet").task_set.expect("the task set");
    assert_eq!(draining.status(), Some("DRAINING"));
    wait_until("the task set to be gone", PATIENCE, || async {
        let sets = service(&ecs, &cluster).await.task_sets().len();
        sets == 1
    })
    .await;
    let left = service(&ecs, &cluster).await;
    assert_eq!(left.task_definition(), Some(green_definition.as_str()));
    assert_eq!((left.running_count(), left.deployments().len()), (2, 0));
    let refused = ecs.update_service().cluster(&cluster).service("web").task_definition(&blue_definition).send().await;
    let (code, message) = refusal(refused);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with("Unable to update task definition on services with an EXTERNAL"), "{message}");
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
    wait_until("the service to be INACTIVE", PATIENCE, || async {
        service(&ecs, &cluster).await.status() == Some("INACTIVE")
    })
    .await;
}

async fn a_code_deploy_service_is_updated_elsewhere(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let create = ecs.create_service().cluster(&cluster).service_name("web").desired_count(1);
    let create = create.task_definition(&definition).launch_type(LaunchType::Fargate);
    let create = create.network_configuration(awsvpc(&["subnet-0a"]));
    let create = create.deployment_controller(controller(DeploymentControllerType::CodeDeploy));
    let created = create.send().await.expect("CreateService").service.expect("a service");
    assert_eq!((created.task_sets().len(), created.deployments().len()), (1, 0));
    let id = created.task_sets()[0].id().expect("an id");
    assert_eq!(steady(&ecs, &cluster, id, 1).await.status(), Some("PRIMARY"));
    let update = || ecs.update_service().cluster(&cluster).service("web");
    let words = |what: &str| {
        format!(
            "{what} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new \
             deployment."
        )
    };
    let refused = refusal(update().task_definition(&definition).send().await);
    assert_eq!(refused.1, words("Unable to update task definition"));
    let refused = refusal(update().network_configuration(awsvpc(&["subnet-0b"])).send().await);
    assert_eq!(refused.1, words("Unable to update network parameters"));
    let refused = refusal(update().force_new_deployment(true).send().await);
    assert_eq!(refused.1, words("Cannot force a new deployment"));
    update().desired_count(2).send().await.expect("UpdateService");
    steady(&ecs, &cluster, id, 2).await;
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
}

async fn task_sets_of_nobody(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let missing = task_set(&ecs, &cluster, &definition).send().await;
    assert_eq!(refusal(missing), ("ServiceNotFoundException".into(), "Service not found.".into()));
    let external = controller(DeploymentControllerType::External);
    let create = ecs.create_service().cluster(&cluster).service_name("web").deployment_controller(external);
    create.send().await.expect("CreateService");
    let update = ecs.update_task_set().cluster(&cluster).service("web").scale(percent(1.0));
    assert_eq!(refusal(update.clone().task_set("ecs-svc/1").send().await).0, "TaskSetNotFoundException");
    let invalid = ("InvalidParameterException".into(), "Task Set Identifier is invalid".into());
    assert_eq!(refusal(update.task_set("blue").send().await), invalid);
    let describe = ecs.describe_task_sets().cluster(&cluster).service("web").task_sets("ecs-svc/1");
    let answer = describe.send().await.expect("DescribeTaskSets");
    assert_eq!((answer.task_sets().len(), answer.failures()[0].reason()), (0, Some("MISSING")));
    let too_much = task_set(&ecs, &cluster, &definition).scale(percent(101.0)).send().await;
    assert_eq!(refusal(too_much).1, "Scale value must be between 0 and 100.");
}
