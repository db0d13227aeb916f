//! Container instances: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html>

use aws_sdk_ecs::types::{Attribute, ContainerInstanceStatus, NetworkMode, PortMapping, Resource};
use compat_tests::{Ecs, Registers, Runs, app, refusal};

on_simulated!(life_of_an_instance, what_does_not_fit, ports_are_resources, first_fit, unknown_instances);

async fn life_of_an_instance(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let attribute = |name: &str, value: &str| Attribute::builder().name(name).value(value).build().expect("named");
    let resource = |name: &str, value| Resource::builder().name(name).r#type("INTEGER").integer_value(value).build();
    let registered = ecs
        .register_container_instance()
        .cluster(&cluster)
        .total_resources(resource("CPU", 2048))
        .total_resources(resource("MEMORY", 3768))
        .attributes(attribute("stack", "blue"))
        .attributes(attribute("ecs.availability-zone", "us-east-1b"))
        .send()
        .await
        .expect("registered")
        .container_instance
        .expect("an instance");
    let arn = registered.container_instance_arn().expect("an ARN").to_owned();
    assert!(arn.starts_with(&ecs.arn(&format!("container-instance/{cluster}/"))), "{arn}");
    assert_eq!(registered.status(), Some("ACTIVE"));
    assert!(registered.agent_connected());
    for (name, value) in [("stack", "blue"), ("ecs.availability-zone", "us-east-1b")] {
        let echoed = registered.attributes().iter().find(|known| known.name() == name);
        assert_eq!(echoed.and_then(|attribute| attribute.value()), Some(value), "{name}");
    }
    let total = |name| registered.registered_resources().iter().find(|resource| resource.name() == Some(name));
    assert_eq!(total("CPU").map(|cpu| cpu.integer_value()), Some(2048));
    assert_eq!(total("MEMORY").map(|memory| memory.integer_value()), Some(3768));
    let reserved = total("PORTS").expect("ports").string_set_value();
    assert!(["22", "2375", "2376", "51678", "51679"].iter().all(|port| reserved.iter().any(|known| known == port)));

    let listed = ecs.list_container_instances().cluster(&cluster).send().await.expect("listed");
    assert_eq!(listed.container_instance_arns(), [arn.as_str()]);
    let draining = ecs.list_container_instances().cluster(&cluster).status(ContainerInstanceStatus::Draining);
    assert_eq!(draining.send().await.expect("listed").container_instance_arns(), [] as [&str; 0]);
    let id = arn.rsplit('/').next().expect("an id");
    let by_id = ecs.describe_container_instances().cluster(&cluster).container_instances(id).send().await;
    assert_eq!(by_id.expect("described").container_instances()[0].container_instance_arn(), Some(arn.as_str()));
    let counts = ecs.describe_clusters().clusters(&cluster).send().await.expect("described");
    assert_eq!(counts.clusters()[0].registered_container_instances_count(), 1);

    let gone = ecs.deregister_container_instance().cluster(&cluster).container_instance(&arn).send().await;
    assert_eq!(gone.expect("gone").container_instance().and_then(|gone| gone.status()), Some("INACTIVE"));
    let listed = ecs.list_container_instances().cluster(&cluster).send().await.expect("listed");
    assert_eq!(listed.container_instance_arns(), [] as [&str; 0]);
    let counts = ecs.describe_clusters().clusters(&cluster).send().await.expect("described");
    assert_eq!(counts.clusters()[0].registered_container_instances_count(), 0);
}

async fn what_does_not_fit(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 512, 256).await;
    let big_cpu =
        ecs.on_ec2(NetworkMode::None).container_definitions(app("c", &[]).cpu(1024).build()).registered().await;
    let big_memory =
        ecs.on_ec2(NetworkMode::None).container_definitions(app("m", &[]).memory(1024).build()).registered().await;
    for (definition, reason) in [(&big_cpu, "RESOURCE:CPU"), (&big_memory, "RESOURCE:MEMORY")] {
        let answer = ecs.run_on_ec2(&cluster, definition).send().await.expect("answered");
        assert_eq!(answer.tasks(), []);
        assert_eq!(answer.failures().len(), 1);
        assert_eq!(answer.failures()[0].reason(), Some(reason));
        assert_eq!(answer.failures()[0].arn(), Some(instance.as_str()));
    }
    // Two of 128 MiB fit, a third does not.
    let small = ecs.on_ec2(NetworkMode::None).container_definitions(app("s", &[]).build()).registered().await;
    let answer = ecs.run_on_ec2(&cluster, &small).count(3).send().await.expect("answered");
    assert_eq!(answer.tasks().len(), 2);
    assert_eq!(answer.failures()[0].reason(), Some("RESOURCE:MEMORY"));

    let busy = ecs.deregister_container_instance().cluster(&cluster).container_instance(&instance).send().await;
    assert_eq!(refusal(busy), ("InvalidParameterException".into(), "Found running tasks on the instance.".into()));
    let forced = ecs.deregister_container_instance().cluster(&cluster).container_instance(&instance).force(true);
    forced.send().await.expect("forced");
}

async fn ports_are_resources(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let first = ecs.instance(&cluster, 2048, 2048).await;
    let mapping = PortMapping::builder().container_port(80).host_port(8080).build();
    let definition = ecs
        .on_ec2(NetworkMode::Host)
        .container_definitions(
            app("web", &[]).port_mappings(PortMapping::builder().container_port(8080).build()).build(),
        )
        .registered()
        .await;
    let bridged = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(app("web", &[]).port_mappings(mapping).build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    for taken in [&definition, &bridged] {
        let answer = ecs.run_on_ec2(&cluster, taken).send().await.expect("answered");
        assert_eq!(answer.failures()[0].reason(), Some("RESOURCE:PORTS"));
        assert_eq!(answer.failures()[0].arn(), Some(first.as_str()));
    }
    let described = ecs.describe_container_instances().cluster(&cluster).container_instances(&first).send().await;
    let described = described.expect("described");
    let remaining = described.container_instances()[0].remaining_resources();
    let ports = remaining.iter().find(|resource| resource.name() == Some("PORTS")).expect("ports");
    assert!(ports.string_set_value().iter().any(|port| port == "8080"), "{ports:?}");
    ecs.stop(&task).await;
    let task = ecs.run_on_ec2(&cluster, &bridged).one().await;
    ecs.stop(&task).await;
}

async fn first_fit(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let small = ecs.instance(&cluster, 256, 256).await;
    let large = ecs.instance(&cluster, 4096, 4096).await;
    let definition =
        ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).memory(1024).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    assert_eq!(task.container_instance_arn(), Some(large.as_str()));
    assert_ne!(small, large);
    ecs.stop(&task).await;
}

async fn unknown_instances(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let id = "0".repeat(32);
    let answer = ecs.describe_container_instances().cluster(&cluster).container_instances(&id).send().await;
    let answer = answer.expect("described");
    assert_eq!(answer.container_instances(), []);
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
    assert_eq!(answer.failures()[0].arn(), Some(ecs.arn(&format!("container-instance/{cluster}/{id}")).as_str()));
    let (code, message) = refusal(
        ecs.describe_container_instances().cluster(&cluster).set_container_instances(Some(vec![])).send().await,
    );
    assert_eq!((code.as_str(), message.as_str()), ("ClientException", "Container Instances cannot be empty."));
}
