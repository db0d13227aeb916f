//! FireLens: a container routes the logs of the others. The sample app stands in for Fluent Bit: it prints the
//! configuration it was given and what comes to it, and that goes to CloudWatch Logs.

use aws_sdk_ecs::types::{FirelensConfiguration, FirelensConfigurationType, LogConfiguration, LogDriver, NetworkMode};
use compat_tests::{Ecs, Registers, Runs, app, docker, random_name, refusal, wait_until_some};
use std::time::Duration;

on_docker!(a_router_gets_its_configuration_and_the_logs_of_the_others);
on_simulated!(a_router_needs_options_that_make_sense);

fn firelens(options: &[(&str, &str)]) -> LogConfiguration {
    let mut log = LogConfiguration::builder().log_driver(LogDriver::Awsfirelens);
    for (name, value) in options {
        log = log.options(*name, *value);
    }
    log.build().expect("a driver")
}

fn router() -> FirelensConfiguration {
    FirelensConfiguration::builder().r#type(FirelensConfigurationType::Fluentbit).build().expect("a type")
}

async fn a_router_gets_its_configuration_and_the_logs_of_the_others(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let log = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", &group)
        .options("awslogs-region", "us-east-1")
        .options("awslogs-stream-prefix", "firelens");
    let router = app("router", &["fluent", "/fluent-bit/etc/fluent-bit.conf"])
        .firelens_configuration(router())
        .log_configuration(log.build().expect("a driver"));
    let talker = app("talker", &["lines", "100000", "20"]).log_configuration(firelens(&[("Name", "stdout")]));
    let cluster = ecs.cluster_with_instance().await;
    // The router stands behind those that need it, and starts before them all the same.
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(talker.build())
        .container_definitions(app("env", &["serve"]).log_configuration(firelens(&[])).build())
        .container_definitions(router.build())
        .registered()
        .await;
    let task = ecs.running(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    let arn = task.task_arn().expect("an ARN");
    let id = arn.rsplit('/').next().expect("an id");
    let stream = format!("firelens/router/{id}");
    let tag = format!("talker-firelens-{id}: line 3 ");
    let messages = wait_until_some("the routed lines", Duration::from_secs(30), || async {
        let events = ecs.log_events("us-east-1", &group, &stream)?;
        let messages: Vec<_> = events.into_iter().map(|(_, message)| message).collect();
        messages.contains(&tag).then_some(messages)
    })
    .await;
    for line in [
        "config:     unix_path /var/run/fluent.sock",
        "config:     Match talker-firelens*",
        &format!("config:     Record ecs_task_arn {arn}"),
    ] {
        assert!(messages.iter().any(|message| message == line), "{line}: {messages:#?}");
    }
    let containers = docker::containers_of(arn);
    let (_, env) = containers.iter().find(|(name, _)| name == "env").expect("it runs");
    let described = docker::inspect(env);
    assert_eq!(described["HostConfig"]["LogConfig"]["Type"], "fluentd");
    let (_, router) = containers.iter().find(|(name, _)| name == "router").expect("it runs");
    let address = docker::inspect(router)["NetworkSettings"]["IPAddress"].as_str().expect("an address").to_owned();
    let variables: Vec<_> = described["Config"]["Env"].as_array().expect("variables").iter().collect();
    assert!(variables.iter().any(|variable| **variable == format!("FLUENT_HOST={address}")), "{variables:?}");
    ecs.stop(&task).await;
}

async fn a_router_needs_options_that_make_sense(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = |options: &[(&str, &str)]| {
        ecs.on_ec2(NetworkMode::Bridge)
            .container_definitions(app("talker", &[]).log_configuration(firelens(options)).build())
            .container_definitions(app("router", &[]).firelens_configuration(router()).build())
    };
    let task = ecs.run_on_ec2(&cluster, &definition(&[("region", "us-west-2")]).registered().await).one().await;
    let stopped = ecs.stopped(&task).await;
    let router_of = stopped.containers().iter().find(|container| container.name() == Some("router"));
    assert_eq!(
        router_of.and_then(|container| container.reason()),
        Some(
            "ResourceInitializationError: unable to generate firelens config file: unable to apply log options of \
             container talker to firelens config: missing output key Name which is required for firelens configuration \
             of type fluentbit"
        )
    );
    let circle = app("router", &[]).firelens_configuration(router()).links("talker:talker");
    let answer = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(app("talker", &[]).log_configuration(firelens(&[])).build())
        .container_definitions(circle.build())
        .send()
        .await;
    assert_eq!(refusal(answer).1, "Container dependency cannot have a cycle.");
}
