//! Log drivers of the engine: what a definition says of them reaches it, and its refusals reach the task.

use aws_sdk_ecs::types::{LogConfiguration, LogDriver, NetworkMode};
use compat_tests::{Ecs, Registers, Runs, app, docker, refusal};

on_docker!(a_driver_of_the_engine_gets_its_options, what_the_engine_refuses_is_the_container_s_reason);
on_simulated!(what_ecs_does_not_have_is_refused);

fn driver(name: &str, options: &[(&str, &str)]) -> LogConfiguration {
    let mut log = LogConfiguration::builder().log_driver(LogDriver::from(name));
    for (name, value) in options {
        log = log.options(*name, *value);
    }
    log.build().expect("a driver")
}

async fn a_driver_of_the_engine_gets_its_options(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let log = driver("json-file", &[("max-size", "1m"), ("max-file", "2"), ("mode", "non-blocking")]);
    let talker = app("talker", &["lines", "100000", "50"]).log_configuration(log).build();
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(talker)
        .container_definitions(app("plain", &["serve"]).build())
        .registered()
        .await;
    let task = ecs.running(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    for (name, id) in docker::containers_of(task.task_arn().expect("an ARN")) {
        let config = &docker::inspect(&id)["HostConfig"]["LogConfig"];
        if name == "talker" {
            assert_eq!(config["Type"], "json-file");
            assert_eq!(
                (&config["Config"]["max-size"], &config["Config"]["mode"]),
                (&"1m".into(), &"non-blocking".into())
            );
            let printed = docker::run(&["logs", "--tail", "3", &id]);
            assert!(printed.starts_with("line "), "{printed}");
        } else {
            let default = docker::run(&["info", "--format", "{{.LoggingDriver}}"]);
            assert_eq!(config["Type"], default.as_str(), "the engine's own default");
        }
    }
    ecs.stop(&task).await;
}

async fn what_the_engine_refuses_is_the_container_s_reason(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    for (log, reason) in [
        (
            driver("json-file", &[("colour", "blue")]),
            "CannotCreateContainerError: Error response from daemon: unknown log opt 'colour' for json-file log driver",
        ),
        (
            driver("syslog", &[("syslog-address", "tcp://127.0.0.1:1")]),
            "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: dial tcp \
             127.0.0.1:1: connect: connection refused",
        ),
    ] {
        let job = app("job", &["exit", "0"]).log_configuration(log).build();
        let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(job).registered().await;
        let stopped = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
        assert_eq!(stopped.containers()[0].reason(), Some(reason));
    }
}

async fn what_ecs_does_not_have_is_refused(ecs: Ecs) {
    let awslogs = |name: &str, value: &str| {
        driver("awslogs", &[("awslogs-group", "g"), ("awslogs-region", "us-east-1"), (name, value)])
    };
    for (log, message) in [
        (awslogs("log_key", "log"), "Log driver awslogs disallows options: log_key"),
        (
            awslogs("awslogs-create-group", "false"),
            "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else omit option.",
        ),
        (
            driver("none", &[]),
            "none is not a valid log driver. Must be one of [json-file,syslog,journald,gelf,fluentd,awslogs,splunk,\
             awsfirelens]",
        ),
    ] {
        let job = app("job", &["exit", "0"]).log_configuration(log).build();
        let answer = ecs.on_ec2(NetworkMode::Bridge).container_definitions(job).send().await;
        assert_eq!(refusal(answer), ("ClientException".to_owned(), message.to_owned()));
    }
}
