//! Task definitions: what is registered comes back, with ECS's defaults.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>

use aws_sdk_ecs::types::{
    Compatibility, ContainerCondition, ContainerDependency, HealthCheck, HostVolumeProperties, KeyValuePair,
    LogConfiguration, LogDriver, MountPoint, NetworkMode, PortMapping, SortOrder, TaskDefinitionStatus,
    TransportProtocol, Ulimit, UlimitName, Volume,
};
use compat_tests::{Ecs, Registers, app, random_name, refusal};

on_simulated!(
    everything_comes_back,
    defaults_of_awsvpc,
    defaults_of_bridge,
    revisions_count_up,
    families_and_lists,
    deregistered_ones_stay_describable,
    deleted_ones,
    attributes_are_computed,
);

async fn everything_comes_back(ecs: Ecs) {
    let family = random_name("full");
    let pair = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
    let web = app("web", &["serve", "--port", "80"])
        .cpu(64)
        .memory(256)
        .memory_reservation(128)
        .environment(pair("B", "2"))
        .environment(pair("A", "1"))
        .entry_point("/sample-app")
        .port_mappings(
            PortMapping::builder().container_port(80).host_port(8080).protocol(TransportProtocol::Tcp).build(),
        )
        .port_mappings(PortMapping::builder().container_port(53).host_port(0).protocol(TransportProtocol::Udp).build())
        .working_directory("/tmp")
        .user("1000:1000")
        .hostname("web-host")
        .stop_timeout(7)
        .start_timeout(30)
        .docker_labels("team", "payments")
        .mount_points(MountPoint::builder().source_volume("data").container_path("/data").read_only(true).build())
        .ulimits(Ulimit::builder().name(UlimitName::Nofile).soft_limit(1024).hard_limit(4096).build().expect("named"))
        .depends_on(
            ContainerDependency::builder()
                .container_name("init")
                .condition(ContainerCondition::Success)
                .build()
                .expect("complete"),
        )
        .health_check(
            HealthCheck::builder()
                .command("CMD")
                .command("/sample-app")
                .command("get")
                .command("http://localhost/healthz")
                .interval(10)
                .build()
                .expect("a command"),
        )
        .log_configuration(
            LogConfiguration::builder()
                .log_driver(LogDriver::JsonFile)
                .options("max-size", "10m")
                .build()
                .expect("named"),
        )
        .build();
    let init = app("init", &["exit", "0"]).essential(false).build();
    let volume = Volume::builder()
        .name("data")
        .host(HostVolumeProperties::builder().source_path("/tmp/localecs-compat").build())
        .build();
    let registered = ecs
        .register_task_definition()
        .family(&family)
        .network_mode(NetworkMode::Bridge)
        .requires_compatibilities(Compatibility::Ec2)
        .container_definitions(web.clone())
        .container_definitions(init.clone())
        .volumes(volume.clone())
        .task_role_arn(format!("arn:aws:iam::{}:role/app", ecs.account))
        .cpu("512")
        .memory("1024")
        .send()
        .await
        .expect("registered")
        .task_definition
        .expect("a definition");
    assert_eq!(registered.task_definition_arn(), Some(ecs.arn(&format!("task-definition/{family}:1")).as_str()));
    assert_eq!(registered.family(), Some(family.as_str()));
    assert_eq!(registered.revision(), 1);
    assert_eq!(registered.status(), Some(&TaskDefinitionStatus::Active));
    assert_eq!((registered.cpu(), registered.memory()), (Some("512"), Some("1024")));
    assert_eq!(registered.network_mode(), Some(&NetworkMode::Bridge));
    assert_eq!(registered.requires_compatibilities(), [Compatibility::Ec2]);
    assert_eq!(registered.volumes()[0].name(), Some("data"));
    let source = registered.volumes()[0].host().and_then(HostVolumeProperties::source_path);
    assert_eq!(source, Some("/tmp/localecs-compat"));

    let back = &registered.container_definitions()[0];
    assert_eq!(back.environment(), web.environment());
    assert_eq!(back.port_mappings(), web.port_mappings());
    assert_eq!(back.docker_labels(), web.docker_labels());
    assert_eq!(back.mount_points(), web.mount_points());
    assert_eq!(back.ulimits(), web.ulimits());
    assert_eq!(back.depends_on(), web.depends_on());
    assert_eq!(back.log_configuration(), web.log_configuration());
    assert_eq!((back.entry_point(), back.command()), (web.entry_point(), web.command()));
    assert_eq!((back.stop_timeout(), back.start_timeout()), (Some(7), Some(30)));
    assert_eq!(
        (back.user(), back.hostname(), back.working_directory()),
        (web.user(), web.hostname(), web.working_directory())
    );
    assert_eq!((back.cpu(), back.memory(), back.memory_reservation()), (64, Some(256), Some(128)));
    let check = back.health_check().expect("a health check");
    assert_eq!((check.interval(), check.timeout(), check.retries()), (Some(10), Some(5), Some(3)));

    let described =
        ecs.describe_task_definition().task_definition(format!("{family}:1")).send().await.expect("described");
    assert_eq!(described.task_definition(), Some(&registered));
    let by_family = ecs.describe_task_definition().task_definition(&family).send().await.expect("described");
    assert_eq!(by_family.task_definition(), Some(&registered));
}

