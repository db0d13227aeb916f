//! What is told of a service when its record changes.

use api_models::ecs::{CapacityProviderStrategyItem, CreateClusterRequest, CreateServiceRequest, NetworkConfiguration};

use super::*;
use crate::services::Context;
use crate::services::ecs::events::Event;
use crate::services::ecs::operations::{create_cluster, create_service, put_cluster_capacity_providers};
use crate::services::ecs::resources::service::Service;
use crate::services::ecs::resources::{ClusterKey, ServiceKey};
use crate::testing::{context, task_definition};

/// A context with the service `web`, on the capacity provider FARGATE, and the service's key.
async fn with_service() -> (Context, ServiceKey) {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    let providers = api_models::ecs::PutClusterCapacityProvidersRequest {
        cluster: Some("default".into()),
        capacity_providers: Some(vec!["FARGATE".into()]),
        default_capacity_provider_strategy: Some(Vec::new()),
    };
    put_cluster_capacity_providers::handle(context.clone(), providers).await.expect("providers");
    task_definition(&context, "web", |_| {}).await;
    let vpc = api_models::ecs::AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..Default::default() };
    let item = CapacityProviderStrategyItem { capacity_provider: Some("FARGATE".into()), weight: Some(1), base: None };
    let service = CreateServiceRequest {
        service_name: Some("web".into()),
        task_definition: Some("web".into()),
        desired_count: Some(2),
        capacity_provider_strategy: Some(vec![item]),
        network_configuration: Some(Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) })),
        ..CreateServiceRequest::default()
    };
    create_service::handle(context.clone(), service).await.expect("a service");
    let key = ServiceKey::new(&ClusterKey::new(&context.scope, "default"), "web");
    (context, key)
}

/// Changes the service's record; returns the details of what is told of it.
async fn told(context: &Context, key: &ServiceKey, change: impl Fn(&mut Service)) -> Vec<(String, String)> {
    let before = context.snapshot();
    let work = |tx: &mut crate::store::Transaction| {
        tx.update(key, |service: &mut Service| {
            change(service);
            true
        });
        Ok::<_, api_models::Unexpected>(())
    };
    context.store().transact(work).await.expect("written");
    details(context, key, &before)
}

fn details(context: &Context, key: &ServiceKey, before: &State) -> Vec<(String, String)> {
    let after = context.snapshot();
    let facts = changes(before, &after, &Change::Service(key.clone()));
    let event = |fact: &Fact| {
        let event = Event::new(fact, &after, "id".into(), context.now());
        let json = serde_json::to_string(&event).expect("JSON");
        let at = json.find("\"detail\":").expect("a detail") + "\"detail\":".len();
        assert_eq!(event.resources, ["arn:aws:ecs:us-east-1:123456789012:service/default/web"]);
        (event.detail_type.to_owned(), json[at..json.len() - 1].to_owned())
    };
    facts.iter().map(event).collect()
}

#[tokio::test]
async fn a_deployment_begins_completes_and_the_service_is_steady() {
    let (context, key) = with_service().await;
    let now = context.now().to_rfc3339();
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/default";
    let service = context.snapshot().services[&key].clone();
    let deployment = service.deployments[0].name();
    let state = |name: &str, reason: &str| {
        let detail = format!(
            r#"{{"eventType":"INFO","eventName":"{name}","deploymentId":"{deployment}","updatedAt":"{now}","reason":"{reason}"}}"#
        );
        ("ECS Deployment State Change".to_owned(), detail)
    };
    let action = |name: &str, more: &str| {
        let detail = format!(
            r#"{{"eventType":"INFO","eventName":"{name}",{more}"clusterArn":"{cluster}","createdAt":"{now}"}}"#
        );
        ("ECS Service Action".to_owned(), detail)
    };
    let empty = State::default();
    let began = format!("ECS deployment {deployment} in progress.");
    assert_eq!(
        details(&context, &key, &empty),
        [
            state("SERVICE_DEPLOYMENT_IN_PROGRESS", &began),
            action("SERVICE_DEPLOYMENT_IN_PROGRESS", &format!(r#""reason":"{began}","#)),
        ]
    );
    let completed = format!("ECS deployment {deployment} completed.");
    let events = told(&context, &key, |service| {
        service.steady = true;
        service.deployments[0].rollout = Rollout::Completed;
        service.deployments[0].rollout_reason.clone_from(&completed);
    })
    .await;
    let provider = "arn:aws:ecs:us-east-1:123456789012:capacity-provider/FARGATE";
    assert_eq!(
        events,
        [
            state("SERVICE_DEPLOYMENT_COMPLETED", &completed),
            action("SERVICE_DEPLOYMENT_COMPLETED", &format!(r#""reason":"{completed}","#)),
            action("CAPACITY_PROVIDER_STEADY_STATE", &format!(r#""capacityProviderArns":["{provider}"],"#)),
            action("SERVICE_STEADY_STATE", ""),
        ]
    );
    assert_eq!(told(&context, &key, |service| service.desired_count = 3).await, [], "somebody asked for that");
    let both = details(&context, &key, &empty);
    let names: Vec<_> = both.iter().filter(|(kind, _)| kind == "ECS Deployment State Change").collect();
    assert!(names[0].1.contains("IN_PROGRESS") && names[1].1.contains("COMPLETED"), "both of one commit: {names:?}");
}

#[tokio::test]
async fn task_sets_are_told_of() {
    use crate::services::ecs::resources::service::{TaskSet, TaskSetKey};

    let (context, service) = with_service().await;
    let state = context.snapshot();
    let spec = state.service_revisions.values().next().expect("a revision").spec.clone();
    let key = TaskSetKey { service, id: "1".into() };
    let before = TaskSet::new(key.clone(), spec, 50.0, context.now());
    let after = TaskSet { computed_desired: 1, steady: true, ..before.clone() };
    let told: Vec<_> = of_task_set(Some(&before), &after).into_iter().collect();
    let [Fact::Service { action: count, .. }, Fact::Service { action: steady, .. }] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((count.name, count.desired_count), (ActionName::ServiceDesiredCountUpdated, Some(1)));
    assert_eq!((steady.name, &steady.task_set_arns), (ActionName::TaskSetSteadyState, &vec![key.arn()]));
    assert!(of_task_set(Some(&after), &after).is_empty());
}

#[tokio::test]
async fn the_count_that_the_scheduler_finds_is_told() {
    let (context, key) = with_service().await;
    told(&context, &key, |service| service.scheduling = Scheduling::Daemon).await;
    let events = told(&context, &key, |service| service.desired_count = 5).await;
    let [(_, detail)] = &events[..] else { panic!("{events:?}") };
    assert!(detail.contains(r#""eventName":"SERVICE_DESIRED_COUNT_UPDATED","desiredCount":5,"#), "{detail}");
}
