//! Tasks through the operations, on a store in memory: run, start, list, describe, stop.

mod instances;
mod refusals;

use std::time::Duration;

use api_models::OperationError;
use api_models::ecs::{
    AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerDefinition, ContainerOverride, CreateClusterRequest,
    DescribeTasksRequest, DesiredStatus, GetTaskProtectionRequest, KeyValuePair, LaunchType, ListTasksRequest,
    NetworkConfiguration, NetworkMode, PropagateTags, RegisterTaskDefinitionRequest, RunTaskError, RunTaskRequest,
    RunTaskResponse, StopTaskRequest, Tag, Task as Shown, TaskField, TaskOverride, TaskStopCode,
    UpdateTaskProtectionRequest,
};

use crate::config::Config;
use crate::services::Context;
use crate::services::ecs::network;
use crate::services::ecs::operations::{
    create_cluster, describe_tasks, get_task_protection, list_tasks, register_task_definition, run_task, stop_task,
    update_task_protection,
};
use crate::services::ecs::resources::{AttachmentStatus, Task, TaskStatus};
use crate::testing::{START, context_with};

/// A context with the default cluster (FARGATE and FARGATE_SPOT associated), and two task definitions: `web`, awsvpc
/// with two containers and Fargate's smallest size, and `job`, bridge with one container of 100 CPU units and MiB.
async fn ready() -> Context {
    ready_with(Config::default()).await
}

async fn ready_with(config: Config) -> Context {
    let context = context_with(config);
    let cluster = CreateClusterRequest {
        capacity_providers: Some(vec!["FARGATE".into(), "FARGATE_SPOT".into()]),
        ..CreateClusterRequest::default()
    };
    create_cluster::handle(context.clone(), cluster).await.expect("a cluster");
    let web = RegisterTaskDefinitionRequest {
        family: Some("web".into()),
        network_mode: Some(NetworkMode::Awsvpc),
        cpu: Some("256".into()),
        memory: Some("512".into()),
        container_definitions: Some(vec![container("app"), container("sidecar")]),
        tags: Some(vec![tag("team", "web"), tag("stage", "test")]),
        ..RegisterTaskDefinitionRequest::default()
    };
    register(&context, web).await;
    let job = ContainerDefinition { cpu: Some(100), memory: Some(100), ..container("main") };
    let job = RegisterTaskDefinitionRequest {
        family: Some("job".into()),
        container_definitions: Some(vec![job]),
        ..RegisterTaskDefinitionRequest::default()
    };
    register(&context, job).await;
    context
}

async fn register(context: &Context, request: RegisterTaskDefinitionRequest) {
    register_task_definition::handle(context.clone(), request).await.expect("a task definition");
}

fn container(name: &str) -> ContainerDefinition {
    ContainerDefinition { name: Some(name.into()), image: Some("app:1".into()), ..ContainerDefinition::default() }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: Some(key.into()), value: Some(value.into()) }
}

fn subnets(ids: &[&str]) -> Option<Box<NetworkConfiguration>> {
    let vpc = AwsVpcConfiguration {
        subnets: Some(ids.iter().map(ToString::to_string).collect()),
        ..AwsVpcConfiguration::default()
    };
    Some(Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) }))
}

/// `web` on Fargate in one subnet.
fn web() -> RunTaskRequest {
    RunTaskRequest {
        task_definition: Some("web".into()),
        launch_type: Some(LaunchType::Fargate),
        network_configuration: subnets(&["subnet-1"]),
        ..RunTaskRequest::default()
    }
}

async fn run(context: &Context, request: RunTaskRequest) -> Result<RunTaskResponse, RunTaskError> {
    run_task::handle(context.clone(), request).await
}

async fn started(context: &Context, request: RunTaskRequest) -> Vec<Shown> {
    let answer = run(context, request).await.expect("tasks");
    assert_eq!(answer.failures, Some(vec![]));
    answer.tasks.expect("a list")
}

fn arn(task: &Shown) -> String {
    task.task_arn.clone().expect("an ARN")
}

fn ids(tasks: &[Shown]) -> Vec<String> {
    tasks.iter().map(arn).collect()
}

