//! Capacity providers: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProvider.html>

use aws_sdk_ecs::types::{
    AutoScalingGroupProvider, CapacityProviderField, CapacityProviderStatus, CapacityProviderType,
    CapacityProviderUpdateStatus, ManagedScaling, ManagedScalingStatus, Tag,
};
use compat_tests::{Ecs, random_name, refusal};

on_simulated!(life_of_a_provider);

async fn life_of_a_provider(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let name = random_name("provider");
    let scaling = ManagedScaling::builder().status(ManagedScalingStatus::Enabled).target_capacity(80).build();
    let group = || {
        AutoScalingGroupProvider::builder()
            .auto_scaling_group_arn(&name)
            .managed_scaling(scaling.clone())
            .build()
            .expect("it has a group")
    };
    let create = || {
        ecs.create_capacity_provider()
            .name(&name)
            .auto_scaling_group_provider(group())
            .tags(Tag::builder().key("team").value("a").build())
    };
    let made = create().send().await.expect("created").capacity_provider.expect("a provider");
    let arn = ecs.arn(&format!("capacity-provider/{name}"));
    assert_eq!(made.capacity_provider_arn(), Some(arn.as_str()));
    assert_eq!(made.r#type(), Some(&CapacityProviderType::Ec2Autoscaling));
    let settings = made.auto_scaling_group_provider().and_then(|it| it.managed_scaling()).expect("managed scaling");
    assert_eq!((settings.target_capacity(), settings.maximum_scaling_step_size()), (Some(80), Some(10_000)));
    let (code, message) = refusal(create().send().await);
    assert_eq!(code, "ClientException");
    assert!(message.starts_with("The specified capacity provider already exists."), "{message}");

    let put = |providers: Vec<String>| {
        ecs.put_cluster_capacity_providers()
            .cluster(&cluster)
            .set_capacity_providers(Some(providers))
            .set_default_capacity_provider_strategy(Some(vec![]))
            .send()
    };
    let with = put(vec![name.clone()]).await.expect("put").cluster.expect("a cluster");
    let kinds: Vec<_> = with.attachments().iter().filter_map(|it| it.r#type()).collect();
    assert_eq!(kinds, ["as_policy", "managed_draining"]);
    let described = ecs
        .describe_capacity_providers()
        .cluster(&cluster)
        .include(CapacityProviderField::Tags)
        .send()
        .await
        .expect("described");
    assert_eq!(described.capacity_providers().len(), 1);
    assert_eq!(described.capacity_providers()[0].tags().len(), 1);

    let delete = || ecs.delete_capacity_provider().capacity_provider(&name).send();
    let kept = delete().await.expect("answered").capacity_provider.expect("a provider");
    assert_eq!(kept.update_status(), Some(&CapacityProviderUpdateStatus::DeleteFailed));
    put(vec![]).await.expect("put");
    delete().await.expect("deleted");
    let gone = ecs.describe_capacity_providers().capacity_providers(&arn).send().await.expect("described");
    assert_eq!(gone.capacity_providers()[0].status(), Some(&CapacityProviderStatus::Inactive));
}
