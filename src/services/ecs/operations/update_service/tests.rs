//! Which members of UpdateService begin a deployment.

use api_models::ecs::{
    AvailabilityZoneRebalancing, AwsVpcConfiguration, Compatibility, ContainerDefinition, CreateClusterRequest,
    CreateServiceRequest, DeploymentConfiguration, MonitoringConfiguration, MountPoint, NetworkConfiguration,
    NetworkMode, PlacementConstraint, PlacementConstraintType, PlacementStrategy, PlacementStrategyType, PropagateTags,
    RegisterTaskDefinitionRequest, ServiceManagedEBSVolumeConfiguration, ServiceVolumeConfiguration, Volume,
};

use super::*;
use crate::services::ecs::operations::{create_cluster, create_service, register_task_definition};
use crate::testing::context;

fn network(subnet: &str) -> Option<Box<NetworkConfiguration>> {
    let vpc = AwsVpcConfiguration { subnets: Some(vec![subnet.into()]), ..AwsVpcConfiguration::default() };
    Some(Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) }))
}

fn volume(size: i32) -> Option<Vec<ServiceVolumeConfiguration>> {
    let ebs = ServiceManagedEBSVolumeConfiguration {
        role_arn: Some("arn:aws:iam::123456789012:role/volumes".into()),
        size_in_gi_b: Some(size),
        ..ServiceManagedEBSVolumeConfiguration::default()
    };
    Some(vec![ServiceVolumeConfiguration { name: Some("data".into()), managed_ebs_volume: Some(Box::new(ebs)) }])
}

/// A cluster, the definitions `a` and `b`, and a service `web` of `a`.
async fn prepared(launch_type: LaunchType) -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    let fargate = launch_type == LaunchType::Fargate;
    for family in ["a", "b"] {
        let request = RegisterTaskDefinitionRequest {
            family: Some(family.into()),
            network_mode: Some(if fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge }),
            requires_compatibilities: Some(vec![if fargate { Compatibility::Fargate } else { Compatibility::Ec2 }]),
            cpu: Some("256".into()),
            memory: Some("512".into()),
            volumes: fargate.then(|| {
                vec![Volume { name: Some("data".into()), configured_at_launch: Some(true), ..Volume::default() }]
            }),
            container_definitions: Some(vec![ContainerDefinition {
                name: Some("app".into()),
                image: Some("app:1".into()),
                mount_points: fargate.then(|| {
                    vec![MountPoint {
                        source_volume: Some("data".into()),
                        container_path: Some("/data".into()),
                        ..MountPoint::default()
                    }]
                }),
                ..ContainerDefinition::default()
            }]),
            ..RegisterTaskDefinitionRequest::default()
        };
        register_task_definition::handle(context.clone(), request).await.expect("a task definition");
    }
    let request = CreateServiceRequest {
        service_name: Some("web".into()),
        task_definition: Some("a".into()),
        desired_count: Some(1),
        network_configuration: network("subnet-1").filter(|_| fargate),
        volume_configurations: volume(10).filter(|_| fargate),
        launch_type: Some(launch_type),
        ..CreateServiceRequest::default()
    };
    create_service::handle(context.clone(), request).await.expect("a service");
    context
}

/// Whether the update began a deployment.
async fn deploys(context: &Context, request: UpdateServiceRequest) -> bool {
    let before = context.snapshot().service_revisions.len();
    let request = UpdateServiceRequest { service: Some("web".into()), ..request };
    handle(context.clone(), request).await.expect("it is updated");
    context.snapshot().service_revisions.len() > before
}

fn none() -> UpdateServiceRequest {
    UpdateServiceRequest::default()
}

#[tokio::test]
async fn what_tasks_are_made_from_begins_a_deployment_and_nothing_else_does() {
    let context = prepared(LaunchType::Fargate).await;
    let percents = DeploymentConfiguration { maximum_percent: Some(150), ..DeploymentConfiguration::default() };
    let cases = [
        ("desiredCount", UpdateServiceRequest { desired_count: Some(3), ..none() }, false),
        ("the same taskDefinition", UpdateServiceRequest { task_definition: Some("a".into()), ..none() }, false),
        ("taskDefinition", UpdateServiceRequest { task_definition: Some("b".into()), ..none() }, true),
        (
            "deploymentConfiguration",
            UpdateServiceRequest { deployment_configuration: Some(Box::new(percents)), ..none() },
            false,
        ),
        (
            "availabilityZoneRebalancing",
            UpdateServiceRequest {
                availability_zone_rebalancing: Some(AvailabilityZoneRebalancing::Disabled),
                ..none()
            },
            false,
        ),
        (
            "the same networkConfiguration",
            UpdateServiceRequest { network_configuration: network("subnet-1"), ..none() },
            false,
        ),
        ("networkConfiguration", UpdateServiceRequest { network_configuration: network("subnet-2"), ..none() }, true),
        ("the same platformVersion", UpdateServiceRequest { platform_version: Some("LATEST".into()), ..none() }, false),
        ("platformVersion", UpdateServiceRequest { platform_version: Some("1.4.0".into()), ..none() }, true),
        ("forceNewDeployment", UpdateServiceRequest { force_new_deployment: Some(true), ..none() }, true),
        (
            "healthCheckGracePeriodSeconds",
            UpdateServiceRequest { health_check_grace_period_seconds: Some(9), ..none() },
            false,
        ),
        ("enableECSManagedTags", UpdateServiceRequest { enable_ecs_managed_tags: Some(true), ..none() }, false),
        ("propagateTags", UpdateServiceRequest { propagate_tags: Some(PropagateTags::Service), ..none() }, false),
        (
            "monitoring",
            UpdateServiceRequest { monitoring: Some(Box::new(MonitoringConfiguration::default())), ..none() },
            false,
        ),
        ("the same volumeConfigurations", UpdateServiceRequest { volume_configurations: volume(10), ..none() }, false),
        ("volumeConfigurations", UpdateServiceRequest { volume_configurations: volume(20), ..none() }, true),
    ];
    for (what, request, expected) in cases {
        assert_eq!(deploys(&context, request).await, expected, "{what}");
    }
    let refused = UpdateServiceRequest {
        service: Some("web".into()),
        volume_configurations: Some(Vec::new()),
        ..UpdateServiceRequest::default()
    };
    let error = handle(context, refused).await.expect_err("its volume is not configured").to_string();
    assert!(error.contains("The volume 'data' in your Task Definition is configured at launch."), "{error}");
}

#[tokio::test]
async fn where_tasks_go_begins_no_deployment() {
    let context = prepared(LaunchType::Ec2).await;
    let distinct = PlacementConstraint {
        r#type: Some(PlacementConstraintType::DistinctInstance),
        ..PlacementConstraint::default()
    };
    let binpack = PlacementStrategy { r#type: Some(PlacementStrategyType::Binpack), field: Some("cpu".into()) };
    for (what, request) in [
        ("placementConstraints", UpdateServiceRequest { placement_constraints: Some(vec![distinct]), ..none() }),
        ("placementStrategy", UpdateServiceRequest { placement_strategy: Some(vec![binpack]), ..none() }),
        ("no placementConstraints", UpdateServiceRequest { placement_constraints: Some(Vec::new()), ..none() }),
        (
            "an empty placementStrategy",
            UpdateServiceRequest { placement_strategy: Some(vec![PlacementStrategy::default()]), ..none() },
        ),
    ] {
        assert!(!deploys(&context, request).await, "{what}");
    }
    let snapshot = context.snapshot();
    let service = snapshot.services.values().next().expect("the service");
    assert!(service.placement_constraints.is_empty() && service.placement_strategy.is_empty());
}
