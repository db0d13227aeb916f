//! The life of a task: RunTask, StartTask, DescribeTasks, ListTasks, StopTask, and what the record says at each step.

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Connectivity, ContainerOverride, DesiredStatus, HealthStatus, KeyValuePair,
    LaunchType, NetworkMode, TaskOverride, TaskStopCode,
};
use compat_tests::{APP_IMAGE, Ecs, Registers, Runs, app, awsvpc, refusal};

on_both!(
    life_on_fargate,
    life_on_an_instance,
    a_task_that_ends_by_itself,
    overrides_are_shown,
    start_task_on_an_instance,
    capacity_provider_strategies,
    several_at_once,
);

on_simulated!(lists, refusals, unknown_tasks_are_failures);

fn before(earlier: Option<&DateTime>, later: Option<&DateTime>) -> bool {
    match (earlier, later) {
        (Some(earlier), Some(later)) => earlier.as_nanos() <= later.as_nanos(),
        _ => false,
    }
}

async fn life_on_fargate(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let asked = ecs.run_on_fargate(&cluster, &definition).one().await;
    let id = asked.task_arn().and_then(|arn| arn.rsplit('/').next()).expect("an id").to_owned();
    assert_eq!((id.len(), id.chars().all(|c| c.is_ascii_hexdigit())), (32, true));
    assert_eq!(asked.task_arn(), Some(ecs.arn(&format!("task/{cluster}/{id}")).as_str()));
    assert_eq!(asked.cluster_arn(), Some(ecs.arn(&format!("cluster/{cluster}")).as_str()));
    assert_eq!(asked.last_status(), Some("PROVISIONING"));
    assert_eq!(asked.desired_status(), Some("RUNNING"));
    assert_eq!(asked.version(), 1);
    assert_eq!(asked.launch_type(), Some(&LaunchType::Fargate));
    assert_eq!((asked.platform_version(), asked.platform_family()), (Some("1.4.0"), Some("Linux")));
    assert_eq!((asked.cpu(), asked.memory()), (Some("256"), Some("512")));
    assert_eq!(asked.ephemeral_storage().map(|storage| storage.size_in_gib()), Some(20));
    assert_eq!(asked.attachments()[0].r#type(), Some("ElasticNetworkInterface"));
    assert_eq!(asked.containers()[0].last_status(), Some("PENDING"));
    assert_eq!(asked.containers()[0].image(), Some(APP_IMAGE));

    let task = ecs.running(&asked).await;
    assert!(task.version() > asked.version(), "{} > {}", task.version(), asked.version());
    assert_eq!(task.desired_status(), Some("RUNNING"));
    assert_eq!(task.connectivity(), Some(&Connectivity::Connected));
    assert_eq!(task.health_status().map(HealthStatus::as_str), Some("UNKNOWN"));
    assert_eq!(task.containers()[0].health_status().map(HealthStatus::as_str), Some("UNKNOWN"));
    assert_eq!(task.containers()[0].last_status(), Some("RUNNING"));
    assert_eq!(task.stop_code(), None);
    assert!(before(task.created_at(), task.pull_started_at()), "{task:#?}");
    assert!(before(task.pull_started_at(), task.pull_stopped_at()), "{task:#?}");
    assert!(before(task.pull_stopped_at(), task.started_at()), "{task:#?}");
    assert!(before(task.created_at(), task.connectivity_at()), "{task:#?}");
    assert_eq!(task.stopping_at(), None);

    let attachment = &task.attachments()[0];
    assert_eq!(attachment.status(), Some("ATTACHED"));
    let details: Vec<&str> = attachment.details().iter().filter_map(|detail| detail.name()).collect();
    assert_eq!(details, ["subnetId", "networkInterfaceId", "macAddress", "privateDnsName", "privateIPv4Address"]);
    let address = attachment.details()[4].value().expect("an address");
    assert_eq!(attachment.details()[0].value(), Some("subnet-0a"));
    let interface = &task.containers()[0].network_interfaces()[0];
    assert_eq!(interface.private_ipv4_address(), Some(address));
    assert_eq!(interface.attachment_id(), attachment.id());
    assert!(task.availability_zone().is_some_and(|zone| zone.starts_with("us-east-1")), "{task:?}");

    let answered = ecs.stop_task().cluster(&cluster).task(&id).reason("that is enough").send().await.expect("stopped");
    assert_eq!(answered.task().and_then(|task| task.desired_status()), Some("STOPPED"));
    let stopped = ecs.stopped(&asked).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
    assert_eq!(stopped.stopped_reason(), Some("that is enough"));
    assert_eq!(stopped.desired_status(), Some("STOPPED"));
    assert!(before(stopped.started_at(), stopped.stopping_at()), "{stopped:#?}");
    assert!(before(stopped.stopping_at(), stopped.execution_stopped_at()), "{stopped:#?}");
    assert!(before(stopped.execution_stopped_at(), stopped.stopped_at()), "{stopped:#?}");
    assert!(stopped.version() > task.version());
    assert_eq!(stopped.attachments()[0].status(), Some("DELETED"));
    assert_eq!(stopped.containers()[0].last_status(), Some("STOPPED"));
    assert!(stopped.containers()[0].exit_code().is_some(), "{stopped:#?}");

    let again = ecs.stop_task().cluster(&cluster).task(&id).send().await.expect("stopping twice is fine");
    assert_eq!(again.task().and_then(|task| task.last_status()), Some("STOPPED"));
    assert_eq!(again.task().and_then(|task| task.stopped_reason()), Some("that is enough"));
}

async fn life_on_an_instance(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 2048, 2048).await;
    let web = app("web", &[]).cpu(10).memory(64).build();
    let side = app("side", &[]).cpu(5).memory(32).build();
    let definition =
        ecs.on_ec2(NetworkMode::None).container_definitions(web).container_definitions(side).registered().await;
    let asked = ecs.run_on_ec2(&cluster, &definition).started_by("compat").group("batch").one().await;
    assert_eq!(asked.last_status(), Some("PENDING"));
    assert_eq!(asked.container_instance_arn(), Some(instance.as_str()));
    assert_eq!(asked.launch_type(), Some(&LaunchType::Ec2));
    assert_eq!((asked.started_by(), asked.group()), (Some("compat"), Some("batch")));
    assert_eq!((asked.cpu(), asked.memory()), (Some("15"), Some("96")));
    assert_eq!(asked.platform_version(), None);
    assert_eq!(asked.attachments(), []);

    let task = ecs.running(&asked).await;
    assert_eq!(task.containers().len(), 2);
    assert!(task.containers().iter().all(|container| container.last_status() == Some("RUNNING")), "{task:#?}");
    let described =
        ecs.describe_container_instances().cluster(&cluster).container_instances(&instance).send().await.expect("it");
    let described = &described.container_instances()[0];
    assert_eq!((described.running_tasks_count(), described.pending_tasks_count()), (1, 0));
    let left =
        |name| described.remaining_resources().iter().find(|r| r.name() == Some(name)).map(|r| r.integer_value());
    assert_eq!((left("CPU"), left("MEMORY")), (Some(2048 - 15), Some(2048 - 96)));

    let stopped = ecs.stop(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
    assert_eq!(stopped.stopped_reason(), Some("Task stopped by user"));
    let described =
        ecs.describe_container_instances().cluster(&cluster).container_instances(&instance).send().await.expect("it");
    let described = &described.container_instances()[0];
    assert_eq!(described.running_tasks_count(), 0);
    assert_eq!(described.remaining_resources(), described.registered_resources());
}

async fn a_task_that_ends_by_itself(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let job =
        app("job", &["exit", "3"]).docker_labels("sim.run-for", "10ms").docker_labels("sim.exit-code", "3").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(job).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    assert_eq!(stopped.stopped_reason(), Some("Essential container in task exited"));
    assert_eq!(stopped.containers()[0].exit_code(), Some(3));
    assert_eq!(stopped.containers()[0].reason(), None);
    assert_eq!(stopped.desired_status(), Some("STOPPED"));
    assert!(before(stopped.started_at(), stopped.stopped_at()), "{stopped:#?}");
}

async fn overrides_are_shown(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let container = ContainerOverride::builder()
        .name("web")
        .command("sleep")
        .command("60")
        .environment(KeyValuePair::builder().name("STAGE").value("test").build())
        .build();
    let overrides = TaskOverride::builder().container_overrides(container).cpu("512").memory("1024").build();
    let task = ecs.run_on_fargate(&cluster, &definition).overrides(overrides).one().await;
    assert_eq!((task.cpu(), task.memory()), (Some("512"), Some("1024")));
    let shown = &task.overrides().expect("overrides").container_overrides()[0];
    assert_eq!((shown.name(), shown.command().len()), (Some("web"), 2));
    assert_eq!(shown.environment()[0].value(), Some("test"));
    let task = ecs.running(&task).await;
    assert_eq!(task.overrides().expect("overrides").container_overrides()[0].command(), ["sleep", "60"]);
    ecs.stop(&task).await;
}

async fn start_task_on_an_instance(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    ecs.instance(&cluster, 1024, 1024).await;
    let second = ecs.instance(&cluster, 1024, 1024).await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let answer = ecs
        .start_task()
        .cluster(&cluster)
        .task_definition(&definition)
        .container_instances(&second)
        .container_instances(ecs.arn(&format!("container-instance/{cluster}/{}", "0".repeat(32))))
        .send()
        .await
        .expect("started");
    assert_eq!(answer.tasks().len(), 1);
    assert_eq!(answer.tasks()[0].container_instance_arn(), Some(second.as_str()));
    assert_eq!(answer.failures().len(), 1);
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
    let task = ecs.running(&answer.tasks()[0]).await;
    ecs.stop(&task).await;
}

async fn capacity_provider_strategies(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    ecs.put_cluster_capacity_providers()
        .cluster(&cluster)
        .capacity_providers("FARGATE")
        .capacity_providers("FARGATE_SPOT")
        .set_default_capacity_provider_strategy(Some(vec![]))
        .send()
        .await
        .expect("put");
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build();
    let task = ecs
        .run_task()
        .cluster(&cluster)
        .task_definition(&definition)
        .capacity_provider_strategy(spot.expect("it has a provider"))
        .network_configuration(awsvpc(&["subnet-0a"]))
        .one()
        .await;
    assert_eq!(task.capacity_provider_name(), Some("FARGATE_SPOT"));
    assert_eq!(task.launch_type(), Some(&LaunchType::Fargate));
    let task = ecs.running(&task).await;
    ecs.stop(&task).await;
}

async fn several_at_once(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let answer = ecs.run_on_fargate(&cluster, &definition).count(4).send().await.expect("RunTask");
    assert_eq!((answer.tasks().len(), answer.failures()), (4, &[][..]));
    let mut addresses = std::collections::BTreeSet::new();
    for task in answer.tasks() {
        let task = ecs.running(task).await;
        addresses.insert(task.attachments()[0].details()[4].value().expect("an address").to_owned());
    }
    assert_eq!(addresses.len(), 4, "each has its own address: {addresses:?}");
    for task in answer.tasks() {
        ecs.stop_task().cluster(&cluster).task(task.task_arn().expect("an ARN")).send().await.expect("StopTask");
    }
    for task in answer.tasks() {
        ecs.stopped(task).await;
    }
    let counts = ecs.describe_clusters().clusters(&cluster).send().await.expect("described");
    assert_eq!(counts.clusters()[0].running_tasks_count(), 0);
}

async fn lists(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 4096, 4096).await;
    let plain = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let serverless = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let on_instance = ecs.run_on_ec2(&cluster, &plain).started_by("me").one().await;
    let on_fargate = ecs.run_on_fargate(&cluster, &serverless).one().await;
    let ended = ecs.run_on_ec2(&cluster, &plain).one().await;
    ecs.stop(&ended).await;
    let arn = |task: &aws_sdk_ecs::types::Task| task.task_arn().expect("an ARN").to_owned();
    let family = plain.rsplit('/').next().and_then(|name| name.split(':').next()).expect("a family").to_owned();

    let list = || ecs.list_tasks().cluster(&cluster);
    let cases = [
        ("all that should run", list(), vec![arn(&on_instance), arn(&on_fargate)]),
        ("stopped", list().desired_status(DesiredStatus::Stopped), vec![arn(&ended)]),
        ("pending", list().desired_status(DesiredStatus::Pending), vec![]),
        ("by family", list().family(&family), vec![arn(&on_instance)]),
        ("by launch type", list().launch_type(LaunchType::Fargate), vec![arn(&on_fargate)]),
        ("by instance", list().container_instance(&instance), vec![arn(&on_instance)]),
        ("by startedBy", list().started_by("me"), vec![arn(&on_instance)]),
        ("by startedBy of nobody", list().started_by("nobody"), vec![]),
    ];
    for (what, request, mut expected) in cases {
        let mut listed = request.send().await.expect(what).task_arns.unwrap_or_default();
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected, "{what}");
    }
}