async fn described(context: &Context, arn: &str) -> Shown {
    let request = DescribeTasksRequest { tasks: Some(vec![arn.into()]), ..DescribeTasksRequest::default() };
    let answer = describe_tasks::handle(context.clone(), request).await.expect("an answer");
    answer.tasks.expect("a list").remove(0)
}

async fn listed(context: &Context, request: ListTasksRequest) -> Vec<String> {
    list_tasks::handle(context.clone(), request).await.expect("a page").task_arns.expect("a list")
}

/// What the agent does to a task's record.
async fn change(context: &Context, arn: &str, change: impl FnOnce(&mut Task)) {
    let id = arn.rsplit('/').next().expect("an id").to_owned();
    context
        .store()
        .transact::<_, RunTaskError>(|tx| {
            let mut task = tx.tasks.values().find(|task| *task.key.id == *id).expect("a task").as_ref().clone();
            change(&mut task);
            if task.last_status == TaskStatus::Stopped {
                crate::services::ecs::resources::reservation::release(tx, &mut task);
            }
            tx.put(task);
            Ok(())
        })
        .await
        .expect("written");
}

#[tokio::test]
async fn a_fargate_task_looks_as_it_does_on_aws() {
    let context = ready().await;
    let task = started(&context, web()).await.remove(0);
    let prefix = "arn:aws:ecs:us-east-1:123456789012:";
    let arn = arn(&task);
    let id = arn.strip_prefix(&format!("{prefix}task/default/")).expect("a long ARN");
    assert_eq!(id.len(), 32);
    assert_eq!(task.cluster_arn, Some(format!("{prefix}cluster/default")));
    assert_eq!(task.task_definition_arn, Some(format!("{prefix}task-definition/web:1")));
    let texts = [
        (&task.last_status, "PROVISIONING"),
        (&task.desired_status, "RUNNING"),
        (&task.group, "family:web"),
        (&task.cpu, "256"),
        (&task.memory, "512"),
        (&task.platform_version, "1.4.0"),
        (&task.platform_family, "Linux"),
        (&task.availability_zone, &network::zone_of_subnet(&context.scope.region, "subnet-1")),
    ];
    for (text, expected) in texts {
        assert_eq!(text.as_deref(), Some(expected));
    }
    assert_eq!((&task.launch_type, &task.capacity_provider_name), (&Some(LaunchType::Fargate), &None));
    assert_eq!((task.version, task.created_at, task.started_at), (Some(1), Some(START), None));
    assert_eq!((&task.connectivity, &task.health_status, &task.container_instance_arn), (&None, &None, &None));
    assert_eq!(task.ephemeral_storage.as_ref().and_then(|storage| storage.size_in_gi_b), Some(20));
    assert_eq!(task.fargate_ephemeral_storage.as_ref().and_then(|storage| storage.size_in_gi_b), Some(20));
    assert_eq!((&task.tags, task.enable_execute_command), (&Some(vec![]), Some(false)));
    let attribute = &task.attributes.as_ref().expect("attributes")[0];
    assert_eq!((attribute.name.as_deref(), attribute.value.as_deref()), (Some("ecs.cpu-architecture"), Some("x86_64")));
    let attachment = &task.attachments.as_ref().expect("attachments")[0];
    assert_eq!(attachment.status.as_deref(), Some("PRECREATED"));
    let detail = KeyValuePair { name: Some("subnetId".into()), value: Some("subnet-1".into()) };
    assert_eq!(attachment.details, Some(vec![detail]));
    let containers = task.containers.as_ref().expect("containers");
    let names: Vec<_> = containers.iter().map(|container| container.name.as_deref().expect("a name")).collect();
    assert_eq!(names, ["app", "sidecar"]);
    let first = &containers[0];
    let container_arn = first.container_arn.as_deref().expect("an ARN");
    assert!(container_arn.starts_with(&format!("{prefix}container/default/{id}/")), "{container_arn}");
    assert_eq!((first.last_status.as_deref(), first.cpu.as_deref()), (Some("PENDING"), Some("0")));
    assert_eq!((&first.memory, &first.network_bindings, &first.runtime_id), (&None, &None, &None));
    assert_eq!(first.network_interfaces, Some(vec![]));
    let overrides = task.overrides.as_ref().expect("overrides");
    let named = |name: &str| ContainerOverride { name: Some(name.into()), ..ContainerOverride::default() };
    assert_eq!(overrides.container_overrides, Some(vec![named("app"), named("sidecar")]));
    assert_eq!(overrides.inference_accelerator_overrides, Some(vec![]));
    assert_eq!(described(&context, &arn).await, task);
}

