//! dependsOn, health checks, and the order of stopping.

use std::time::Duration;

use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDependency, ContainerRestartPolicy, HealthCheck, HealthStatus, NetworkMode, Task,
    TaskStopCode,
};
use compat_tests::{Ecs, Registers, Runs, app, docker, wait_until};

on_both!(
    a_task_starts_in_order,
    an_init_container_that_fails_fails_the_task,
    a_health_check_that_comes_too_late_fails_the_task,
    an_unhealthy_task_runs_on,
    a_stop_goes_in_reverse_order,
    a_container_that_ran_too_short_a_time_is_not_started_again,
);

on_docker!(a_container_is_started_again_in_place);

fn on(name: &str, condition: ContainerCondition) -> ContainerDependency {
    ContainerDependency::builder().container_name(name).condition(condition).build().expect("both are given")
}

fn check(command: &[&str]) -> HealthCheck {
    let words = command.iter().map(|word| (*word).to_owned());
    HealthCheck::builder().set_command(Some(words.collect())).interval(5).timeout(2).retries(1).build().expect("given")
}

fn healthz() -> HealthCheck {
    check(&["CMD", "/sample-app", "get", "http://localhost:8080/healthz"])
}

fn health(task: &Task) -> Vec<&str> {
    let containers = task.containers().iter();
    containers.map(|container| container.health_status().map_or("none", HealthStatus::as_str)).collect()
}

async fn a_task_starts_in_order(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let init = app("init", &["sleep", "1"]).essential(false).docker_labels("sim.run-for", "1s").build();
    let db = app("db", &["healthy-after", "1"])
        .health_check(healthz())
        .docker_labels("sim.healthy-after", "5s")
        .depends_on(on("init", ContainerCondition::Success))
        .build();
    let web = app("web", &["serve", "--port", "9090"]).depends_on(on("db", ContainerCondition::Healthy)).build();
    let definition = ecs.on_fargate();
    let definition =
        definition.container_definitions(web).container_definitions(db).container_definitions(init).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    wait_until("init to have ended and db to run", Duration::from_secs(30), || async {
        let now = ecs.task(&task).await;
        let statuses: Vec<_> = now.containers().iter().filter_map(|container| container.last_status()).collect();
        let waiting = statuses == ["PENDING", "RUNNING", "STOPPED"];
        assert!(!waiting || now.last_status() == Some("PENDING"), "{now:#?}");
        waiting
    })
    .await;
    let running = ecs.running(&task).await;
    assert_eq!(health(&running), ["UNKNOWN", "HEALTHY", "UNKNOWN"]);
    assert_eq!(running.health_status(), Some(&HealthStatus::Healthy));
    assert_eq!(running.containers()[2].exit_code(), Some(0));
    ecs.stop(&task).await;
}

async fn an_init_container_that_fails_fails_the_task(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let init = app("init", &["exit", "3"]).essential(false);
    let init = init.docker_labels("sim.run-for", "0ms").docker_labels("sim.exit-code", "3").build();
    let image = init.image().unwrap_or_default().to_owned();
    let web = app("web", &[]).depends_on(on("init", ContainerCondition::Success)).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge);
    let definition = definition.container_definitions(web).container_definitions(init).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    assert_eq!(stopped.stopped_reason(), Some("Task failed to start"));
    assert_eq!((stopped.started_at(), stopped.containers()[1].exit_code()), (None, Some(3)));
    let web = &stopped.containers()[0];
    let reason = format!(
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [init({image}) \
         (STOPPED->RUNNING) - Exit: 3] for target [web({image}) (NONE->RUNNING)] as dependency did not exit successfully."
    );
    assert_eq!((web.reason(), web.exit_code(), web.runtime_id()), (Some(reason.as_str()), Some(143), None));
}

async fn a_health_check_that_comes_too_late_fails_the_task(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let db = app("db", &["healthy-after", "600"]).health_check(healthz()).start_timeout(2);
    let db = db.docker_labels("sim.healthy-after", "10m").build();
    let web = app("web", &["serve", "--port", "9090"]).depends_on(on("db", ContainerCondition::Healthy)).build();
    let definition = ecs.on_fargate().container_definitions(web).container_definitions(db).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    let reason = stopped.stopped_reason().unwrap_or_default();
    assert!(
        reason.ends_with("for target [web(localecs/sample-app:latest) (NONE->RUNNING)] has timed out."),
        "{reason}"
    );
    assert_eq!(stopped.containers()[0].reason(), Some(reason));
}

