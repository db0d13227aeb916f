//! What RegisterTaskDefinition refuses, in AWS's words.

use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{
    Compatibility, ContainerCondition, ContainerDefinition, ContainerDependency, KeyValuePair, MountPoint, NetworkMode,
    PortMapping, Secret,
};
use compat_tests::{APP_IMAGE, Ecs, app, random_name, refusal};

on_simulated!(names_and_images, containers_together, sizes, ports, references, fargate, unknown_definitions);

/// Asserts that each definition is refused with ClientException and that message.
async fn refused(cases: Vec<(RegisterTaskDefinitionFluentBuilder, &str)>) {
    for (definition, expected) in cases {
        let (code, message) = refusal(definition.send().await);
        assert_eq!((code.as_str(), message.as_str()), ("ClientException", expected));
    }
}

fn plain(ecs: &Ecs) -> RegisterTaskDefinitionFluentBuilder {
    ecs.register_task_definition().family(random_name("refused"))
}

fn port(container: i32, host: Option<i32>) -> PortMapping {
    PortMapping::builder().container_port(container).set_host_port(host).build()
}

async fn names_and_images(ecs: Ecs) {
    let bare = || ContainerDefinition::builder().memory(64);
    refused(vec![
        (ecs.register_task_definition().container_definitions(app("web", &[]).build()), "Family can not be blank."),
        (
            ecs.register_task_definition().family("no spaces").container_definitions(app("web", &[]).build()),
            "Family contains invalid characters.",
        ),
        (
            plain(&ecs).container_definitions(bare().image(APP_IMAGE).build()),
            "Container.name should not be null or empty.",
        ),
        (
            plain(&ecs).container_definitions(bare().image(APP_IMAGE).name("a b").build()),
            "Container.name contains invalid characters.",
        ),
        (plain(&ecs).container_definitions(bare().name("web").build()), "Container.image should not be null or empty."),
        (
            plain(&ecs).container_definitions(bare().name("web").image("$IMAGE:$TAG").build()),
            "Container.image contains invalid characters.",
        ),
    ])
    .await;
}

async fn containers_together(ecs: Ecs) {
    let eleven = (0..11).map(|n| app(&format!("c{n}"), &[]).build()).collect();
    refused(vec![
        (plain(&ecs).set_container_definitions(Some(vec![])), "Container list cannot be empty."),
        (plain(&ecs).set_container_definitions(Some(eleven)), "Too many containers."),
        (
            plain(&ecs).container_definitions(app("a", &[]).build()).container_definitions(app("a", &[]).build()),
            "Container names must be unique within a task definition",
        ),
        (
            plain(&ecs).container_definitions(app("a", &[]).essential(false).build()),
            "Task definition doesn't have any essential container",
        ),
    ])
    .await;
}

async fn sizes(ecs: Ecs) {
    let bare = ContainerDefinition::builder().name("web").image(APP_IMAGE);
    refused(vec![
        (
            plain(&ecs).container_definitions(bare.clone().build()),
            "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (
            plain(&ecs).container_definitions(app("web", &[]).memory(64).memory_reservation(128).build()),
            "Invalid setting for container 'web'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (
            plain(&ecs).cpu("256").memory("512").container_definitions(app("web", &[]).cpu(300).build()),
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ),
        (
            plain(&ecs).cpu("256").memory("512").container_definitions(app("web", &[]).memory(600).build()),
            "The 'memory' setting for container 'web' is greater than for the task.",
        ),
        (
            ecs.on_fargate().cpu("512").memory("512").container_definitions(app("web", &[]).build()),
            "No Fargate configuration exists for given values: 512 CPU, 512 memory. See the Amazon ECS documentation \
             for the valid values.",
        ),
    ])
    .await;
}

async fn ports(ecs: Ecs) {
    let with = |mode, mapping| {
        let web = app("web", &[]).port_mappings(mapping).build();
        plain(&ecs).network_mode(mode).container_definitions(web)
    };
    let twice = |name: &str| app(name, &[]).port_mappings(port(8085, None)).build();
    refused(vec![
        (with(NetworkMode::Bridge, port(70000, None)), "Invalid 'containerPort' setting for container 'web'."),
        (
            with(NetworkMode::Awsvpc, port(80, Some(8080))),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            with(NetworkMode::Host, port(80, Some(8080))),
            "When networkMode=host, the host ports and container ports in port mappings must match.",
        ),
        (
            plain(&ecs)
                .network_mode(NetworkMode::Awsvpc)
                .container_definitions(twice("a"))
                .container_definitions(twice("b")),
            "TCP container port '8085' is used multiple times in task when networkMode=awsvpc.",
        ),
    ])
    .await;
}