#[tokio::test]
async fn a_running_task_shows_its_interface_and_what_runs() {
    let context = ready().await;
    let arn = arn(&started(&context, web()).await[0]);
    change(&context, &arn, |task| {
        let attachment = task.attachment.as_mut().expect("an attachment");
        attachment.status = AttachmentStatus::Attached;
        attachment.address = Some([10, 192, 0, 7].into());
        attachment.mac_address = Some("02:42:0a:c0:00:07".into());
        task.connectivity_at = Some(START);
        task.last_status = TaskStatus::Running;
        for container in &mut task.containers {
            container.last_status = TaskStatus::Running;
            container.runtime_id = Some(crate::runtime::ContainerId("ab".repeat(32).into()));
        }
    })
    .await;
    let task = described(&context, &arn).await;
    let details = task.attachments.as_ref().and_then(|list| list[0].details.as_ref()).expect("details");
    let details: Vec<_> = details
        .iter()
        .map(|pair| (pair.name.as_deref().expect("a name"), pair.value.as_deref().expect("a value")))
        .collect();
    assert_eq!(details[0], ("subnetId", "subnet-1"));
    assert!(details[1].0 == "networkInterfaceId" && details[1].1.starts_with("eni-0"));
    assert_eq!(
        details[2..],
        [
            ("macAddress", "02:42:0a:c0:00:07"),
            ("privateDnsName", "ip-10-192-0-7.ec2.internal"),
            ("privateIPv4Address", "10.192.0.7"),
        ]
    );
    let container = &task.containers.as_ref().expect("containers")[0];
    let interface = &container.network_interfaces.as_ref().expect("interfaces")[0];
    assert_eq!(interface.private_ipv4_address.as_deref(), Some("10.192.0.7"));
    let runtime_id = container.runtime_id.as_deref().expect("a runtime id");
    let (task_id, number) = runtime_id.split_once('-').expect("two parts");
    assert!(arn.ends_with(task_id) && number.parse::<u32>().is_ok(), "{runtime_id}");
    assert_eq!(container.network_bindings, Some(vec![]));
    assert_eq!(task.connectivity.as_ref().map(AsRef::as_ref), Some("CONNECTED"));
    assert_eq!(task.health_status.as_ref().map(AsRef::as_ref), Some("UNKNOWN"));
}

