//! The life of capacity providers, through the operations.

use api_models::ecs::{
    AutoScalingGroupProviderUpdate, CapacityProvider as Shown, CapacityProviderField, CapacityProviderStrategyItem,
    Cluster as ShownCluster, ClusterField, CreateClusterRequest, DeleteCapacityProviderRequest, DeleteClusterRequest,
    DescribeCapacityProvidersRequest, DescribeClustersRequest, InstanceLaunchTemplate,
    ManagedInstancesNetworkConfiguration, ManagedScaling, ManagedScalingStatus, PutClusterCapacityProvidersRequest,
    Tag, TagResourceRequest, UpdateCapacityProviderRequest,
};

use super::*;
use crate::services::ecs::operations::{
    create_cluster, delete_capacity_provider, delete_cluster, describe_capacity_providers, describe_clusters,
    put_cluster_capacity_providers, tag_resource, update_capacity_provider,
};
use crate::testing::{auto_scaling_group, context};

async fn cluster() -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    for group in ["group", "other", "a", "b"] {
        auto_scaling_group(&context, group, false).await;
    }
    context
}

fn on_group(name: &str, group: &str, scaling: Option<ManagedScalingStatus>) -> CreateCapacityProviderRequest {
    CreateCapacityProviderRequest {
        name: Some(name.into()),
        auto_scaling_group_provider: Some(Box::new(AutoScalingGroupProvider {
            auto_scaling_group_arn: Some(group.into()),
            managed_scaling: scaling
                .map(|status| Box::new(ManagedScaling { status: Some(status), ..ManagedScaling::default() })),
            ..AutoScalingGroupProvider::default()
        })),
        ..CreateCapacityProviderRequest::default()
    }
}

fn managed(name: &str, cluster: Option<&str>) -> CreateCapacityProviderRequest {
    CreateCapacityProviderRequest {
        name: Some(name.into()),
        cluster: cluster.map(str::to_owned),
        managed_instances_provider: Some(Box::new(CreateManagedInstancesProviderConfiguration {
            infrastructure_role_arn: Some("arn:aws:iam::123456789012:role/infrastructure".into()),
            instance_launch_template: Some(Box::new(InstanceLaunchTemplate {
                ec2_instance_profile_arn: Some("arn:aws:iam::123456789012:instance-profile/ecs".into()),
                network_configuration: Some(Box::new(ManagedInstancesNetworkConfiguration {
                    subnets: Some(vec!["subnet-1".into()]),
                    ..ManagedInstancesNetworkConfiguration::default()
                })),
                ..InstanceLaunchTemplate::default()
            })),
            ..CreateManagedInstancesProviderConfiguration::default()
        })),
        ..CreateCapacityProviderRequest::default()
    }
}

async fn create(context: &Context, request: CreateCapacityProviderRequest) -> Result<Shown, String> {
    let made = handle(context.clone(), request).await.map_err(|error| error.to_string())?;
    Ok(*made.capacity_provider.expect("a provider"))
}

async fn describe(context: &Context, names: &[&str], include: bool) -> (Vec<Shown>, Vec<String>) {
    let request = DescribeCapacityProvidersRequest {
        capacity_providers: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        include: include.then(|| vec![CapacityProviderField::Tags]),
        ..DescribeCapacityProvidersRequest::default()
    };
    let answer = describe_capacity_providers::handle(context.clone(), request).await.expect("descriptions");
    let failures = answer.failures.expect("failures").into_iter().filter_map(|failure| failure.arn).collect();
    (answer.capacity_providers.expect("providers"), failures)
}

fn item(provider: &str, weight: i32) -> CapacityProviderStrategyItem {
    CapacityProviderStrategyItem {
        capacity_provider: Some(provider.into()),
        weight: Some(weight),
        ..CapacityProviderStrategyItem::default()
    }
}

async fn put(
    context: &Context,
    cluster: &str,
    providers: &[&str],
    strategy: Vec<CapacityProviderStrategyItem>,
) -> Result<ShownCluster, String> {
    let request = PutClusterCapacityProvidersRequest {
        cluster: Some(cluster.into()),
        capacity_providers: Some(providers.iter().map(|name| (*name).to_owned()).collect()),
        default_capacity_provider_strategy: Some(strategy),
    };
    let answer = put_cluster_capacity_providers::handle(context.clone(), request).await;
    answer.map(|answer| *answer.cluster.expect("a cluster")).map_err(|error| error.to_string())
}

