//! Tasks on container instances: what they take, what they give back, and why some find no room.

use api_models::ecs::{
    ListTasksRequest, PlacementConstraint, PlacementConstraintType, PlacementStrategy, PlacementStrategyType,
    PortMapping, RegisterContainerInstanceRequest, Resource, StartTaskRequest,
};

use super::*;
use crate::services::ecs::operations::{register_container_instance, start_task};
use crate::services::ecs::resources::Resources;

/// Registers an instance of this much CPU and memory, and returns its ARN.
async fn instance(context: &Context, cpu: i32, memory: i32) -> String {
    let resource = |name: &str, value: i32| Resource {
        name: Some(name.into()),
        r#type: Some("INTEGER".into()),
        integer_value: Some(value),
        ..Resource::default()
    };
    let request = RegisterContainerInstanceRequest {
        total_resources: Some(vec![resource("CPU", cpu), resource("MEMORY", memory)]),
        ..RegisterContainerInstanceRequest::default()
    };
    let answer = register_container_instance::handle(context.clone(), request).await.expect("an instance");
    answer.container_instance.and_then(|instance| instance.container_instance_arn).expect("an ARN")
}

fn remaining(context: &Context) -> Vec<Resources> {
    context.snapshot().container_instances.values().map(|instance| instance.remaining.clone()).collect()
}

fn job(count: i32) -> RunTaskRequest {
    RunTaskRequest { task_definition: Some("job".into()), count: Some(count), ..RunTaskRequest::default() }
}

fn reasons(answer: &RunTaskResponse) -> Vec<&str> {
    answer.failures.iter().flatten().map(|failure| failure.reason.as_deref().expect("a reason")).collect()
}

#[tokio::test]
async fn what_a_task_takes_comes_back_when_it_has_stopped() {
    let context = ready().await;
    let on = instance(&context, 256, 1000).await;
    let before = remaining(&context);
    let answer = run(&context, job(3)).await.expect("an answer");
    let tasks = answer.tasks.clone().expect("tasks");
    assert_eq!((tasks.len(), reasons(&answer)), (2, vec!["RESOURCE:CPU"]));
    assert_eq!(answer.failures.as_ref().expect("failures")[0].arn.as_ref(), Some(&on));
    let task = &tasks[0];
    assert_eq!((task.last_status.as_deref(), &task.attachments), (Some("PENDING"), &Some(vec![])));
    assert_eq!((&task.launch_type, &task.container_instance_arn), (&Some(LaunchType::Ec2), &Some(on.clone())));
    assert_eq!((task.cpu.as_deref(), task.memory.as_deref()), (Some("100"), Some("100")));
    assert_eq!((&task.platform_version, &task.ephemeral_storage), (&None, &None));
    assert_eq!(task.availability_zone.as_deref(), Some("us-east-1a"));
    assert_eq!((remaining(&context)[0].cpu, remaining(&context)[0].memory), (56, 800));
    let here = ListTasksRequest { container_instance: Some(on), ..ListTasksRequest::default() };
    assert_eq!(listed(&context, here).await.len(), 2);
    for arn in ids(&tasks) {
        let request = StopTaskRequest { task: Some(arn.clone()), ..StopTaskRequest::default() };
        stop_task::handle(context.clone(), request).await.expect("stopped");
        for _twice_is_once in 0..2 {
            change(&context, &arn, |task| task.last_status = TaskStatus::Stopped).await;
        }
    }
    assert_eq!(remaining(&context), before);
}

#[tokio::test]
async fn a_fixed_host_port_is_one_task_s() {
    let context = ready().await;
    instance(&context, 1024, 1024).await;
    let port = PortMapping { container_port: Some(80), host_port: Some(8080), ..PortMapping::default() };
    let main = ContainerDefinition { memory: Some(10), port_mappings: Some(vec![port]), ..container("main") };
    let definition = RegisterTaskDefinitionRequest {
        family: Some("port".into()),
        container_definitions: Some(vec![main]),
        ..RegisterTaskDefinitionRequest::default()
    };
    register(&context, definition).await;
    let request = || RunTaskRequest { task_definition: Some("port".into()), ..job(1) };
    let first = arn(&started(&context, request()).await[0]);
    assert_eq!(reasons(&run(&context, request()).await.expect("an answer")), ["RESOURCE:PORTS"]);
    change(&context, &first, |task| task.last_status = TaskStatus::Stopped).await;
    started(&context, request()).await;
}

#[tokio::test]
async fn constraints_and_strategies_choose() {
    let context = ready().await;
    for _ in 0..2 {
        instance(&context, 1024, 1024).await;
    }
    let distinct =
        PlacementConstraint { r#type: Some(PlacementConstraintType::DistinctInstance), ..Default::default() };
    let request = || RunTaskRequest { placement_constraints: Some(vec![distinct.clone()]), ..job(2) };
    let tasks = started(&context, request()).await;
    assert_ne!(tasks[0].container_instance_arn, tasks[1].container_instance_arn);
    let again = run(&context, request()).await.expect("an answer");
    assert_eq!(reasons(&again).len(), 2);
    let spread = PlacementStrategy { r#type: Some(PlacementStrategyType::Spread), field: Some("instanceId".into()) };
    started(&context, RunTaskRequest { placement_strategy: Some(vec![spread]), ..job(4) }).await;
    let left: Vec<_> = remaining(&context).iter().map(|left| left.cpu).collect();
    assert_eq!(left, [1024 - 300, 1024 - 300]);
}

#[tokio::test]
async fn awsvpc_works_on_instances_too() {
    let context = ready().await;
    instance(&context, 1024, 1024).await;
    let task = started(&context, RunTaskRequest { launch_type: Some(LaunchType::Ec2), ..web() }).await.remove(0);
    assert_eq!(task.last_status.as_deref(), Some("PROVISIONING"));
    assert_eq!(task.attachments.expect("attachments").len(), 1);
    assert_eq!(remaining(&context)[0].cpu, 1024 - 256);
}

#[tokio::test]
async fn start_task_takes_the_instances_it_is_given() {
    let context = ready().await;
    let (small, large) = (instance(&context, 50, 1000).await, instance(&context, 1000, 1000).await);
    let unknown = "0".repeat(32);
    let request = |instances: Vec<String>| StartTaskRequest {
        task_definition: Some("job".into()),
        container_instances: Some(instances),
        ..StartTaskRequest::default()
    };
    let all = request(vec![small.clone(), large.clone(), unknown.clone()]);
    let answer = start_task::handle(context.clone(), all).await.expect("an answer");
    let tasks = answer.tasks.expect("tasks");
    assert_eq!(tasks.iter().map(|task| task.container_instance_arn.clone()).collect::<Vec<_>>(), [Some(large)]);
    let failures = answer.failures.expect("failures");
    let failures: Vec<_> = failures.iter().map(|it| (it.arn.as_deref(), it.reason.as_deref())).collect();
    let unknown = format!("arn:aws:ecs:us-east-1:123456789012:container-instance/default/{unknown}");
    assert_eq!(failures, [(Some(&*small), Some("RESOURCE:CPU")), (Some(&*unknown), Some("MISSING"))]);
    for (instances, expected) in [
        (vec![], "Container Instances cannot be empty."),
        (vec![small; 11], "Container Instances cannot have more than 10 elements."),
        (vec!["short".into()], "containerInstanceId length should be one of [32,36]"),
    ] {
        let refused = start_task::handle(context.clone(), request(instances)).await.expect_err("refused");
        assert_eq!(refused.message(), expected);
    }
}
