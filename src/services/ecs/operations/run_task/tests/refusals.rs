//! What RunTask and its relatives refuse, in ECS's words.

use api_models::ecs::{
    AssignPublicIp, EnvironmentFile, EphemeralStorage, InferenceAcceleratorOverride, PlacementConstraint,
    PlacementConstraintType, PlacementStrategy, PlacementStrategyType, ResourceRequirement, ResourceType,
    TaskVolumeConfiguration,
};

use super::*;

const INVALID: &str = "InvalidParameterException";

/// A request that would be fine but for one thing, and how it is refused.
type Case = (RunTaskRequest, &'static str, &'static str);

async fn check(cases: Vec<Case>) {
    let context = ready().await;
    for (request, code, message) in cases {
        let shown = format!("{request:?}");
        let error = run(&context, request).await.expect_err(message);
        assert_eq!((error.code(), error.message()), (code, message), "{shown}");
    }
    assert!(context.snapshot().tasks.is_empty());
    assert!(context.snapshot().idempotency_tokens.is_empty());
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn vpc(change: impl FnOnce(&mut AwsVpcConfiguration)) -> RunTaskRequest {
    let mut request = web();
    let network = request.network_configuration.as_mut().and_then(|it| it.awsvpc_configuration.as_mut());
    change(network.expect("a configuration"));
    request
}

#[tokio::test]
async fn requests_that_make_no_sense() {
    let strategy = |name: &str, weight, base| {
        let item = CapacityProviderStrategyItem { capacity_provider: text(name), weight, base };
        RunTaskRequest { launch_type: None, capacity_provider_strategy: Some(vec![item]), ..web() }
    };
    check(vec![
        (RunTaskRequest { cluster: text("none"), ..web() }, "ClusterNotFoundException", "Cluster not found."),
        (RunTaskRequest { task_definition: None, ..web() }, INVALID, "Task Definition can not be blank."),
        (RunTaskRequest { task_definition: text("nope"), ..web() }, "ClientException", "TaskDefinition not found."),
        (RunTaskRequest { count: Some(0), ..web() }, INVALID, "count must be between 1 and 10."),
        (RunTaskRequest { count: Some(11), ..web() }, INVALID, "count must be between 1 and 10."),
        (RunTaskRequest { group: text("service:web"), ..web() }, INVALID, "Invalid namespace for group."),
        (
            RunTaskRequest { started_by: Some("x".repeat(129)), ..web() },
            INVALID,
            "startedBy length must be at most 128",
        ),
        (
            RunTaskRequest { client_token: Some("x".repeat(65)), ..web() },
            INVALID,
            "clientToken length must be at most 64",
        ),
        (RunTaskRequest { client_token: text("a b"), ..web() }, INVALID, "clientToken contains invalid characters."),
        (
            RunTaskRequest { tags: Some(vec![tag("aws:x", "y")]), ..web() },
            INVALID,
            "Tag keys can not be prefixed with aws:",
        ),
        (
            RunTaskRequest { propagate_tags: Some(PropagateTags::Service), ..web() },
            INVALID,
            "propagateTags SERVICE is not supported for tasks that no service starts.",
        ),
        (
            RunTaskRequest { launch_type: Some(LaunchType::Fargate), ..strategy("FARGATE", Some(1), None) },
            INVALID,
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ),
        (
            strategy("mine", Some(1), None),
            INVALID,
            "The specified capacity provider was not found. Specify a valid capacity provider and try again.",
        ),
        (
            strategy("FARGATE", None, None),
            INVALID,
            "There are no capacity providers in the capacity provider strategy with a weight value greater than zero. \
             Specify a weight value greater than zero for at least one capacity provider and try again.",
        ),
        (
            RunTaskRequest { platform_version: text("9.9.9"), ..web() },
            "PlatformUnknownException",
            "The specified platform does not exist.",
        ),
        (
            RunTaskRequest { enable_execute_command: Some(true), ..web() },
            INVALID,
            "The task couldn't be run because a valid taskRoleArn is not being used. Specify a valid task role in \
             your task definition and try again.",
        ),
        (
            RunTaskRequest {
                volume_configurations: Some(vec![TaskVolumeConfiguration {
                    name: text("nope"),
                    ..TaskVolumeConfiguration::default()
                }]),
                ..web()
            },
            INVALID,
            "The volume name 'nope' in your request does not have a matching volume in your Task Definition that is \
             configurable at launch.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn networks_and_launch_types_that_do_not_fit() {
    let job = || RunTaskRequest { task_definition: text("job"), ..RunTaskRequest::default() };
    check(vec![
        (
            RunTaskRequest { network_configuration: None, ..web() },
            INVALID,
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            RunTaskRequest { network_configuration: subnets(&["subnet-1"]), ..job() },
            INVALID,
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (vpc(|it| it.subnets = Some(vec![])), INVALID, "subnets can not be empty."),
        (vpc(|it| it.subnets = Some(vec!["s".into(); 17])), INVALID, "subnets can have at most 16 items."),
        (vpc(|it| it.security_groups = Some(vec!["s".into(); 6])), INVALID, "securityGroups can have at most 5 items."),
        (
            RunTaskRequest {
                launch_type: Some(LaunchType::Ec2),
                ..vpc(|it| it.assign_public_ip = Some(AssignPublicIp::Enabled))
            },
            INVALID,
            "Assign public IP is not supported for this launch type.",
        ),
        (job(), INVALID, "No Container Instances were found in your cluster."),
        (
            RunTaskRequest { launch_type: Some(LaunchType::Fargate), ..job() },
            INVALID,
            "Task definition does not support launch_type FARGATE.",
        ),
        (
            RunTaskRequest { platform_version: text("LATEST"), ..job() },
            INVALID,
            "The platform version must be null when specifying an EC2 launch type.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn placement_that_is_not_possible() {
    let constraint = |kind, expression: Option<&str>| {
        Some(vec![PlacementConstraint { r#type: Some(kind), expression: expression.map(Into::into) }])
    };
    let random = PlacementStrategy { r#type: Some(PlacementStrategyType::Random), field: None };
    let job = || RunTaskRequest { task_definition: text("job"), ..RunTaskRequest::default() };
    check(vec![
        (
            RunTaskRequest {
                placement_constraints: constraint(PlacementConstraintType::DistinctInstance, None),
                ..web()
            },
            INVALID,
            "Placement constraints are not supported with FARGATE launch type.",
        ),
        (
            RunTaskRequest { placement_strategy: Some(vec![random.clone()]), ..web() },
            INVALID,
            "Placement strategies are not supported with FARGATE launch type.",
        ),
        (
            RunTaskRequest { placement_strategy: Some(vec![random; 6]), ..job() },
            INVALID,
            "Maximum number of strategies is 5.",
        ),
        (
            RunTaskRequest {
                placement_constraints: constraint(PlacementConstraintType::DistinctInstance, Some("x")),
                ..job()
            },
            INVALID,
            "distinctInstance expression should not be specified.",
        ),
        (
            RunTaskRequest {
                placement_constraints: constraint(PlacementConstraintType::MemberOf, Some("task:group = a")),
                ..job()
            },
            INVALID,
            "Invalid memberOf expression 'task:group = a': expected an operator at position 12.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn overrides_that_the_definition_can_not_take() {
    let task = |overrides: TaskOverride| RunTaskRequest { overrides: Some(Box::new(overrides)), ..web() };
    let with = |change: fn(&mut ContainerOverride)| {
        let mut given = ContainerOverride { name: text("app"), ..ContainerOverride::default() };
        change(&mut given);
        task(TaskOverride { container_overrides: Some(vec![given]), ..TaskOverride::default() })
    };
    let storage = |size| {
        let storage = EphemeralStorage { size_in_gi_b: Some(size) };
        task(TaskOverride { ephemeral_storage: Some(Box::new(storage)), ..TaskOverride::default() })
    };
    check(vec![
        (
            with(|it| it.name = text("nope")),
            INVALID,
            "Override for container named nope is not a container in the TaskDefinition.",
        ),
        (
            with(|it| it.command = Some(vec!["x".repeat(8200)])),
            INVALID,
            "Container Overrides length must be at most 8192",
        ),
        (with(|it| it.memory = Some(1)), INVALID, "Invalid 'memory' setting for container 'app'."),
        (with(|it| it.cpu = Some(-1)), INVALID, "Invalid 'cpu' setting for container 'app'."),
        (
            with(|it| (it.memory, it.memory_reservation) = (Some(10), Some(20))),
            INVALID,
            "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (
            with(|it| it.memory = Some(513)),
            INVALID,
            "The 'memory' setting for container 'app' is greater than for the task.",
        ),
        (
            with(|it| it.cpu = Some(257)),
            INVALID,
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ),
        (
            with(|it| {
                it.environment_files = Some(vec![EnvironmentFile { value: text("x"), ..EnvironmentFile::default() }]);
            }),
            INVALID,
            "Invalid arn syntax.",
        ),
        (
            with(|it| {
                let gpu = ResourceType::Gpu;
                let gpu = ResourceRequirement { r#type: Some(gpu), value: text("1"), ..ResourceRequirement::default() };
                it.resource_requirements = Some(vec![gpu]);
            }),
            INVALID,
            "Tasks using the Fargate launch type do not support GPU resource requirements.",
        ),
        (
            task(TaskOverride { cpu: text("much"), ..TaskOverride::default() }),
            INVALID,
            "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS \
             Developer Guide.",
        ),
        (
            task(TaskOverride { cpu: text("1024"), ..TaskOverride::default() }),
            INVALID,
            "No Fargate configuration exists for given values: 1024 CPU, 512 memory. See the Amazon ECS documentation \
             for the valid values.",
        ),
        (storage(20), INVALID, "EphemeralStorage size should be at least 21"),
        (storage(201), INVALID, "EphemeralStorage size should be at most 200"),
        (
            task(TaskOverride { task_role_arn: text("arn:aws:s3:::x"), ..TaskOverride::default() }),
            "ClientException",
            "Role is not valid",
        ),
        (
            task(TaskOverride {
                inference_accelerator_overrides: Some(vec![InferenceAcceleratorOverride::default()]),
                ..TaskOverride::default()
            }),
            INVALID,
            "Unsupported field 'inferenceAcceleratorOverrides'.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn names_that_name_no_task() {
    let context = ready().await;
    let stop = async |task: &str, reason: Option<&str>| {
        let request =
            StopTaskRequest { task: text(task), reason: reason.map(Into::into), ..StopTaskRequest::default() };
        stop_task::handle(context.clone(), request).await.expect_err("refused").message().to_owned()
    };
    assert_eq!(stop(&"0".repeat(32), None).await, "The referenced task was not found.");
    assert_eq!(stop("short", None).await, "taskId length should be one of [32,36]");
    assert_eq!(stop("a/b/c", None).await, "Invalid identifier: Unexpected number of separators");
    assert_eq!(stop("", None).await, "Task can not be blank.");
    assert_eq!(stop(&"0".repeat(32), Some(&"x".repeat(256))).await, "reason length must be at most 255");
    let describe = async |tasks: Vec<String>| {
        let request = DescribeTasksRequest { tasks: Some(tasks), ..DescribeTasksRequest::default() };
        describe_tasks::handle(context.clone(), request).await.expect_err("refused").message().to_owned()
    };
    assert_eq!(describe(vec![]).await, "Tasks cannot be empty.");
    assert_eq!(describe(vec!["0".repeat(32); 101]).await, "Tasks cannot have more than 100 elements.");
    assert_eq!(describe(vec!["short".into()]).await, "taskId length should be one of [32,36]");
    let list = async |request: ListTasksRequest| {
        let error = list_tasks::handle(context.clone(), request).await.expect_err("refused");
        (error.code().to_owned(), error.message().to_owned())
    };
    let service = ListTasksRequest { service_name: text("web"), ..ListTasksRequest::default() };
    assert_eq!(list(service).await, ("ServiceNotFoundException".to_owned(), "Service not found.".to_owned()));
    let both = ListTasksRequest { started_by: text("a"), family: text("b"), ..ListTasksRequest::default() };
    assert_eq!(list(both).await.0, INVALID);
    let kind = ListTasksRequest { launch_type: Some("MOON".into()), ..ListTasksRequest::default() };
    assert_eq!(list(kind).await.1, "launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]");
}

#[tokio::test]
async fn with_strict_iam_roles_must_exist_and_trust_ecs() {
    let context = ready_with(Config { strict_iam: true, ..Config::default() }).await;
    let with_role = |role: &str| {
        let overrides = TaskOverride { task_role_arn: text(role), ..TaskOverride::default() };
        RunTaskRequest { overrides: Some(overrides.into()), ..web() }
    };
    assert_eq!(started(&context, web()).await.len(), 1);
    let error = run(&context, with_role("path/web")).await.expect_err("there is no such role");
    assert_eq!(
        (error.code(), error.message()),
        (
            "ClientException",
            "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/path/web' that was provided for this \
             task. Please verify that the role being passed has the proper trust relationship and permissions and that \
             your IAM user has permissions to pass this role."
        )
    );
}