async fn an_unhealthy_task_runs_on(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[]).health_check(check(&["CMD", "/sample-app", "exit", "1"]));
    let web = web.docker_labels("sim.unhealthy-after", "1s").build();
    let side = app("side", &["serve", "--port", "9090"]).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge);
    let definition = definition.container_definitions(web).container_definitions(side).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let running = ecs.running(&task).await;
    wait_until("the task to be UNHEALTHY", Duration::from_secs(40), || async {
        ecs.task(&task).await.health_status() == Some(&HealthStatus::Unhealthy)
    })
    .await;
    let now = ecs.task(&task).await;
    assert_eq!(health(&now), ["UNHEALTHY", "UNKNOWN"]);
    assert_eq!(now.last_status(), Some("RUNNING"));
    assert!(now.version() > running.version());
    ecs.stop(&task).await;
}

async fn a_stop_goes_in_reverse_order(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &["ignore-term", "100"]).stop_timeout(3).docker_labels("sim.ignore-term", "true");
    let web = web.depends_on(on("proxy", ContainerCondition::Start)).build();
    let proxy = app("proxy", &["on-term-exit", "5"]).docker_labels("sim.stop-exit-code", "5");
    let proxy = proxy.depends_on(on("log", ContainerCondition::Start)).build();
    let log = app("log", &["on-term-exit", "6"]).docker_labels("sim.stop-exit-code", "6").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(log).container_definitions(proxy);
    let definition = definition.container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.running(&task).await;
    let (cluster, arn) = (task.cluster_arn().expect("a cluster"), task.task_arn().expect("an ARN"));
    ecs.stop_task().cluster(cluster).task(arn).send().await.expect("StopTask");
    let seen = std::sync::atomic::AtomicBool::new(false);
    wait_until("the task to be STOPPED", Duration::from_secs(30), || async {
        let now = ecs.task(&task).await;
        let statuses: Vec<_> = now.containers().iter().filter_map(|container| container.last_status()).collect();
        if statuses[2] == "RUNNING" {
            assert_eq!(statuses, ["RUNNING"; 3], "the others wait for web");
            seen.fetch_or(now.last_status() == Some("STOPPING"), std::sync::atomic::Ordering::Relaxed);
        }
        now.last_status() == Some("STOPPED")
    })
    .await;
    assert!(seen.into_inner(), "web took its time");
    let stopped = ecs.task(&task).await;
    let codes: Vec<_> = stopped.containers().iter().map(|container| container.exit_code()).collect();
    assert_eq!(codes, [Some(6), Some(5), Some(137)]);
}

/// Restarts need a container that ran for a minute: the shortest `restartAttemptPeriod`.
async fn a_container_that_ran_too_short_a_time_is_not_started_again(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let policy = ContainerRestartPolicy::builder().enabled(true).restart_attempt_period(60).build().expect("given");
    let web = app("web", &["exit", "4"]).restart_policy(policy);
    let web = web.docker_labels("sim.run-for", "0ms").docker_labels("sim.exit-code", "4").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let stopped = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    assert_eq!(stopped.containers()[0].exit_code(), Some(4));
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
}

async fn a_container_is_started_again_in_place(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let policy = ContainerRestartPolicy::builder().enabled(true).restart_attempt_period(60).build().expect("given");
    let web = app("web", &["sleep", "61"]).restart_policy(policy).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let running = ecs.running(&task).await;
    let id = running.containers()[0].runtime_id().expect("it runs").to_owned();
    let started = || docker::inspect(&id)["State"]["StartedAt"].clone();
    let first = started();
    wait_until("the second start", Duration::from_secs(90), || async { started() != first }).await;
    let now = ecs.running(&task).await;
    assert_eq!(now.containers()[0].runtime_id(), Some(id.as_str()));
    ecs.stop(&task).await;
}
