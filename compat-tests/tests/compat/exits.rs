//! How tasks end by themselves: exit codes, memory, images that are not there, programs that do not start.

use aws_sdk_ecs::types::{NetworkMode, Task, TaskStopCode};
use compat_tests::{Ecs, Registers, Runs, app};

on_both!(
    a_container_that_may_end,
    an_essential_container_ends_the_others,
    an_image_that_is_not_there,
    a_program_that_is_not_there,
);

on_docker!(too_much_memory);

fn container<'t>(task: &'t Task, name: &str) -> &'t aws_sdk_ecs::types::Container {
    task.containers().iter().find(|container| container.name() == Some(name)).expect("the container")
}

async fn a_container_that_may_end(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let web = app("web", &[]).build();
    let init = app("init", &["exit", "7"])
        .essential(false)
        .docker_labels("sim.run-for", "10ms")
        .docker_labels("sim.exit-code", "7")
        .build();
    let definition =
        ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).container_definitions(init).registered().await;
    let asked = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = compat_tests::wait_until_some("init to end", std::time::Duration::from_secs(30), || async {
        let task = ecs.task(&asked).await;
        assert_ne!(task.last_status(), Some("STOPPED"), "{task:#?}");
        (task.last_status() == Some("RUNNING") && container(&task, "init").exit_code() == Some(7)).then_some(task)
    })
    .await;
    assert_eq!(container(&task, "init").last_status(), Some("STOPPED"));
    assert_eq!(container(&task, "web").last_status(), Some("RUNNING"));
    let stopped = ecs.stop(&task).await;
    assert_eq!(container(&stopped, "init").exit_code(), Some(7));
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::UserInitiated));
}

async fn an_essential_container_ends_the_others(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let side = app("side", &["on-term-exit", "5"]).docker_labels("sim.stop-exit-code", "5").build();
    let job = app("job", &["sleep", "0.5"]).docker_labels("sim.run-for", "500ms").build();
    let definition = ecs.on_fargate().container_definitions(side).container_definitions(job).registered().await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    assert_eq!(stopped.stopped_reason(), Some("Essential container in task exited"));
    assert_eq!(container(&stopped, "job").exit_code(), Some(0));
    assert_eq!(container(&stopped, "side").exit_code(), Some(5));
}

async fn an_image_that_is_not_there(ecs: Ecs) {
    let error = "pull access denied for localecs/nope, repository does not exist";
    // Nothing listens at that address, so no registry is asked.
    let web = app("web", &[]).image("127.0.0.1:9/localecs/nope:1").docker_labels("sim.pull-error", error).build();
    let cluster = ecs.cluster_with_instance().await;
    let on_instance = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web.clone()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &on_instance).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    assert_eq!(stopped.stopped_reason(), Some("Task failed to start"));
    assert_eq!(stopped.containers()[0].exit_code(), None);
    let reason = stopped.containers()[0].reason().expect("a reason");
    assert!(reason.starts_with("CannotPullImageManifestError: "), "{reason}");
    assert_eq!(stopped.started_at(), None);
    assert!(stopped.pull_started_at().is_some() && stopped.stopped_at().is_some(), "{stopped:#?}");

    // Fargate repeats the container's error as the task's.
    let serverless = ecs.on_fargate().container_definitions(web).registered().await;
    let task = ecs.run_on_fargate(&cluster, &serverless).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    let reason = stopped.stopped_reason().expect("a reason");
    assert!(reason.starts_with("CannotPullContainerError: "), "{reason}");
    assert_eq!(stopped.attachments()[0].status(), Some("DELETED"));
}

async fn a_program_that_is_not_there(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let error = "exec: \"/nope\": stat /nope: no such file or directory: unknown";
    let web = app("web", &[]).entry_point("/nope").docker_labels("sim.start-error", error).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(web).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    assert_eq!(stopped.stopped_reason(), Some("Task failed to start"));
    let reason = stopped.containers()[0].reason().expect("a reason");
    assert!(reason.starts_with("CannotStartContainerError: "), "{reason}");
    assert!(reason.contains("/nope"), "{reason}");
    assert_eq!(stopped.containers()[0].exit_code(), None);
    assert_eq!(stopped.started_at(), None);
}

async fn too_much_memory(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let hungry = app("hungry", &["oom"]).memory(32).build();
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(hungry).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::EssentialContainerExited));
    assert_eq!(stopped.stopped_reason(), Some("Essential container in task exited"));
    assert_eq!(stopped.containers()[0].exit_code(), Some(137));
    assert_eq!(stopped.containers()[0].reason(), Some("OutOfMemoryError: Container killed due to memory usage"));
}
