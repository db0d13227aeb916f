//! What is asked of the runtime for a task.

use std::sync::Arc;

use api_models::ecs::{LaunchType, TaskOverride};

use super::super::fixtures::{container as container_definition, definition, task};
use super::*;
use crate::services::ecs::resources::DAEMON_BRIDGE;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn pair(name: &str, value: &str) -> KeyValuePair {
    KeyValuePair { name: Some(name.into()), value: Some(value.into()) }
}

fn spec_of(definition: &ecs::TaskDefinition, task: &Task, pause: Option<&ContainerId>) -> ContainerSpec {
    let first = &definition.container_definitions.as_ref().expect("containers")[0];
    container(task, definition, first, pause, LOOPBACK, &Reach::default())
}

#[test]
fn names_and_labels_are_those_of_the_ecs_agent() {
    let definition = definition(NetworkMode::Bridge, vec![container_definition("web", true)]);
    let task = task(&definition, 7);
    let spec = spec_of(&definition, &task, None);
    let (start, digits) = spec.name.rsplit_once('-').expect("a name with hyphens");
    assert_eq!((start, digits.len()), ("ecs-web-1-web", 20));
    assert_eq!(spec_of(&definition, &task, None).name, spec.name, "the same each time");
    assert_eq!(spec.labels[TASK_ARN_LABEL], task.key.arn());
    assert_eq!(spec.labels[CLUSTER_LABEL], "default");
    assert_eq!((spec.labels[FAMILY_LABEL].as_str(), spec.labels[REVISION_LABEL].as_str()), ("web", "1"));
    assert_eq!(spec.labels[ROLE_LABEL], "container");
}

#[test]
fn a_health_check_has_ecs_s_defaults() {
    let mut web = container_definition("web", true);
    let command = vec!["CMD-SHELL".to_owned(), "exit 0".to_owned()];
    let check = ecs::HealthCheck { command: Some(command.clone()), retries: Some(5), ..ecs::HealthCheck::default() };
    web.health_check = Some(Box::new(check));
    let definition = definition(NetworkMode::Bridge, vec![web, container_definition("side", true)]);
    let task = task(&definition, 7);
    let expected = HealthCheck {
        command,
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        retries: 5,
        start_period: Duration::ZERO,
    };
    assert_eq!(spec_of(&definition, &task, None).health_check, Some(expected));
    let side = &definition.container_definitions.as_ref().expect("containers")[1];
    assert_eq!(container(&task, &definition, side, None, LOOPBACK, &Reach::default()).health_check, None);
}

#[test]
fn overrides_win_over_the_definition_and_the_definition_over_ecs() {
    let mut web = container_definition("web", true);
    web.environment = Some(vec![pair("A", "1"), pair("AWS_REGION", "mars"), pair("B", "2")]);
    web.command = Some(vec!["serve".into()]);
    web.memory = Some(128);
    let definition = definition(NetworkMode::Bridge, vec![web]);
    let mut task = task(&definition, 7);
    Arc::make_mut(&mut task.overrides).container_overrides = Some(vec![ContainerOverride {
        name: Some("web".into()),
        command: Some(vec!["migrate".into()]),
        environment: Some(vec![pair("B", "3"), pair("C", "4")]),
        memory: Some(256),
        ..ContainerOverride::default()
    }]);
    let spec = spec_of(&definition, &task, None);
    assert_eq!(spec.command, Some(vec!["migrate".to_owned()]));
    assert_eq!(spec.memory_bytes, Some(256 * MIB));
    assert_eq!(
        spec.environment,
        ["AWS_REGION=mars", "AWS_DEFAULT_REGION=us-east-1", "AWS_EXECUTION_ENV=AWS_ECS_EC2", "A=1", "B=3", "C=4"]
    );
}

#[test]
fn containers_are_told_what_they_run_on() {
    let definition = definition(NetworkMode::Awsvpc, vec![container_definition("web", true)]);
    for (launch_type, name) in [
        (LaunchType::Ec2, "AWS_ECS_EC2"),
        (LaunchType::Fargate, "AWS_ECS_FARGATE"),
        (LaunchType::ManagedInstances, "AWS_ECS_MANAGED_INSTANCES"),
    ] {
        let mut task = task(&definition, 7);
        let hosted = launch_type != LaunchType::Ec2;
        task.launch_type = Some(launch_type);
        let spec = spec_of(&definition, &task, None);
        assert!(spec.environment.contains(&format!("AWS_EXECUTION_ENV={name}")), "{:?}", spec.environment);
        let cluster = spec.labels.get(CLUSTER_LABEL).expect("a label");
        assert_eq!(cluster.starts_with("arn:"), hosted, "{cluster}");
    }
}

#[test]
fn no_container_gets_more_than_its_task() {
    let mut web = container_definition("web", true);
    (web.memory, web.memory_reservation, web.cpu) = (Some(4096), Some(2048), Some(1));
    let mut definition = definition(NetworkMode::Awsvpc, vec![web]);
    (definition.cpu, definition.memory) = (Some("256".into()), Some("1 GB".into()));
    let mut task = task(&definition, 7);
    let pause = ContainerId("p".into());
    let spec = spec_of(&definition, &task, Some(&pause));
    assert_eq!((spec.nano_cpus, spec.memory_bytes), (Some(250_000_000), Some(1024 * MIB)));
    assert_eq!((spec.memory_reservation_bytes, spec.cpu_shares), (Some(1024 * MIB), Some(2)));
    assert_eq!(spec.network, ContainerNetwork::Container(pause));
    assert!(spec.publish.is_empty(), "the pause container publishes");

    task.overrides = Arc::new(TaskOverride { cpu: Some(".5 vCPU".into()), ..TaskOverride::default() });
    assert_eq!(spec_of(&definition, &task, None).nano_cpus, Some(500_000_000));
}

