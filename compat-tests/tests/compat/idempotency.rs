//! clientToken: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Ecs, Registers, app, random_name, refusal};

on_simulated!(one_token_one_run, another_request_conflicts, at_the_same_moment);

async fn one_token_one_run(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let token = random_name("token");
    let run = || ecs.run_on_ec2(&cluster, &definition).client_token(&token).count(2).send();
    let first = run().await.expect("RunTask");
    let second = run().await.expect("RunTask");
    let arns = |tasks: &[aws_sdk_ecs::types::Task]| -> Vec<String> {
        tasks.iter().filter_map(|task| task.task_arn()).map(str::to_owned).collect()
    };
    assert_eq!(arns(first.tasks()), arns(second.tasks()));
    let listed = ecs.list_tasks().cluster(&cluster).send().await.expect("listed");
    assert_eq!(listed.task_arns().len(), 2);
    // Without a token (the SDK then makes one for each call) each request runs its own.
    ecs.run_on_ec2(&cluster, &definition).send().await.expect("RunTask");
    ecs.run_on_ec2(&cluster, &definition).send().await.expect("RunTask");
    let listed = ecs.list_tasks().cluster(&cluster).send().await.expect("listed");
    assert_eq!(listed.task_arns().len(), 4);
}

async fn another_request_conflicts(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let token = random_name("token");
    let first = ecs.run_on_ec2(&cluster, &definition).client_token(&token).send().await.expect("RunTask");
    let other = ecs.run_on_ec2(&cluster, &definition).client_token(&token).count(2).send().await;
    let error = other.expect_err("a conflict").into_service_error();
    let aws_sdk_ecs::operation::run_task::RunTaskError::ConflictException(conflict) = &error else {
        panic!("another error: {error:?}");
    };
    assert_eq!(conflict.resource_ids(), [first.tasks()[0].task_arn().expect("an ARN")]);
    let long = ecs.run_on_ec2(&cluster, &definition).client_token("x".repeat(65)).send().await;
    assert_eq!(refusal(long).0, "InvalidParameterException");
}

async fn at_the_same_moment(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let token = random_name("token");
    let run = || ecs.run_on_ec2(&cluster, &definition).client_token(&token).send();
    let (a, b, c, d) = tokio::join!(run(), run(), run(), run());
    let arns: std::collections::BTreeSet<String> = [a, b, c, d]
        .into_iter()
        .map(|answer| answer.expect("RunTask").tasks()[0].task_arn().expect("an ARN").to_owned())
        .collect();
    assert_eq!(arns.len(), 1, "{arns:?}");
}