async fn refusals(ecs: Ecs) {
    let refused = |code: &str, message: &str| (code.to_owned(), message.to_owned());
    let empty = ecs.cluster().await;
    let plain = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    let serverless = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    assert_eq!(
        refusal(ecs.run_on_ec2(&empty, &plain).send().await),
        refused("InvalidParameterException", "No Container Instances were found in your cluster.")
    );
    assert_eq!(
        refusal(ecs.run_on_ec2("missing", &plain).send().await),
        refused("ClusterNotFoundException", "Cluster not found.")
    );
    assert_eq!(
        refusal(
            ecs.run_task().cluster(&empty).task_definition(&serverless).launch_type(LaunchType::Fargate).send().await
        ),
        refused(
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    );
    assert_eq!(
        refusal(ecs.run_on_ec2(&empty, &plain).network_configuration(awsvpc(&["subnet-0a"])).send().await),
        refused(
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition."
        )
    );
    assert_eq!(
        refusal(ecs.run_task().cluster(&empty).task_definition(&plain).launch_type(LaunchType::Fargate).send().await),
        refused("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
    );
    let stranger = TaskOverride::builder().container_overrides(ContainerOverride::builder().name("nope").build());
    assert_eq!(
        refusal(ecs.run_on_fargate(&empty, &serverless).overrides(stranger.build()).send().await),
        refused(
            "InvalidParameterException",
            "Override for container named nope is not a container in the TaskDefinition."
        )
    );
    let (code, _) = refusal(ecs.run_on_fargate(&empty, &serverless).count(11).send().await);
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(
        refusal(ecs.run_on_fargate(&empty, &serverless).platform_version("9.9.9").send().await).0,
        "PlatformUnknownException"
    );
    assert_eq!(
        refusal(ecs.stop_task().cluster(&empty).task("0".repeat(32)).send().await),
        refused("InvalidParameterException", "The referenced task was not found.")
    );
    ecs.deregister_task_definition().task_definition(&serverless).send().await.expect("deregistered");
    assert_eq!(
        refusal(ecs.run_on_fargate(&empty, &serverless).send().await),
        refused("ClientException", "TaskDefinition is inactive")
    );
}

async fn unknown_tasks_are_failures(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let id = "f".repeat(32);
    let answer = ecs.describe_tasks().cluster(&cluster).tasks(&id).send().await.expect("described");
    assert_eq!(answer.tasks(), []);
    assert_eq!(answer.failures()[0].arn(), Some(ecs.arn(&format!("task/{cluster}/{id}")).as_str()));
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
    assert_eq!(
        refusal(ecs.describe_tasks().cluster(&cluster).set_tasks(Some(vec![])).send().await),
        ("InvalidParameterException".into(), "Tasks cannot be empty.".into())
    );
    assert_eq!(
        refusal(ecs.describe_tasks().cluster(&cluster).tasks("short").send().await),
        ("InvalidParameterException".into(), "taskId length should be one of [32,36]".into())
    );
}
