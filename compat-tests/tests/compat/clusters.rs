//! Clusters: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, ClusterField, ClusterSetting, ClusterSettingName, Compatibility, NetworkMode, Tag,
};
use compat_tests::{Ecs, Registers, Runs, app, random_name, refusal};

on_simulated!(
    life_of_a_cluster,
    the_default_cluster,
    includes,
    settings_are_updated,
    capacity_providers,
    refusals,
    a_cluster_with_tasks_is_kept,
    unknown_clusters_are_failures,
);

async fn life_of_a_cluster(ecs: Ecs) {
    let name = random_name("life");
    let arn = ecs.arn(&format!("cluster/{name}"));
    let created = ecs.create_cluster().cluster_name(&name).send().await.expect("created").cluster.expect("a cluster");
    assert_eq!(created.cluster_arn(), Some(arn.as_str()));
    assert_eq!(created.cluster_name(), Some(name.as_str()));
    assert_eq!(created.status(), Some("ACTIVE"));
    assert_eq!(created.registered_container_instances_count(), 0);
    assert_eq!((created.running_tasks_count(), created.pending_tasks_count()), (0, 0));
    assert_eq!(created.active_services_count(), 0);
    assert_eq!((created.tags(), created.statistics()), (&[][..], &[][..]));

    let again = ecs.create_cluster().cluster_name(&name).send().await.expect("idempotent").cluster.expect("a cluster");
    assert_eq!(again.cluster_arn(), Some(arn.as_str()));

    let listed = ecs.list_clusters().send().await.expect("listed");
    assert_eq!(listed.cluster_arns(), [arn.as_str()]);

    let deleted = ecs.delete_cluster().cluster(&arn).send().await.expect("deleted").cluster.expect("a cluster");
    assert_eq!(deleted.status(), Some("INACTIVE"));
    let described = ecs.describe_clusters().clusters(&name).send().await.expect("described");
    assert_eq!(described.clusters()[0].status(), Some("INACTIVE"));
    assert_eq!(ecs.list_clusters().send().await.expect("listed").cluster_arns(), [] as [&str; 0]);

    let revived = ecs.create_cluster().cluster_name(&name).send().await.expect("again").cluster.expect("a cluster");
    assert_eq!(revived.status(), Some("ACTIVE"));
}

async fn the_default_cluster(ecs: Ecs) {
    let described = ecs.describe_clusters().send().await.expect("described");
    assert_eq!(described.failures()[0].arn(), Some(ecs.arn("cluster/default").as_str()));
    assert_eq!(described.failures()[0].reason(), Some("MISSING"));
    let created = ecs.create_cluster().send().await.expect("created").cluster.expect("a cluster");
    assert_eq!(created.cluster_arn(), Some(ecs.arn("cluster/default").as_str()));
    let described = ecs.describe_clusters().send().await.expect("described");
    assert_eq!(described.clusters()[0].cluster_name(), Some("default"));
    assert_eq!(described.failures(), []);
}

async fn includes(ecs: Ecs) {
    let name = random_name("includes");
    let setting = ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value("enhanced").build();
    ecs.create_cluster()
        .cluster_name(&name)
        .settings(setting.clone())
        .tags(Tag::builder().key("team").value("payments").build())
        .send()
        .await
        .expect("created");

    let bare = ecs.describe_clusters().clusters(&name).send().await.expect("described");
    let bare = &bare.clusters()[0];
    assert_eq!((bare.settings(), bare.tags(), bare.statistics()), (&[][..], &[][..], &[][..]));

    let full = ecs
        .describe_clusters()
        .clusters(&name)
        .include(ClusterField::Settings)
        .include(ClusterField::Tags)
        .include(ClusterField::Statistics)
        .send()
        .await
        .expect("described");
    let full = &full.clusters()[0];
    assert_eq!(full.settings(), [setting]);
    assert_eq!(full.tags(), [Tag::builder().key("team").value("payments").build()]);
    let statistic = |name: &str| {
        full.statistics().iter().find(|pair| pair.name() == Some(name)).and_then(|pair| pair.value()).map(str::to_owned)
    };
    assert_eq!(full.statistics().len(), 16);
    assert_eq!(full.statistics()[0].name(), Some("runningEC2TasksCount"));
    assert_eq!(statistic("pendingFargateTasksCount").as_deref(), Some("0"));
    assert_eq!(statistic("activeEC2ServiceCount").as_deref(), Some("0"));
}

