//! CreateService, and what DescribeServices and DeleteService make of it before any scheduler has looked.

use api_models::ecs::{
    AwsVpcConfiguration, CreateClusterRequest, DeleteServiceRequest, DeploymentConfiguration, DeploymentRolloutState,
    DescribeServicesRequest, LaunchType, LoadBalancer, NetworkConfiguration, Service as Shown,
};

use super::*;
use crate::services::ecs::operations::{create_cluster, delete_service, describe_services};
use crate::testing::{context, task_definition};

/// A cluster and a task definition `web` for Fargate.
async fn prepared() -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    task_definition(&context, "web", |_| {}).await;
    context
}

fn web() -> CreateServiceRequest {
    let vpc = AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..AwsVpcConfiguration::default() };
    CreateServiceRequest {
        service_name: Some("web".into()),
        task_definition: Some("web".into()),
        desired_count: Some(2),
        launch_type: Some(LaunchType::Fargate),
        network_configuration: Some(Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) })),
        ..CreateServiceRequest::default()
    }
}

async fn create(context: &Context, request: CreateServiceRequest) -> Result<Shown, CreateServiceError> {
    handle(context.clone(), request).await.map(|answer| *answer.service.expect("a service"))
}

#[tokio::test]
async fn defaults_are_filled_in_and_the_first_deployment_begins() {
    let context = prepared().await;
    let service = create(&context, web()).await.expect("a service");
    assert_eq!(service.service_arn.as_deref(), Some("arn:aws:ecs:us-east-1:123456789012:service/default/web"));
    assert_eq!((service.status.as_deref(), service.desired_count), (Some("ACTIVE"), Some(2)));
    assert_eq!((service.running_count, service.pending_count), (Some(0), Some(0)));
    assert_eq!(service.platform_version.as_deref(), Some("LATEST"));
    let configuration = service.deployment_configuration.expect("a configuration");
    assert_eq!((configuration.maximum_percent, configuration.minimum_healthy_percent), (Some(200), Some(100)));
    let [primary] = &service.deployments.expect("deployments")[..] else { panic!("one deployment") };
    let id = primary.id.as_deref().and_then(|id| id.strip_prefix("ecs-svc/")).expect("an id");
    assert_eq!(id.len(), 19);
    assert_eq!(primary.rollout_state, Some(DeploymentRolloutState::InProgress));
    let reason = format!("ECS deployment ecs-svc/{id} in progress.");
    assert_eq!(primary.rollout_state_reason.as_deref(), Some(&*reason));
    let [current] = &service.current_service_revisions.expect("revisions")[..] else { panic!("one revision") };
    assert_eq!(
        current.arn.as_deref(),
        Some(&*format!("arn:aws:ecs:us-east-1:123456789012:service-revision/default/web/{id}"))
    );
}

#[tokio::test]
async fn a_name_is_taken_until_the_service_is_gone_and_a_token_repeats() {
    let context = prepared().await;
    let with_token = CreateServiceRequest { client_token: Some("once".into()), ..web() };
    let first = create(&context, with_token.clone()).await.expect("a service");
    assert_eq!(create(&context, with_token).await.expect("the same"), first);
    let again = create(&context, web()).await.expect_err("it is there");
    assert!(again.to_string().contains("Creation of service was not idempotent."), "{again}");
    let other = CreateServiceRequest { client_token: Some("once".into()), desired_count: Some(3), ..web() };
    assert!(create(&context, other).await.is_err());

    let delete = |force| DeleteServiceRequest {
        service: Some("web".into()),
        force: Some(force),
        ..DeleteServiceRequest::default()
    };
    let refused = delete_service::handle(context.clone(), delete(false)).await.expect_err("it has tasks");
    assert!(refused.to_string().contains("The service cannot be stopped while it is scaled above 0."), "{refused}");
    let deleted = delete_service::handle(context.clone(), delete(true)).await.expect("it is deleted");
    assert_eq!(deleted.service.and_then(|service| service.status).as_deref(), Some("DRAINING"));
    let draining = create(&context, web()).await.expect_err("it drains");
    assert!(draining.to_string().contains("Unable to Start a service that is still Draining."), "{draining}");
}

