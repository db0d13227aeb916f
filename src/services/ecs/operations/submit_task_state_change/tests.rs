//! Reports of agents: taken in once, and never back.

use api_models::ecs::{
    AttachmentStateChange, ContainerDefinition, ContainerStateChange, DescribeTasksRequest,
    DiscoverPollEndpointRequest, NetworkConfiguration, RegisterTaskDefinitionRequest, RunTaskRequest,
    SubmitAttachmentStateChangesRequest, SubmitContainerStateChangeRequest, Task as Shown, TaskStopCode,
};

use super::*;
use crate::services::ecs::operations::{
    create_cluster, describe_tasks, discover_poll_endpoint, register_container_instance, register_task_definition,
    run_task, submit_attachment_state_changes, submit_container_state_change,
};
use crate::testing::context;

/// A task on an instance that nobody runs.
async fn task(mode: &str) -> (Context, Shown) {
    let context = context();
    create_cluster::handle(context.clone(), Default::default()).await.expect("a cluster");
    register_container_instance::handle(context.clone(), Default::default()).await.expect("an instance");
    let container = ContainerDefinition {
        name: Some("web".into()),
        image: Some("web:1".into()),
        memory: Some(64),
        ..ContainerDefinition::default()
    };
    let definition = RegisterTaskDefinitionRequest {
        family: Some("web".into()),
        network_mode: Some(mode.into()),
        container_definitions: Some(vec![container]),
        ..Default::default()
    };
    register_task_definition::handle(context.clone(), definition).await.expect("a definition");
    let vpc = api_models::ecs::AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..Default::default() };
    let network = NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) };
    let run = RunTaskRequest {
        task_definition: Some("web".into()),
        network_configuration: (mode == "awsvpc").then(|| Box::new(network)),
        ..Default::default()
    };
    let answer = run_task::handle(context.clone(), run).await.expect("a task");
    (context, answer.tasks.expect("tasks").swap_remove(0))
}

async fn now(context: &Context, task: &Shown) -> Shown {
    let request = DescribeTasksRequest { tasks: task.task_arn.clone().map(|arn| vec![arn]), ..Default::default() };
    describe_tasks::handle(context.clone(), request).await.expect("described").tasks.expect("tasks").swap_remove(0)
}

fn report(task: &Shown, status: &str, container: ContainerStateChange) -> SubmitTaskStateChangeRequest {
    SubmitTaskStateChangeRequest {
        task: task.task_arn.clone(),
        status: Some(status.into()),
        containers: Some(vec![ContainerStateChange { container_name: Some("web".into()), ..container }]),
        ..Default::default()
    }
}

#[tokio::test]
async fn reports_are_taken_once_and_never_back() {
    let (context, task) = task("bridge").await;
    let running = ContainerStateChange {
        status: Some("RUNNING".into()),
        runtime_id: Some("abc".into()),
        ..ContainerStateChange::default()
    };
    let stopped = ContainerStateChange {
        status: Some("STOPPED".into()),
        exit_code: Some(3),
        reason: Some("OutOfMemoryError: Container killed due to memory usage".into()),
        ..ContainerStateChange::default()
    };
    for _ in 0..2 {
        let answer = handle(context.clone(), report(&task, "RUNNING", running.clone())).await.expect("taken");
        assert_eq!(answer.acknowledgment.as_deref(), Some("ACK"));
        let task = now(&context, &task).await;
        assert_eq!((task.last_status.as_deref(), task.version), (Some("RUNNING"), Some(2)));
        let containers = task.containers.expect("containers");
        assert_eq!(containers[0].runtime_id.as_deref(), Some("abc"));
    }
    for _ in 0..2 {
        handle(context.clone(), report(&task, "STOPPED", stopped.clone())).await.expect("taken");
        handle(context.clone(), report(&task, "RUNNING", running.clone())).await.expect("taken, and too late");
        let task = now(&context, &task).await;
        assert_eq!((task.desired_status.as_deref(), task.version), (Some("STOPPED"), Some(3)));
        assert_eq!(task.stop_code, Some(TaskStopCode::EssentialContainerExited));
        assert_eq!(task.stopped_reason.as_deref(), Some("Essential container in task exited"));
        let containers = task.containers.expect("containers");
        assert_eq!((containers[0].exit_code, containers[0].last_status.as_deref()), (Some(3), Some("STOPPED")));
    }
}

#[tokio::test]
async fn containers_and_attachments_are_reported_alone() {
    let (context, task) = task("awsvpc").await;
    let request = SubmitContainerStateChangeRequest {
        task: task.task_arn.clone(),
        container_name: Some("web".into()),
        status: Some("STOPPED".into()),
        reason: Some("CannotPullContainerError: no".into()),
        ..Default::default()
    };
    submit_container_state_change::handle(context.clone(), request).await.expect("taken");
    let id = task.attachments.as_ref().and_then(|it| it[0].id.clone()).expect("an attachment");
    let changes = |id: &str| SubmitAttachmentStateChangesRequest {
        attachments: Some(vec![AttachmentStateChange {
            attachment_arn: Some(format!("arn:aws:ecs:us-east-1:123456789012:attachment/{id}")),
            status: Some("ATTACHED".into()),
        }]),
        ..Default::default()
    };
    submit_attachment_state_changes::handle(context.clone(), changes(&id)).await.expect("taken");
    let seen = now(&context, &task).await;
    assert_eq!(seen.containers.expect("containers")[0].reason.as_deref(), Some("CannotPullContainerError: no"));
    assert_eq!(seen.attachments.expect("attachments")[0].status.as_deref(), Some("ATTACHED"));
    let unknown = submit_attachment_state_changes::handle(context, changes("x")).await.expect_err("unknown");
    assert!(unknown.to_string().contains("was not found"), "{unknown}");
}

#[tokio::test]
async fn agents_find_the_server_and_only_known_tasks() {
    let (context, task) = task("bridge").await;
    let found = discover_poll_endpoint::handle(context.clone(), Default::default()).await.expect("an endpoint");
    assert_eq!(found.endpoint.as_deref(), Some("http://localhost:4566/"));
    let instance = task.container_instance_arn.clone();
    for (container_instance, known) in [(instance, true), (Some("f".repeat(32)), false)] {
        let request = DiscoverPollEndpointRequest { container_instance, cluster: None };
        assert_eq!(discover_poll_endpoint::handle(context.clone(), request).await.is_ok(), known);
    }
    let mut unknown = report(&task, "RUNNING", ContainerStateChange::default());
    unknown.task = Some("f".repeat(32));
    let error = handle(context, unknown).await.expect_err("no such task").to_string();
    assert!(error.contains("The referenced task was not found."), "{error}");
}