async fn defaults_of_awsvpc(ecs: Ecs) {
    let web = app("web", &[]).port_mappings(PortMapping::builder().container_port(8080).build()).build();
    let definition = ecs.on_fargate().container_definitions(web).send().await.expect("registered");
    let definition = definition.task_definition.expect("a definition");
    let container = &definition.container_definitions()[0];
    let mapping = &container.port_mappings()[0];
    assert_eq!(
        (mapping.container_port(), mapping.host_port(), mapping.protocol()),
        (Some(8080), Some(8080), Some(&TransportProtocol::Tcp))
    );
    assert_eq!(container.essential(), Some(true));
    assert_eq!(container.cpu(), 0);
    // Present and empty, not absent: Terraform compares.
    assert_eq!(container.environment.as_deref(), Some(&[][..]));
    assert_eq!(container.mount_points.as_deref(), Some(&[][..]));
    assert_eq!(container.volumes_from.as_deref(), Some(&[][..]));
    assert_eq!(definition.volumes.as_deref(), Some(&[][..]));
    assert_eq!(definition.placement_constraints.as_deref(), Some(&[][..]));
    assert_eq!(
        definition.compatibilities(),
        [Compatibility::Ec2, Compatibility::ManagedInstances, Compatibility::Fargate]
    );
    assert!(definition.registered_at().is_some());
    assert_eq!(definition.registered_by(), Some(format!("arn:aws:iam::{}:root", ecs.account).as_str()));
}

async fn defaults_of_bridge(ecs: Ecs) {
    let web = app("web", &[]).port_mappings(PortMapping::builder().container_port(8080).build()).build();
    let answer = ecs.register_task_definition().family(random_name("plain")).container_definitions(web).send().await;
    let definition = answer.expect("registered").task_definition.expect("a definition");
    let mapping = &definition.container_definitions()[0].port_mappings()[0];
    assert_eq!((mapping.container_port(), mapping.host_port()), (Some(8080), Some(0)));
    assert_eq!(definition.network_mode(), None);
    assert_eq!(definition.compatibilities(), [Compatibility::External, Compatibility::Ec2]);
    assert_eq!(definition.requires_compatibilities(), []);
}

async fn revisions_count_up(ecs: Ecs) {
    let family = random_name("counted");
    let register =
        || ecs.register_task_definition().family(&family).container_definitions(app("web", &[]).build()).send();
    for revision in 1..=3 {
        let answer = register().await.expect("registered");
        assert_eq!(answer.task_definition().map(|definition| definition.revision()), Some(revision));
    }
    // Numbers are never used again, not even after the last one is gone.
    let last = format!("{family}:3");
    ecs.deregister_task_definition().task_definition(&last).send().await.expect("deregistered");
    ecs.delete_task_definitions().task_definitions(&last).send().await.expect("deleted");
    let answer = register().await.expect("registered");
    assert_eq!(answer.task_definition().map(|definition| definition.revision()), Some(4));
}