#[tokio::test]
async fn overrides_are_applied_and_echoed() {
    let context = ready().await;
    let app = ContainerOverride {
        name: Some("app".into()),
        command: Some(vec!["sleep".into(), "1".into()]),
        cpu: Some(128),
        memory_reservation: Some(64),
        ..ContainerOverride::default()
    };
    let overrides = TaskOverride {
        container_overrides: Some(vec![app.clone()]),
        cpu: Some("1 vCPU".into()),
        memory: Some("2 GB".into()),
        task_role_arn: Some("arn:aws:iam::123456789012:role/task".into()),
        ..TaskOverride::default()
    };
    let request = RunTaskRequest { overrides: Some(Box::new(overrides)), ..web() };
    let task = started(&context, request).await.remove(0);
    assert_eq!((task.cpu.as_deref(), task.memory.as_deref()), (Some("1024"), Some("2048")));
    let echoed = task.overrides.expect("overrides");
    assert_eq!(echoed.container_overrides.as_ref().map(|list| &list[0]), Some(&app));
    assert_eq!(echoed.cpu.as_deref(), Some("1024"));
    assert_eq!(echoed.task_role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/task"));
    let container = &task.containers.expect("containers")[0];
    assert_eq!((container.cpu.as_deref(), container.memory_reservation.as_deref()), (Some("128"), Some("64")));
}

#[tokio::test]
async fn tags_come_from_the_request_the_definition_and_ecs() {
    let context = ready().await;
    let request = RunTaskRequest {
        tags: Some(vec![tag("stage", "live")]),
        propagate_tags: Some(PropagateTags::TaskDefinition),
        enable_ecs_managed_tags: Some(true),
        ..web()
    };
    let task = started(&context, request).await.remove(0);
    let expected = vec![tag("team", "web"), tag("stage", "live"), tag("aws:ecs:clusterName", "default")];
    assert_eq!(task.tags, Some(expected.clone()));
    assert_eq!(described(&context, &arn(&task)).await.tags, Some(vec![]));
    let request = DescribeTasksRequest {
        tasks: Some(ids(&[task])),
        include: Some(vec![TaskField::Tags]),
        ..DescribeTasksRequest::default()
    };
    let answer = describe_tasks::handle(context.clone(), request).await.expect("an answer");
    assert_eq!(answer.tasks.expect("a list")[0].tags, Some(expected));
}

#[tokio::test]
async fn a_strategy_shares_the_tasks_out_and_subnets_take_turns() {
    let context = ready().await;
    let item = |name: &str, base: i32, weight: i32| CapacityProviderStrategyItem {
        capacity_provider: Some(name.into()),
        base: Some(base),
        weight: Some(weight),
    };
    let request = RunTaskRequest {
        launch_type: None,
        capacity_provider_strategy: Some(vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 0, 2)]),
        count: Some(10),
        network_configuration: subnets(&["subnet-1", "subnet-2"]),
        ..web()
    };
    let tasks = started(&context, request).await;
    let on = |name: &str| tasks.iter().filter(|task| task.capacity_provider_name.as_deref() == Some(name)).count();
    assert_eq!((on("FARGATE"), on("FARGATE_SPOT")), (4, 6));
    assert!(tasks.iter().all(|task| task.launch_type == Some(LaunchType::Fargate)));
    let in_first = |task: &&Shown| {
        let details = task.attachments.as_ref().and_then(|list| list[0].details.as_ref()).expect("details");
        details[0].value.as_deref() == Some("subnet-1")
    };
    assert_eq!(tasks.iter().filter(in_first).count(), 5);
}

#[tokio::test]
async fn a_client_token_makes_a_call_happen_once() {
    let context = ready().await;
    let request = |count| RunTaskRequest { client_token: Some("once".into()), count: Some(count), ..web() };
    let first = started(&context, request(2)).await;
    assert_eq!(started(&context, request(2)).await, first);
    let conflict = run(&context, request(1)).await.expect_err("another input");
    let RunTaskError::ConflictException(conflict) = conflict else { panic!("{conflict}") };
    assert_eq!(conflict.resource_ids, Some(ids(&first)));
    assert_eq!(listed(&context, ListTasksRequest::default()).await.len(), 2);
    context.shared.clock.advance(Duration::from_secs(24 * 3600));
    assert_ne!(started(&context, request(1)).await, first);
}

