//! Capacity providers: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProvider.html>

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, CapacityProviderUpdateStatus, Compatibility, LaunchType, TaskStopCode,
};
use compat_tests::{Ecs, Registers, Runtime, app, awsvpc, shared, wait_until};
use serde_json::json;

use crate::admin::call;
use crate::inside::{json_inside, variable};
use crate::services::{PATIENCE, described, steady, tasks};

on_simulated!(a_service_keeps_to_its_strategy);
on_both!(managed_instances_come_and_go);

fn item(provider: &str, base: i32, weight: i32) -> CapacityProviderStrategyItem {
    let item = CapacityProviderStrategyItem::builder().capacity_provider(provider).base(base).weight(weight);
    item.build().expect("it has a provider")
}

/// How many of the service's tasks each provider has.
async fn shares(ecs: &Ecs, cluster: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for task in tasks(ecs, cluster).await {
        *counts.entry(task.capacity_provider_name().unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

async fn a_service_keeps_to_its_strategy(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    ecs.put_cluster_capacity_providers()
        .cluster(&cluster)
        .capacity_providers("FARGATE")
        .capacity_providers("FARGATE_SPOT")
        .set_default_capacity_provider_strategy(Some(vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 0, 3)]))
        .send()
        .await
        .expect("put");
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    ecs.create_service()
        .cluster(&cluster)
        .service_name("web")
        .task_definition(&definition)
        .desired_count(5)
        .network_configuration(awsvpc(&["subnet-a", "subnet-b"]))
        .send()
        .await
        .expect("CreateService");
    let scaled = |count: i32| {
        let update = ecs.update_service().cluster(&cluster).service("web").desired_count(count);
        async { drop(update.send().await.expect("UpdateService")) }
    };
    let expect = |fargate: usize, spot: usize| {
        BTreeMap::from([("FARGATE".to_owned(), fargate), ("FARGATE_SPOT".to_owned(), spot)])
    };
    // The base, and of the others one of four.
    steady(&ecs, &cluster).await;
    assert_eq!(shares(&ecs, &cluster).await, expect(2, 3));
    scaled(13).await;
    steady(&ecs, &cluster).await;
    assert_eq!(shares(&ecs, &cluster).await, expect(4, 9));
    scaled(5).await;
    wait_until("five tasks", PATIENCE, || async { shares(&ecs, &cluster).await.values().sum::<usize>() == 5 }).await;
    assert_eq!(shares(&ecs, &cluster).await, expect(2, 3));
    let service = described(&ecs, &cluster).await;
    assert_eq!((service.launch_type(), service.capacity_provider_strategy().len()), (None, 2));
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("deleted");
}

async fn managed_instances_come_and_go(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let name = ecs.managed_provider(&cluster, |settings| settings).await;
    let definition = ecs
        .on_fargate()
        .set_requires_compatibilities(Some(vec![Compatibility::ManagedInstances]))
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    let run = ecs
        .run_task()
        .cluster(&cluster)
        .task_definition(&definition)
        .capacity_provider_strategy(item(&name, 0, 1))
        .network_configuration(awsvpc(&["subnet-a"]))
        .count(2)
        .send()
        .await
        .expect("RunTask");
    assert_eq!((run.tasks().len(), run.failures()), (2, &[][..]));
    assert_eq!(run.tasks()[0].last_status(), Some("PROVISIONING"));
    let task = ecs.running(&run.tasks()[0]).await;
    assert_eq!(task.launch_type(), Some(&LaunchType::ManagedInstances));
    assert_eq!(task.capacity_provider_name(), Some(name.as_str()));
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).expect("an id");
    let runtime_id = task.containers()[0].runtime_id().expect("a container");
    assert!(runtime_id.starts_with(&format!("{id}-")), "nothing of the engine: {runtime_id}");
    if ecs.runtime == Runtime::Docker {
        assert_eq!(variable(&task, "AWS_EXECUTION_ENV").as_deref(), Some("AWS_ECS_MANAGED_INSTANCES"));
        let inside = json_inside(&task, "$ECS_CONTAINER_METADATA_URI_V4/task");
        assert_eq!(inside["LaunchType"], "MANAGED_INSTANCES", "{inside}");
        assert_eq!(inside["Cluster"].as_str(), task.cluster_arn());
        assert_eq!(inside["Containers"][0]["DockerId"], runtime_id);
    }
    let instance = task.container_instance_arn().expect("an instance").to_owned();
    let shown = ecs.describe_container_instances().cluster(&cluster).container_instances(&instance);
    let shown = shown.send().await.expect("described");
    assert_eq!(shown.container_instances()[0].capacity_provider_name(), Some(name.as_str()));

    for task in run.tasks() {
        ecs.running(task).await;
        ecs.stop(task).await;
    }
    wait_until("the instance to be retired", PATIENCE, || async {
        let listed = ecs.list_container_instances().cluster(&cluster).send().await.expect("listed");
        listed.container_instance_arns().is_empty()
    })
    .await;
    let deleted = ecs.delete_capacity_provider().capacity_provider(&name).cluster(&cluster).send().await;
    let deleted = deleted.expect("deleted").capacity_provider.expect("a provider");
    assert_eq!(deleted.update_status(), Some(&CapacityProviderUpdateStatus::DeleteInProgress));
}

/// The container gets its SIGTERM, the task says why, and the service starts another.
#[tokio::test]
async fn a_spot_task_is_interrupted_and_replaced() {
    let server = shared(Runtime::Docker);
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    ecs.put_cluster_capacity_providers()
        .cluster(&cluster)
        .capacity_providers("FARGATE_SPOT")
        .set_default_capacity_provider_strategy(Some(vec![item("FARGATE_SPOT", 0, 1)]))
        .send()
        .await
        .expect("put");
    let definition = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    ecs.create_service()
        .cluster(&cluster)
        .service_name("web")
        .task_definition(&definition)
        .desired_count(1)
        .network_configuration(awsvpc(&["subnet-a"]))
        .send()
        .await
        .expect("CreateService");
    steady(&ecs, &cluster).await;
    let first = tasks(&ecs, &cluster).await.remove(0);
    call(server, "faults", &json!({ "fault": "spotInterruption", "task": first.task_arn() }));
    let stopped = ecs.stopped(&first).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::SpotInterruption));
    assert_eq!(stopped.stopped_reason(), Some("Your Spot Task was interrupted."));
    wait_until("another task to run", PATIENCE, || async {
        let now = tasks(&ecs, &cluster).await;
        now.iter().any(|task| task.task_arn() != first.task_arn() && task.last_status() == Some("RUNNING"))
    })
    .await;
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("deleted");
    wait_until("all tasks to stop", PATIENCE, || async { tasks(&ecs, &cluster).await.is_empty() }).await;
}
