//! Deployments under what the admin API says of alarms and of load balancers' targets, on a clock that is moved.

use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentConfiguration, DeploymentRolloutState, ServiceDeployment, ServiceDeploymentStatus,
};
use compat_tests::{Ecs, Runtime, Server, wait_until, wait_until_some};
use serde_json::json;

use crate::admin::call;
use crate::services::{PATIENCE, described, messages, primary, service, steady, tasks, web};

/// A server whose time runs fast: what settles in seconds does in a moment.
pub(crate) fn hasty() -> Server {
    let server = Server::start(Runtime::Simulated, &[]);
    call(&server, "clock", &json!({ "speed": 20 }));
    server
}

/// The newest service deployment, in full.
pub(crate) async fn newest(ecs: &Ecs, cluster: &str) -> ServiceDeployment {
    let listed = ecs.list_service_deployments().cluster(cluster).service("web").send().await.expect("a list");
    let arn = listed.service_deployments()[0].service_deployment_arn().expect("an ARN");
    let described = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.expect("described");
    described.service_deployments()[0].clone()
}

/// Waits until the newest service deployment has this status.
pub(crate) async fn reaches(ecs: &Ecs, cluster: &str, status: ServiceDeploymentStatus) -> ServiceDeployment {
    wait_until_some(&format!("the deployment to be {status}"), PATIENCE, || async {
        let deployment = newest(ecs, cluster).await;
        (deployment.status() == Some(&status)).then_some(deployment)
    })
    .await
}

#[tokio::test]
async fn an_alarm_rolls_a_deployment_back() {
    needs_own_server!();
    let server = hasty();
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let alarms = DeploymentAlarms::builder().alarm_names("errors").enable(true).rollback(true).build().expect("alarms");
    let configuration = DeploymentConfiguration::builder().alarms(alarms).build();
    let create = service(&ecs, &cluster, &definition, 2).deployment_configuration(configuration);
    create.send().await.expect("CreateService");
    let before = steady(&ecs, &cluster).await;
    let redeploy = || ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true).send();

    // Its tasks never become healthy targets, so the deployment is under way when the alarm rings.
    call(&server, "faults", &json!({ "fault": "targetHealth", "service": "web", "health": "initial" }));
    for task in tasks(&ecs, &cluster).await {
        call(&server, "faults", &json!({ "fault": "targetHealth", "task": task.task_arn(), "health": "healthy" }));
    }
    let updated = redeploy().await.expect("UpdateService").service.expect("the service");
    let failing = primary(&updated).id().expect("an id").to_owned();
    // Had it rung before that, it would not count.
    reaches(&ecs, &cluster, ServiceDeploymentStatus::InProgress).await;
    call(&server, "faults", &json!({ "fault": "alarm", "alarm": "errors", "state": "ALARM" }));
    let deployment = reaches(&ecs, &cluster, ServiceDeploymentStatus::RollbackSuccessful).await;
    let seen = deployment.alarms().expect("its alarms");
    assert_eq!(seen.triggered_alarm_names(), ["errors"]);
    assert!(deployment.rollback().is_some_and(|rollback| rollback.reason().is_some()), "{deployment:#?}");
    let after = described(&ecs, &cluster).await;
    assert_eq!(primary(&after).id(), primary(&before).id());
    let failed = format!("(service web) (deployment {failing}) deployment failed: alarm detected.");
    assert!(messages(&after).contains(&failed.as_str()), "{:#?}", messages(&after));

    // What is deployed while it rings may be what mends it.
    call(&server, "faults", &json!({ "fault": "targetHealth", "service": "web" }));
    redeploy().await.expect("UpdateService");
    reaches(&ecs, &cluster, ServiceDeploymentStatus::Successful).await;
    server.stop();
}

#[tokio::test]
async fn unhealthy_targets_are_replaced_after_the_grace_period() {
    needs_own_server!();
    let server = hasty();
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let create = service(&ecs, &cluster, &definition, 1).health_check_grace_period_seconds(100_000);
    create.send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let task = tasks(&ecs, &cluster).await.remove(0);
    call(&server, "faults", &json!({ "fault": "targetHealth", "task": task.task_arn(), "health": "unhealthy" }));
    // A deployment shows that the scheduler has looked: it must not count the task as healthy, nor stop it for its health.
    call(&server, "clock", &json!({ "advanceSeconds": 50_000 }));
    ecs.update_service().cluster(&cluster).service("web").desired_count(2).send().await.expect("UpdateService");
    wait_until("a second task", PATIENCE, || async { described(&ecs, &cluster).await.running_count() == 2 }).await;
    assert!(tasks(&ecs, &cluster).await.iter().any(|it| it.task_arn() == task.task_arn()));
    call(&server, "clock", &json!({ "advanceSeconds": 50_000 }));
    wait_until("the task to be replaced", PATIENCE, || async {
        let left = tasks(&ecs, &cluster).await;
        left.len() == 2 && left.iter().all(|it| it.task_arn() != task.task_arn())
    })
    .await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(stopped.stopped_reason(), Some("Task failed ELB health checks"));

    // A deployment waits for its targets.
    call(
        &server,
        "faults",
        &json!({ "fault": "targetHealth", "service": "web", "cluster": cluster, "health": "initial" }),
    );
    ecs.update_service()
        .cluster(&cluster)
        .service("web")
        .force_new_deployment(true)
        .send()
        .await
        .expect("UpdateService");
    wait_until("tasks of both deployments", PATIENCE, || async {
        described(&ecs, &cluster).await.running_count() == 4
    })
    .await;
    let waiting = described(&ecs, &cluster).await;
    assert_eq!(primary(&waiting).rollout_state(), Some(&DeploymentRolloutState::InProgress));
    call(&server, "faults", &json!({ "fault": "targetHealth", "service": "web", "health": "healthy" }));
    reaches(&ecs, &cluster, ServiceDeploymentStatus::Successful).await;
    server.stop();
}