#[tokio::test]
async fn what_cannot_be_had_is_refused() {
    let context = prepared().await;
    let limits = |minimum, maximum| {
        Some(Box::new(DeploymentConfiguration {
            minimum_healthy_percent: Some(minimum),
            maximum_percent: Some(maximum),
            ..DeploymentConfiguration::default()
        }))
    };
    let cases = [
        (CreateServiceRequest { service_name: Some("a b".into()), ..web() }, "ServiceName must match"),
        (CreateServiceRequest { desired_count: None, ..web() }, "desiredCount can not be blank."),
        (CreateServiceRequest { desired_count: Some(-1), ..web() }, "desiredCount cannot be less than 0."),
        (CreateServiceRequest { task_definition: Some("none".into()), ..web() }, "TaskDefinition not found."),
        (CreateServiceRequest { network_configuration: None, ..web() }, "Network Configuration must be provided"),
        (CreateServiceRequest { deployment_configuration: limits(100, 100), ..web() }, "this will block deployments"),
        (
            CreateServiceRequest { load_balancers: Some(vec![LoadBalancer::default()]), ..web() },
            "LocalECS does not provide Elastic Load Balancing for services yet.",
        ),
        (
            CreateServiceRequest { scheduling_strategy: Some(SchedulingStrategy::Daemon), ..web() },
            "does not support a desired count",
        ),
        (
            CreateServiceRequest {
                scheduling_strategy: Some(SchedulingStrategy::Daemon),
                desired_count: None,
                ..web()
            },
            "not supported with the Fargate launch type",
        ),
        (CreateServiceRequest { cluster: Some("other".into()), ..web() }, "Cluster not found."),
    ];
    for (request, expected) in cases {
        let error = create(&context, request).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let none = DescribeServicesRequest { services: Some(vec!["web".into()]), ..DescribeServicesRequest::default() };
    let answer = describe_services::handle(context, none).await.expect("an answer");
    let [failure] = &answer.failures.expect("failures")[..] else { panic!("one failure") };
    assert_eq!(failure.reason.as_deref(), Some("MISSING"));
}

#[tokio::test]
async fn a_service_of_an_external_controller_says_nothing_of_its_tasks() {
    let context = prepared().await;
    let outside = |r#type| Some(Box::new(DeploymentController { r#type: Some(r#type) }));
    let external = || CreateServiceRequest {
        service_name: Some("web".into()),
        deployment_controller: outside(DeploymentControllerType::External),
        ..CreateServiceRequest::default()
    };
    let breaker = DeploymentConfiguration {
        deployment_circuit_breaker: Some(Box::new(api_models::ecs::DeploymentCircuitBreaker {
            enable: Some(true),
            ..Default::default()
        })),
        ..DeploymentConfiguration::default()
    };
    let daemon = Some(SchedulingStrategy::Daemon);
    for (request, expected) in [
        (CreateServiceRequest { task_definition: Some("web".into()), ..external() }, "TaskDefinition must be blank."),
        (
            CreateServiceRequest { load_balancers: Some(vec![LoadBalancer::default()]), ..external() },
            "LoadBalancers must be empty or null.",
        ),
        (
            CreateServiceRequest { network_configuration: web().network_configuration, ..external() },
            "NetworkConfiguration must be null.",
        ),
        (CreateServiceRequest { launch_type: Some(LaunchType::Ec2), ..external() }, "LaunchType must be blank."),
        (CreateServiceRequest { desired_count: Some(-1), ..external() }, "desiredCount cannot be less than 0."),
        (
            CreateServiceRequest { scheduling_strategy: daemon, ..external() },
            "The daemon scheduling strategy is not supported with the EXTERNAL deployment controller.",
        ),
        (
            CreateServiceRequest { deployment_configuration: Some(Box::new(breaker)), ..external() },
            "The deployment circuit breaker is supported only with the ECS deployment controller.",
        ),
    ] {
        let error = create(&context, request).await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let service = create(&context, external()).await.expect("a service");
    assert_eq!((service.desired_count, service.task_definition), (Some(0), None));
    let configuration = *service.deployment_configuration.expect("a configuration");
    let expected = DeploymentConfiguration {
        maximum_percent: Some(200),
        minimum_healthy_percent: Some(100),
        ..DeploymentConfiguration::default()
    };
    assert_eq!(configuration, expected);
    let code_deploy = CreateServiceRequest {
        service_name: Some("other".into()),
        deployment_controller: outside(DeploymentControllerType::CodeDeploy),
        ..web()
    };
    let service = create(&context, code_deploy).await.expect("a service");
    let [set] = &service.task_sets.expect("task sets")[..] else { panic!("one task set") };
    assert_eq!((set.status.as_deref(), set.computed_desired_count), (Some("PRIMARY"), Some(0)));
    assert_eq!(service.task_definition, set.task_definition);
}