async fn delete(context: &Context, name: &str) -> Result<Shown, String> {
    let request = DeleteCapacityProviderRequest {
        capacity_provider: Some(name.into()),
        ..DeleteCapacityProviderRequest::default()
    };
    let answer = delete_capacity_provider::handle(context.clone(), request).await.map_err(|error| error.to_string())?;
    Ok(*answer.capacity_provider.expect("a provider"))
}

#[tokio::test]
async fn a_provider_lives_from_its_creation_to_its_deletion() {
    let context = cluster().await;
    let made = create(&context, on_group("mine", "group", None)).await.expect("a provider");
    let arn = "arn:aws:ecs:us-east-1:123456789012:capacity-provider/mine";
    assert_eq!(made.capacity_provider_arn.as_deref(), Some(arn));
    assert_eq!((made.status.as_ref(), made.cluster), (Some(&CapacityProviderStatus::Active), None));

    let tags = vec![Tag { key: Some("team".into()), value: Some("a".into()) }];
    let request = TagResourceRequest { resource_arn: Some(arn.into()), tags: Some(tags.clone()) };
    tag_resource::handle(context.clone(), request).await.expect("tagged");
    assert_eq!(describe(&context, &["mine"], false).await.0[0].tags, Some(vec![]));
    assert_eq!(describe(&context, &[arn], true).await.0[0].tags, Some(tags));
    let (all, _) = describe(&context, &[], false).await;
    let names: Vec<_> = all.iter().filter_map(|provider| provider.name.as_deref()).collect();
    assert_eq!(names, ["FARGATE", "FARGATE_SPOT", "mine"]);

    put(&context, "default", &["mine", "FARGATE"], vec![item("mine", 1)]).await.expect("put");
    let refused = delete(&context, "mine").await.expect("an answer");
    assert_eq!(refused.update_status, Some(CapacityProviderUpdateStatus::DeleteFailed));
    let reason = refused.update_status_reason.expect("a reason");
    assert!(reason.contains("because it is associated with cluster: default."), "{reason}");
    put(&context, "default", &[], vec![]).await.expect("put");
    let deleted = delete(&context, arn).await.expect("deleted");
    assert_eq!(deleted.update_status, Some(CapacityProviderUpdateStatus::DeleteInProgress));
    let (shown, _) = describe(&context, &["mine"], false).await;
    assert_eq!(shown[0].status, Some(CapacityProviderStatus::Inactive));
    assert_eq!(describe(&context, &[], false).await.0.len(), 2);
    assert!(delete(&context, "mine").await.expect_err("gone").contains("does not exist"));
    create(&context, on_group("mine", "group", None)).await.expect("again");
    let (_, missing) = describe(&context, &["nope"], false).await;
    assert_eq!(missing, ["arn:aws:ecs:us-east-1:123456789012:capacity-provider/nope"]);
}

#[tokio::test]
async fn what_can_not_be_is_refused() {
    let context = cluster().await;
    create(&context, on_group("mine", "group", None)).await.expect("a provider");
    let foreign = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/a";
    let both = CreateCapacityProviderRequest {
        auto_scaling_group_provider: on_group("x", "other", None).auto_scaling_group_provider,
        ..managed("x", Some("default"))
    };
    let mut protecting = on_group("protecting", "other", Some(ManagedScalingStatus::Enabled));
    protecting.auto_scaling_group_provider.as_mut().expect("a group").managed_termination_protection =
        Some(ManagedTerminationProtection::Enabled);
    for (request, message) in [
        (on_group("ECS-mine", "other", None), "cannot be prefixed"),
        (on_group("a b", "other", None), "name is invalid"),
        (on_group("mine", "other", None), "already exists"),
        (on_group("other", "group", None), "already being used by another capacity provider"),
        (on_group("other", foreign, None), "Auto Scaling group ARN is invalid"),
        (on_group("other", "no-such-group", None), "Auto Scaling group ARN is invalid"),
        (protecting, "must have instance protection from scale in enabled"),
        (managed("other", None), "A cluster must be specified"),
        (managed("other", Some("nope")), "Cluster not found."),
        (both, "Exactly one of"),
    ] {
        let error = create(&context, request).await.expect_err(message);
        assert!(error.contains(message), "{error}");
    }
    assert!(delete(&context, "FARGATE").await.expect_err("reserved").contains("reserved"));
}