async fn settings_are_updated(ecs: Ecs) {
    let name = ecs.cluster().await;
    let setting = |value| ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(value).build();
    let updated =
        ecs.update_cluster_settings().cluster(&name).settings(setting("enabled")).send().await.expect("updated");
    assert_eq!(updated.cluster().expect("a cluster").settings(), [setting("enabled")]);
    let updated = ecs.update_cluster().cluster(&name).settings(setting("disabled")).send().await.expect("updated");
    assert_eq!(updated.cluster().expect("a cluster").settings(), [setting("disabled")]);
}

async fn capacity_providers(ecs: Ecs) {
    let name = ecs.cluster().await;
    let item = CapacityProviderStrategyItem::builder()
        .capacity_provider("FARGATE_SPOT")
        .weight(3)
        .build()
        .expect("it has a provider");
    let put = ecs
        .put_cluster_capacity_providers()
        .cluster(&name)
        .capacity_providers("FARGATE")
        .capacity_providers("FARGATE_SPOT")
        .default_capacity_provider_strategy(item)
        .send()
        .await
        .expect("put")
        .cluster
        .expect("a cluster");
    assert_eq!(put.capacity_providers(), ["FARGATE", "FARGATE_SPOT"]);
    let strategy = &put.default_capacity_provider_strategy()[0];
    assert_eq!((strategy.capacity_provider(), strategy.weight(), strategy.base()), ("FARGATE_SPOT", 3, 0));

    let described = ecs.describe_clusters().clusters(&name).send().await.expect("described");
    assert_eq!(described.clusters()[0].capacity_providers(), ["FARGATE", "FARGATE_SPOT"]);

    let unknown = ecs
        .put_cluster_capacity_providers()
        .cluster(&name)
        .capacity_providers("nope")
        .set_default_capacity_provider_strategy(Some(vec![]))
        .send()
        .await;
    let (code, message) = refusal(unknown);
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(
        message,
        "The specified capacity provider was not found. Specify a valid capacity provider and try again."
    );
}

async fn refusals(ecs: Ecs) {
    let (code, message) = refusal(ecs.create_cluster().cluster_name("no spaces").send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with(r"ClusterName must match ^[a-zA-Z0-9\-_]{1,255}$"), "{message}");
    assert_eq!(
        refusal(ecs.delete_cluster().cluster("missing").send().await),
        ("ClusterNotFoundException".into(), "Cluster not found.".into())
    );
    let name = ecs.cluster().await;
    ecs.delete_cluster().cluster(&name).send().await.expect("deleted");
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    assert_eq!(
        refusal(ecs.run_on_ec2(&name, &definition).send().await),
        ("ClusterNotFoundException".into(), "The referenced cluster was inactive.".into())
    );
}

async fn a_cluster_with_tasks_is_kept(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    assert_eq!(
        refusal(ecs.delete_cluster().cluster(&cluster).send().await),
        (
            "ClusterContainsContainerInstancesException".into(),
            "The Cluster cannot be deleted while Container Instances are active or draining.".into()
        )
    );

    let serverless = ecs.cluster().await;
    let definition = ecs
        .on_fargate()
        .requires_compatibilities(Compatibility::Ec2)
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    let task = ecs.run_on_fargate(&serverless, &definition).one().await;
    ecs.running(&task).await;
    let counted = ecs
        .describe_clusters()
        .clusters(&serverless)
        .include(ClusterField::Statistics)
        .send()
        .await
        .expect("described");
    let counted = &counted.clusters()[0];
    assert_eq!((counted.running_tasks_count(), counted.pending_tasks_count()), (1, 0));
    let running = counted.statistics().iter().find(|pair| pair.name() == Some("runningFargateTasksCount"));
    assert_eq!(running.and_then(|pair| pair.value()), Some("1"));
    assert_eq!(
        refusal(ecs.delete_cluster().cluster(&serverless).send().await),
        ("ClusterContainsTasksException".into(), "The Cluster cannot be deleted while Tasks are active.".into())
    );
    ecs.stop(&task).await;
    ecs.delete_cluster().cluster(&serverless).send().await.expect("deleted");
}

async fn unknown_clusters_are_failures(ecs: Ecs) {
    let known = ecs.cluster().await;
    let answer = ecs.describe_clusters().clusters("nope").clusters(&known).send().await.expect("described");
    assert_eq!(answer.clusters().len(), 1);
    assert_eq!(answer.failures().len(), 1);
    assert_eq!(answer.failures()[0].arn(), Some(ecs.arn("cluster/nope").as_str()));
    assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
}