async fn families_and_lists(ecs: Ecs) {
    let prefix = random_name("fam");
    let (one, two) = (format!("{prefix}-one"), format!("{prefix}-two"));
    for family in [&two, &one, &one] {
        let web = app("web", &[]).build();
        ecs.register_task_definition().family(family).container_definitions(web).send().await.expect("registered");
    }
    let arn = |family: &str, revision: u32| ecs.arn(&format!("task-definition/{family}:{revision}"));
    let families = ecs.list_task_definition_families().family_prefix(&prefix).send().await.expect("listed");
    assert_eq!(families.families(), [one.as_str(), two.as_str()]);

    let all = ecs.list_task_definitions().send().await.expect("listed");
    assert_eq!(all.task_definition_arns(), [arn(&one, 1), arn(&one, 2), arn(&two, 1)]);
    let down = ecs.list_task_definitions().sort(SortOrder::Desc).send().await.expect("listed");
    assert_eq!(down.task_definition_arns(), [arn(&two, 1), arn(&one, 2), arn(&one, 1)]);
    // familyPrefix is the whole name of a family here.
    let of_one = ecs.list_task_definitions().family_prefix(&one).send().await.expect("listed");
    assert_eq!(of_one.task_definition_arns(), [arn(&one, 1), arn(&one, 2)]);
    let of_prefix = ecs.list_task_definitions().family_prefix(&prefix).send().await.expect("listed");
    assert_eq!(of_prefix.task_definition_arns(), [] as [&str; 0]);
}

async fn deregistered_ones_stay_describable(ecs: Ecs) {
    let family = random_name("gone");
    for _ in 0..2 {
        let web = app("web", &[]).build();
        ecs.register_task_definition().family(&family).container_definitions(web).send().await.expect("registered");
    }
    let second = format!("{family}:2");
    let answer = ecs.deregister_task_definition().task_definition(&second).send().await.expect("deregistered");
    let gone = answer.task_definition.expect("a definition");
    assert_eq!(gone.status(), Some(&TaskDefinitionStatus::Inactive));
    assert!(gone.deregistered_at() >= gone.registered_at(), "{gone:?}");

    let described = ecs.describe_task_definition().task_definition(&second).send().await.expect("described");
    assert_eq!(described.task_definition(), Some(&gone));
    let latest = ecs.describe_task_definition().task_definition(&family).send().await.expect("described");
    assert_eq!(latest.task_definition().map(|latest| latest.revision()), Some(1));
    let inactive = ecs.list_task_definitions().status(TaskDefinitionStatus::Inactive).send().await.expect("listed");
    assert_eq!(inactive.task_definition_arns(), [ecs.arn(&format!("task-definition/{second}"))]);

    ecs.deregister_task_definition().task_definition(format!("{family}:1")).send().await.expect("deregistered");
    assert_eq!(
        refusal(ecs.describe_task_definition().task_definition(&family).send().await),
        ("ClientException".into(), "Unable to describe task definition.".into())
    );
}

async fn deleted_ones(ecs: Ecs) {
    let family = random_name("deleted");
    let definition = ecs
        .register_task_definition()
        .family(&family)
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    let first = format!("{family}:1");
    let active = ecs.delete_task_definitions().task_definitions(&first).send().await.expect("answered");
    assert_eq!(active.task_definitions(), []);
    assert_eq!(active.failures()[0].arn(), Some(first.as_str()));
    assert_eq!(
        active.failures()[0].reason(),
        Some("The specified task definition is still in ACTIVE status. Please deregister the target and try again.")
    );
    ecs.deregister_task_definition().task_definition(&first).send().await.expect("deregistered");
    let deleted = ecs.delete_task_definitions().task_definitions(&definition).send().await.expect("deleted");
    assert_eq!(deleted.failures(), []);
    assert_eq!(deleted.task_definitions()[0].status(), Some(&TaskDefinitionStatus::DeleteInProgress));
    let missing = ecs.delete_task_definitions().task_definitions("nope:7").send().await.expect("answered");
    assert_eq!(
        missing.failures()[0].reason(),
        Some("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
    );
}

async fn attributes_are_computed(ecs: Ecs) {
    let web = app("web", &[])
        .log_configuration(
            LogConfiguration::builder()
                .log_driver(LogDriver::Awslogs)
                .options("awslogs-group", "/ecs/web")
                .options("awslogs-region", "us-east-1")
                .options("awslogs-stream-prefix", "web")
                .build()
                .expect("named"),
        )
        .build();
    let definition = ecs
        .on_fargate()
        .container_definitions(web)
        .execution_role_arn(format!("arn:aws:iam::{}:role/execution", ecs.account))
        .send()
        .await
        .expect("registered")
        .task_definition
        .expect("a definition");
    let names: Vec<&str> = definition.requires_attributes().iter().map(|attribute| attribute.name()).collect();
    for name in [
        "com.amazonaws.ecs.capability.logging-driver.awslogs",
        "ecs.capability.execution-role-awslogs",
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "ecs.capability.task-eni",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}