#[tokio::test]
async fn managed_scaling_ties_a_provider_to_one_cluster_and_shows_there() {
    let context = cluster().await;
    let second = CreateClusterRequest { cluster_name: Some("second".into()), ..CreateClusterRequest::default() };
    create_cluster::handle(context.clone(), second).await.expect("a cluster");
    create(&context, on_group("scaled", "a", Some(ManagedScalingStatus::Enabled))).await.expect("a provider");
    create(&context, on_group("shared", "b", None)).await.expect("a provider");
    let answer = put(&context, "default", &["scaled", "shared"], vec![]).await.expect("put");
    assert_eq!(answer.attachments_status.as_deref(), Some("UPDATE_IN_PROGRESS"));
    let kinds = |attachments: &[api_models::ecs::Attachment]| -> Vec<(String, String)> {
        let shown = attachments.iter().map(|it| (it.r#type.clone(), it.status.clone()));
        shown.map(|(kind, status)| (kind.unwrap_or_default(), status.unwrap_or_default())).collect()
    };
    let active = |kind: &str| (kind.to_owned(), "ACTIVE".to_owned());
    let expected = [active("as_policy"), active("managed_draining"), active("managed_draining")];
    assert_eq!(kinds(&answer.attachments.expect("attachments")), expected);
    let include = Some(vec![ClusterField::Attachments]);
    let request = DescribeClustersRequest { include, ..DescribeClustersRequest::default() };
    let shown = describe_clusters::handle(context.clone(), request).await.expect("clusters");
    let shown = shown.clusters.expect("clusters").remove(0);
    assert_eq!(kinds(&shown.attachments.expect("attachments")), expected);
    assert_eq!(shown.attachments_status.as_deref(), Some("UPDATE_COMPLETE"));

    put(&context, "second", &["shared"], vec![]).await.expect("without managed scaling it can be shared");
    let error = put(&context, "second", &["scaled"], vec![]).await.expect_err("tied");
    assert!(error.contains("only be associated with one cluster"), "{error}");
    let request = UpdateCapacityProviderRequest {
        name: Some("shared".into()),
        auto_scaling_group_provider: Some(Box::new(AutoScalingGroupProviderUpdate {
            managed_scaling: Some(Box::new(ManagedScaling {
                status: Some(ManagedScalingStatus::Enabled),
                ..ManagedScaling::default()
            })),
            ..AutoScalingGroupProviderUpdate::default()
        })),
        ..UpdateCapacityProviderRequest::default()
    };
    let error = update_capacity_provider::handle(context.clone(), request.clone()).await.expect_err("two clusters");
    assert!(error.to_string().contains("one cluster"), "{error}");
    put(&context, "second", &[], vec![]).await.expect("put");
    let updated = update_capacity_provider::handle(context.clone(), request).await.expect("updated");
    let updated = updated.capacity_provider.expect("a provider");
    assert_eq!(updated.update_status, Some(CapacityProviderUpdateStatus::UpdateInProgress));

    let mixed = vec![item("FARGATE", 1), item("shared", 1)];
    let error = put(&context, "default", &["FARGATE", "shared", "scaled"], mixed).await.expect_err("mixed");
    assert!(error.contains("cannot contain a mix"), "{error}");
}

#[tokio::test]
async fn managed_instances_belong_to_their_cluster() {
    let context = cluster().await;
    let made = create(&context, managed("own", Some("default"))).await.expect("a provider");
    assert_eq!((made.cluster.as_deref(), made.status), (Some("default"), Some(CapacityProviderStatus::Provisioning)));
    let (shown, _) = describe(&context, &["own"], false).await;
    assert_eq!(shown[0].update_status, Some(CapacityProviderUpdateStatus::CreateComplete));
    let answer = put(&context, "default", &["FARGATE"], vec![]).await.expect("put");
    assert_eq!(answer.capacity_providers, Some(vec!["FARGATE".into(), "own".into()]));
    let second = CreateClusterRequest { cluster_name: Some("second".into()), ..CreateClusterRequest::default() };
    create_cluster::handle(context.clone(), second).await.expect("a cluster");
    let error = put(&context, "second", &["own"], vec![]).await.expect_err("another's");
    assert!(error.contains("Cannot associate Managed Instances capacity provider"), "{error}");
    let request = DeleteClusterRequest { cluster: Some("default".into()) };
    let error = delete_cluster::handle(context.clone(), request.clone()).await.expect_err("it has a provider");
    assert!(error.to_string().contains("Cluster Scoped Capacity Providers"), "{error}");
    assert_eq!(delete(&context, "own").await.expect("deleted").status, Some(CapacityProviderStatus::Deprovisioning));
    delete_cluster::handle(context.clone(), request).await.expect("deleted");
}
