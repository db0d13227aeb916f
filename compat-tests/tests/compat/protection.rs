//! Scale-in protection: only tasks of services can have it, and there are none yet.

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Ecs, Registers, Runs, app};

on_simulated!(tasks_of_no_service, unknown_tasks);

async fn tasks_of_no_service(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let arn = task.task_arn().expect("an ARN");
    let update = ecs
        .update_task_protection()
        .cluster(&cluster)
        .tasks(arn)
        .protection_enabled(true)
        .send()
        .await
        .expect("answered");
    assert_eq!(update.protected_tasks(), []);
    assert_eq!(update.failures()[0].reason(), Some("TASK_NOT_VALID"));
    assert_eq!(update.failures()[0].arn(), Some(arn));
    let get = ecs.get_task_protection().cluster(&cluster).tasks(arn).send().await.expect("answered");
    assert_eq!(get.protected_tasks(), []);
    assert_eq!(get.failures()[0].reason(), Some("TASK_NOT_VALID"));
}

async fn unknown_tasks(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let id = "0".repeat(32);
    let get = ecs.get_task_protection().cluster(&cluster).tasks(&id).send().await.expect("answered");
    assert_eq!(get.failures()[0].reason(), Some("MISSING"));
}
