//! StopTask: the signal, the patience, the kill. And the waiters, which see it all.

use std::time::{Duration, Instant};

use aws_sdk_ecs::client::Waiters;
use aws_sdk_ecs::types::{NetworkMode, TaskStopCode};
use compat_tests::{Ecs, Registers, Runs, app, refusal};

on_both!(
    a_graceful_stop,
    deaf_programs_are_killed,
    a_stop_before_the_start,
    waiters_see_running_and_stopped,
    the_running_waiter_fails_on_a_stopped_task,
);

on_simulated!(long_reasons_are_refused);

async fn a_graceful_stop(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &["on-term-exit", "42"]).docker_labels("sim.stop-exit-code", "42").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.running(&task).await;
    let start = Instant::now();
    let stopped = ecs.stop(&task).await;
    // It did not wait for the 30 seconds after which it would have been killed.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert_eq!(stopped.containers()[0].exit_code(), Some(42));
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
    assert_eq!(stopped.stopped_reason(), Some("Task stopped by user"));
}

async fn deaf_programs_are_killed(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let deaf = app("deaf", &["ignore-term", "100"]).stop_timeout(2).docker_labels("sim.ignore-term", "true").build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(deaf).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.running(&task).await;
    let start = Instant::now();
    let stopped = ecs.stop(&task).await;
    let took = start.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_secs(15)).contains(&took), "{took:?}");
    assert_eq!(stopped.containers()[0].exit_code(), Some(137));
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
    assert_eq!(stopped.containers()[0].reason(), None);
}

async fn a_stop_before_the_start(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let answer = ecs.run_on_fargate(&cluster, &definition).count(5).send().await.expect("RunTask");
    for task in answer.tasks() {
        let arn = task.task_arn().expect("an ARN");
        let stopping = ecs.stop_task().cluster(&cluster).task(arn).reason("changed my mind").send().await;
        assert_eq!(stopping.expect("StopTask").task().and_then(|task| task.desired_status()), Some("STOPPED"));
    }
    for task in answer.tasks() {
        let stopped = ecs.stopped(task).await;
        assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
        assert_eq!(stopped.stopped_reason(), Some("changed my mind"));
    }
}

async fn waiters_see_running_and_stopped(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let arn = task.task_arn().expect("an ARN");
    let patience = Duration::from_secs(60);
    let running = ecs.wait_until_tasks_running().cluster(&cluster).tasks(arn).wait(patience).await.expect("running");
    let running = running.into_result().expect("an answer");
    assert_eq!(running.tasks()[0].last_status(), Some("RUNNING"));

    ecs.stop_task().cluster(&cluster).task(arn).send().await.expect("StopTask");
    let stopped = ecs.wait_until_tasks_stopped().cluster(&cluster).tasks(arn).wait(patience).await.expect("stopped");
    let stopped = stopped.into_result().expect("an answer");
    assert_eq!(stopped.tasks()[0].last_status(), Some("STOPPED"));
}

async fn the_running_waiter_fails_on_a_stopped_task(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let job = app("job", &["exit", "0"]).docker_labels("sim.run-for", "0ms").build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(job).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    ecs.stopped(&task).await;
    let arn = task.task_arn().expect("an ARN");
    let waited = ecs.wait_until_tasks_running().cluster(&cluster).tasks(arn).wait(Duration::from_secs(30)).await;
    let problem = format!("{:?}", waited.expect_err("the waiter fails"));
    assert!(problem.contains("FailureState"), "{problem}");
}

async fn long_reasons_are_refused(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let arn = task.task_arn().expect("an ARN");
    let (code, _) = refusal(ecs.stop_task().cluster(&cluster).task(arn).reason("x".repeat(1025)).send().await);
    assert_eq!(code, "InvalidParameterException");
    ecs.stop(&task).await;
}