async fn references(ecs: Ecs) {
    let depends = |on: &str, condition| {
        ContainerDependency::builder().container_name(on).condition(condition).build().expect("complete")
    };
    let mount = MountPoint::builder().source_volume("nope").container_path("/x").build();
    let secret = Secret::builder().name("PASSWORD").value_from("parameter").build().expect("complete");
    let role = format!("arn:aws:iam::{}:role/execution", ecs.account);
    let shadowed = app("web", &[])
        .environment(KeyValuePair::builder().name("PASSWORD").value("x").build())
        .secrets(secret.clone())
        .build();
    refused(vec![
        (plain(&ecs).container_definitions(app("web", &[]).mount_points(mount).build()), "Unknown volume 'nope'."),
        (
            plain(&ecs)
                .container_definitions(app("web", &[]).depends_on(depends("nope", ContainerCondition::Start)).build()),
            "Cannot depend on container + 'nope' because it does not exist",
        ),
        (
            plain(&ecs)
                .container_definitions(app("web", &[]).depends_on(depends("job", ContainerCondition::Success)).build())
                .container_definitions(app("job", &[]).build()),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            plain(&ecs)
                .container_definitions(app("web", &[]).depends_on(depends("db", ContainerCondition::Healthy)).build())
                .container_definitions(app("db", &[]).build()),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (
            plain(&ecs).container_definitions(app("web", &[]).secrets(secret).build()),
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
        (
            plain(&ecs).execution_role_arn(role).container_definitions(shadowed),
            "The secret name must be unique and not shared with any new or existing environment variables set on the \
             container, such as 'PASSWORD'.",
        ),
    ])
    .await;
    let circle = plain(&ecs)
        .container_definitions(app("a", &[]).depends_on(depends("b", ContainerCondition::Start)).build())
        .container_definitions(app("b", &[]).depends_on(depends("a", ContainerCondition::Start)).build());
    let (code, message) = refusal(circle.send().await);
    assert_eq!(code, "ClientException");
    assert!(message.contains("cycle"), "{message}");
}

async fn fargate(ecs: Ecs) {
    let fargate = || plain(&ecs).requires_compatibilities(Compatibility::Fargate);
    refused(vec![
        (
            fargate()
                .network_mode(NetworkMode::Bridge)
                .cpu("256")
                .memory("512")
                .container_definitions(app("web", &[]).build()),
            "Fargate only supports network mode ‘awsvpc’.",
        ),
        (
            fargate().network_mode(NetworkMode::Awsvpc).memory("512").container_definitions(app("web", &[]).build()),
            "Fargate requires that 'cpu' be defined at the task level.",
        ),
        (
            fargate().network_mode(NetworkMode::Awsvpc).cpu("256").container_definitions(app("web", &[]).build()),
            "Fargate requires that 'memory' be defined at the task level.",
        ),
        (
            ecs.on_fargate().container_definitions(app("web", &[]).privileged(true).build()),
            "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.",
        ),
    ])
    .await;
}

async fn unknown_definitions(ecs: Ecs) {
    let unable = || ("ClientException".to_owned(), "Unable to describe task definition.".to_owned());
    assert_eq!(refusal(ecs.describe_task_definition().task_definition("nope").send().await), unable());
    assert_eq!(refusal(ecs.describe_task_definition().task_definition("nope:3").send().await), unable());
    let cluster = ecs.cluster_with_instance().await;
    assert_eq!(
        refusal(ecs.run_on_ec2(&cluster, "nope").send().await),
        ("ClientException".into(), "TaskDefinition not found.".into())
    );
    assert_eq!(
        refusal(ecs.deregister_task_definition().task_definition("nope").send().await),
        ("ClientException".into(), "Revision is missing.".into())
    );
}