#[tokio::test]
async fn stopping_is_written_down_once() {
    let context = ready().await;
    let arn = arn(&started(&context, web()).await[0]);
    let stop = |reason: Option<&str>| StopTaskRequest {
        task: Some(arn.rsplit('/').next().expect("an id").to_owned()),
        reason: reason.map(Into::into),
        ..StopTaskRequest::default()
    };
    context.shared.clock.advance(Duration::from_secs(5));
    let answer = stop_task::handle(context.clone(), stop(None)).await.expect("an answer");
    let task = answer.task.expect("a task");
    assert_eq!((task.desired_status.as_deref(), task.last_status.as_deref()), (Some("STOPPED"), Some("PROVISIONING")));
    assert_eq!(task.stop_code, Some(TaskStopCode::UserInitiated));
    assert_eq!(task.stopped_reason.as_deref(), Some("Task stopped by user"));
    assert_eq!((task.version, task.stopping_at), (Some(2), Some(context.now())));
    let again = stop_task::handle(context.clone(), stop(Some("other"))).await.expect("an answer");
    assert_eq!(again.task.expect("a task"), task);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let context = ready().await;
    let mut tasks = started(&context, RunTaskRequest { count: Some(5), started_by: Some("ci".into()), ..web() }).await;
    tasks.sort_by_key(arn);
    let all = ids(&tasks);
    change(&context, &all[0], |task| task.desired_status = TaskStatus::Stopped).await;
    let request = ListTasksRequest::default;
    assert_eq!(listed(&context, request()).await, all[1..]);
    let stopped = ListTasksRequest { desired_status: Some(DesiredStatus::Stopped), ..request() };
    assert_eq!(listed(&context, stopped).await, all[..1]);
    let pending = ListTasksRequest { desired_status: Some(DesiredStatus::Pending), ..request() };
    assert!(listed(&context, pending).await.is_empty());
    let by = |name: &str| ListTasksRequest { started_by: Some(name.into()), ..request() };
    assert_eq!((listed(&context, by("ci")).await.len(), listed(&context, by("you")).await.len()), (4, 0));
    let family = |name: &str| ListTasksRequest { family: Some(name.into()), ..request() };
    assert_eq!((listed(&context, family("web")).await.len(), listed(&context, family("job")).await.len()), (4, 0));
    let kind = |kind| ListTasksRequest { launch_type: Some(kind), ..request() };
    assert_eq!(listed(&context, kind(LaunchType::Fargate)).await.len(), 4);
    assert_eq!(listed(&context, kind(LaunchType::Ec2)).await.len(), 0);
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = ListTasksRequest { max_results: Some(3), next_token: token, ..request() };
        let page = list_tasks::handle(context.clone(), page).await.expect("a page");
        pages.extend(page.task_arns.expect("a list"));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, all[1..]);
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let context = ready().await;
    let id = "0".repeat(32);
    let other = format!("arn:aws:ecs:us-east-1:123456789012:task/other/{id}");
    let request = DescribeTasksRequest { tasks: Some(vec![id.clone(), other.clone()]), ..Default::default() };
    let answer = describe_tasks::handle(context, request).await.expect("an answer");
    let failures = answer.failures.expect("failures");
    let arns: Vec<_> = failures.iter().map(|failure| failure.arn.clone().expect("an ARN")).collect();
    assert_eq!(arns, [format!("arn:aws:ecs:us-east-1:123456789012:task/default/{id}"), other]);
    assert!(failures.iter().all(|failure| failure.reason.as_deref() == Some("MISSING")));
}

#[tokio::test]
async fn protection_is_for_tasks_of_services() {
    let context = ready().await;
    let arns = ids(&started(&context, RunTaskRequest { count: Some(2), ..web() }).await);
    change(&context, &arns[0], |task| task.group = "service:web".into()).await;
    let update = |enabled, minutes| UpdateTaskProtectionRequest {
        cluster: Some("default".into()),
        tasks: Some(arns.clone()),
        protection_enabled: Some(enabled),
        expires_in_minutes: minutes,
    };
    let get = || GetTaskProtectionRequest { cluster: Some("default".into()), tasks: Some(arns.clone()) };
    let answer = update_task_protection::handle(context.clone(), update(true, None)).await.expect("an answer");
    let protected = answer.protected_tasks.expect("tasks").remove(0);
    assert_eq!(protected.protection_enabled, Some(true));
    assert_eq!(protected.expiration_date, Some(START.saturating_add(Duration::from_secs(7200))));
    let failure = answer.failures.expect("failures").remove(0);
    assert_eq!((failure.arn, failure.reason.as_deref()), (Some(arns[1].clone()), Some("TASK_NOT_VALID")));
    let answer = get_task_protection::handle(context.clone(), get()).await.expect("an answer");
    assert_eq!(answer.protected_tasks.expect("tasks"), [protected]);
    context.shared.clock.advance(Duration::from_secs(7200));
    let answer = get_task_protection::handle(context.clone(), get()).await.expect("an answer");
    let expired = answer.protected_tasks.expect("tasks").remove(0);
    assert_eq!((expired.protection_enabled, expired.expiration_date), (Some(false), None));
    let answer = update_task_protection::handle(context.clone(), update(false, None)).await.expect("an answer");
    assert_eq!(answer.protected_tasks.expect("tasks")[0].protection_enabled, Some(false));
    for minutes in [0, -1, 2881] {
        let refused = update_task_protection::handle(context.clone(), update(true, Some(minutes))).await;
        assert_eq!(refused.expect_err("refused").code(), "InvalidParameterException");
    }
}