#[test]
fn the_pause_container_has_the_address_and_all_ports() {
    let definition =
        definition(NetworkMode::Awsvpc, vec![container_definition("web", true), container_definition("b", false)]);
    let task = task(&definition, 7);
    let address = Ipv4Addr::new(10, 192, 0, 9);
    let spec = pause(&task, &definition, Some(Attached { network: "vpc", address, daemons: None }), LOOPBACK);
    assert_eq!(spec.network, ContainerNetwork::Attached { network: "vpc".into(), address });
    assert_eq!(spec.hostname.as_deref(), Some("ip-10-192-0-9.ec2.internal"));
    assert_eq!((spec.publish.len(), spec.publish[0].host_port), (1, None));
    assert_eq!(spec.labels[CONTAINER_NAME_LABEL], PAUSE_CONTAINER_NAME);
    assert!(spec.name.starts_with("ecs-web-1-internalecspause-"), "{}", spec.name);
}

#[test]
fn a_container_is_told_where_its_metadata_is_and_the_users_own_entries_win() {
    let mut web = container_definition("web", true);
    web.environment = Some(vec![pair("AWS_ENDPOINT_URL", "http://mine")]);
    let definition = definition(NetworkMode::Bridge, vec![web, container_definition("side", true)]);
    let mut task = task(&definition, 7);
    let reach = |base: &str| Reach { base: Some(base.into()), endpoint_url: Some("http://169.254.170.2:4566".into()) };
    let variables = |task: &Task, reach: &Reach, place: usize| {
        let container = &definition.container_definitions.as_ref().expect("containers")[place];
        super::container(task, &definition, container, None, LOOPBACK, reach).environment
    };
    let (web, side) = (task.containers[0].id.clone(), task.containers[1].id.clone());
    let exact = reach("http://169.254.170.2");
    let own = variables(&task, &exact, 0);
    for expected in [
        format!("ECS_CONTAINER_METADATA_URI=http://169.254.170.2/v3/{web}"),
        format!("ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/{web}"),
        format!("ECS_AGENT_URI=http://169.254.170.2/api/{web}"),
        "AWS_ENDPOINT_URL=http://mine".to_owned(),
    ] {
        assert!(own.contains(&expected), "{expected} in {own:?}");
    }
    assert!(!own.iter().any(|variable| variable.starts_with("AWS_CONTAINER_CREDENTIALS")), "no role: {own:?}");
    let other = variables(&task, &exact, 1);
    assert!(other.contains(&format!("ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/{side}")), "{other:?}");
    assert!(other.contains(&"AWS_ENDPOINT_URL=http://169.254.170.2:4566".to_owned()), "{other:?}");

    task.credentials_id = Some("c0ffee".to_owned());
    let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/c0ffee".to_owned();
    assert!(variables(&task, &exact, 0).contains(&relative));
    let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.2:4566/v2/credentials/c0ffee".to_owned();
    let elsewhere = variables(&task, &reach("http://169.254.170.2:4566"), 0);
    assert!(elsewhere.contains(&full) && !elsewhere.contains(&relative), "{elsewhere:?}");
    assert!(!variables(&task, &Reach::default(), 0).iter().any(|variable| variable.contains("169.254")));
}

#[test]
fn a_pause_container_sets_up_the_way_to_the_daemons() {
    let definition = definition(NetworkMode::Awsvpc, vec![container_definition("web", true)]);
    let (address, daemons) = (Ipv4Addr::new(10, 192, 0, 9), Ipv4Addr::new(10, 192, 0, 4));
    let attached = Attached { network: "vpc", address, daemons: Some(daemons) };
    let spec = pause(&task(&definition, 7), &definition, Some(attached), LOOPBACK);
    let command = spec.command.expect("given").join(" ");
    assert_eq!(command, "route 169.254.172.2 via 10.192.0.4");
    assert_eq!(spec.linux.add_capabilities, ["NET_ADMIN"]);
    assert_eq!(spec.labels[DAEMONS_ADDRESS_LABEL], "10.192.0.4");
}

#[test]
fn daemons_of_an_instance_are_together_at_their_address() {
    let scope = task(&ecs::TaskDefinition::default(), 1).key.scope;
    let instance = ContainerInstanceKey { scope, cluster: "blue".into(), id: "f00d".into() };
    let address = Ipv4Addr::new(10, 192, 0, 4);
    let owner = daemons(&instance, "vpc", address);
    assert_eq!(owner.network, ContainerNetwork::Attached { network: "vpc".into(), address });
    assert_eq!(owner.command.expect("given").join(" "), "address 169.254.172.2");
    assert_eq!(owner.linux.add_capabilities, ["NET_ADMIN"]);
    assert_eq!(super::super::daemons::instance(&owner.labels), Some(instance));
    assert!(!owner.labels.contains_key(TASK_ARN_LABEL), "it is no task's");

    let definition = definition(DAEMON_BRIDGE.into(), vec![container_definition("web", true)]);
    let pause = ContainerId("p".into());
    let spec = spec_of(&definition, &task(&definition, 7), Some(&pause));
    assert_eq!((spec.network, spec.publish), (ContainerNetwork::Container(pause), vec![]));
    assert!(spec.linux.add_capabilities.is_empty());
}
