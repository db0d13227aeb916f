//! DescribeClusters: clusters by name or ARN, the deleted ones too.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html>

use std::collections::BTreeSet;

use api_models::ecs::{
    ClusterField, DescribeClustersError, DescribeClustersRequest, DescribeClustersResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::checks;
use crate::services::ecs::resources::lookup::{self, DEFAULT_CLUSTER};

/// The default cluster when none is named, up to 100, in the order of the request.
pub(crate) async fn handle(
    context: Context,
    input: DescribeClustersRequest,
) -> Result<DescribeClustersResponse, DescribeClustersError> {
    let include = input.include.unwrap_or_default();
    if let Some(ClusterField::Unrecognized(other)) = include.iter().find(|field| !ClusterField::ALL.contains(field)) {
        let known: Vec<_> = ClusterField::ALL.iter().map(ClusterField::as_str).collect();
        return Err(InvalidParameterException::new(format!("{other} should be one of [{}]", known.join(","))).into());
    }
    let mut named = input.clusters.unwrap_or_default();
    if named.is_empty() {
        named.push(DEFAULT_CLUSTER.to_owned());
    }
    if named.len() > 100 {
        return Err(InvalidParameterException::new("Clusters can have at most 100 items.").into());
    }
    let state = context.snapshot();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for name in named {
        let key = lookup::cluster_key(&context.scope, Some(&name)).ok();
        if let Some(key) = &key {
            checks::check_name(&key.name)?;
        }
        let arn = key.as_ref().map_or(name, |key| key.arn());
        if !seen.insert(arn.clone()) {
            continue;
        }
        match key.and_then(|key| state.clusters.get(&key)) {
            Some(cluster) => clusters.push(cluster.to_api(&state, &include)),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeClustersResponse { clusters: Some(clusters), failures: Some(failures) })
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        CapacityProviderStrategyItem, Cluster, ClusterConfiguration, CreateClusterRequest, DeleteClusterRequest,
        ExecuteCommandConfiguration, ExecuteCommandLogging, ListClustersRequest, PutClusterCapacityProvidersError,
        PutClusterCapacityProvidersRequest, RegisterContainerInstanceRequest, UpdateClusterRequest,
    };

    use super::*;
    use crate::services::ecs::operations::{
        create_cluster, delete_cluster, list_clusters, put_cluster_capacity_providers, register_container_instance,
        update_cluster,
    };
    use crate::testing::context;

    async fn cluster() -> Context {
        let context = context();
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        context
    }

    async fn describe(context: &Context, clusters: &[&str], include: &[ClusterField]) -> DescribeClustersResponse {
        let request = DescribeClustersRequest {
            clusters: Some(clusters.iter().map(|name| (*name).to_owned()).collect()),
            include: Some(include.to_vec()),
        };
        handle(context.clone(), request).await.expect("descriptions")
    }

    async fn default(context: &Context, include: &[ClusterField]) -> Cluster {
        describe(context, &[], include).await.clusters.expect("clusters").remove(0)
    }

    fn item(provider: &str, weight: i32, base: i32) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem {
            capacity_provider: Some(provider.into()),
            weight: Some(weight),
            base: Some(base),
        }
    }

    async fn put(
        context: &Context,
        providers: &[&str],
        strategy: Vec<CapacityProviderStrategyItem>,
    ) -> Result<Cluster, PutClusterCapacityProvidersError> {
        let request = PutClusterCapacityProvidersRequest {
            cluster: Some("default".into()),
            capacity_providers: Some(providers.iter().map(|name| (*name).to_owned()).collect()),
            default_capacity_provider_strategy: Some(strategy),
        };
        let answer = put_cluster_capacity_providers::handle(context.clone(), request).await?;
        Ok(*answer.cluster.expect("a cluster"))
    }

    #[tokio::test]
    async fn include_decides_what_is_shown() {
        let context = cluster().await;
        let bare = default(&context, &[]).await;
        assert_eq!((bare.settings, bare.statistics, bare.attachments), (Some(vec![]), Some(vec![]), None));
        let full = default(&context, ClusterField::ALL).await;
        assert_eq!(full.settings.map(|it| it.len()), Some(1));
        assert_eq!(full.attachments, Some(vec![]));
        let statistics = full.statistics.expect("statistics");
        assert_eq!(statistics.len(), 16);
        assert_eq!(statistics[0].name.as_deref(), Some("runningEC2TasksCount"));
        assert!(statistics.iter().all(|it| it.value.as_deref() == Some("0")));
    }

    #[tokio::test]
    async fn what_is_not_there_is_missing_by_its_arn() {
        let context = cluster().await;
        let foreign = "arn:aws:ecs:eu-west-1:123456789012:cluster/default";
        let answer = describe(&context, &["default", "nope", foreign, "default"], &[]).await;
        assert_eq!(answer.clusters.map(|it| it.len()), Some(1));
        let missing: Vec<_> = answer
            .failures
            .into_iter()
            .flatten()
            .map(|it| (it.arn.expect("arn"), it.reason.expect("reason")))
            .collect();
        assert_eq!(
            missing,
            [
                ("arn:aws:ecs:us-east-1:123456789012:cluster/nope".to_owned(), "MISSING".to_owned()),
                (foreign.to_owned(), "MISSING".to_owned())
            ]
        );
    }

    #[tokio::test]
    async fn a_deleted_cluster_is_inactive_and_comes_back_fresh() {
        let context = cluster().await;
        put(&context, &["FARGATE"], vec![]).await.expect("a provider");
        register_container_instance::handle(context.clone(), RegisterContainerInstanceRequest::default())
            .await
            .expect("an instance");
        assert_eq!(default(&context, &[]).await.registered_container_instances_count, Some(1));
        let delete = DeleteClusterRequest { cluster: Some("default".into()) };
        let error = delete_cluster::handle(context.clone(), delete.clone()).await.expect_err("an instance");
        assert!(error.to_string().contains("while Container Instances are active or draining."), "{error}");

        let context = cluster().await;
        put(&context, &["FARGATE"], vec![]).await.expect("a provider");
        for _ in 0..2 {
            let deleted = delete_cluster::handle(context.clone(), delete.clone()).await.expect("deleted");
            assert_eq!(deleted.cluster.and_then(|it| it.status).as_deref(), Some("INACTIVE"));
        }
        assert_eq!(default(&context, &[]).await.status.as_deref(), Some("INACTIVE"));
        let listed = list_clusters::handle(context.clone(), ListClustersRequest::default()).await.expect("a list");
        assert_eq!(listed.cluster_arns, Some(vec![]));
        let error = put(&context, &[], vec![]).await.expect_err("inactive");
        assert!(error.to_string().contains("The referenced cluster was inactive."), "{error}");
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        let again = default(&context, &[]).await;
        assert_eq!((again.status.as_deref(), again.capacity_providers), (Some("ACTIVE"), Some(vec![])));
    }

    #[tokio::test]
    async fn capacity_providers_and_strategies_have_their_rules() {
        let context = cluster().await;
        let both = ["FARGATE", "FARGATE_SPOT"];
        let strategy = vec![item("FARGATE", 1, 2), item("FARGATE_SPOT", 0, 0)];
        let answer = put(&context, &both, strategy.clone()).await.expect("a cluster");
        assert_eq!(answer.default_capacity_provider_strategy, Some(strategy));
        assert_eq!(answer.attachments_status.as_deref(), Some("UPDATE_IN_PROGRESS"));
        let shown = default(&context, &[ClusterField::Attachments]).await;
        assert_eq!(shown.attachments_status.as_deref(), Some("UPDATE_COMPLETE"));
        let cases: [(&[&str], _, _); 6] = [
            (&["mine"], vec![], "The specified capacity provider was not found."),
            (&["FARGATE"], vec![item("FARGATE_SPOT", 1, 0)], "not associated with the cluster."),
            (&both, vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)], "Only one capacity provider per strategy"),
            (&both, vec![item("FARGATE", 1001, 0)], "weight must be between 0 and 1000"),
            (&both, vec![item("FARGATE", 1, -1)], "base must be between 0 and 100000"),
            (&both, vec![item("FARGATE", 1, 0), item("FARGATE", 1, 0)], "duplicate"),
        ];
        for (providers, strategy, message) in cases {
            let error = put(&context, providers, strategy).await.expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[tokio::test]
    async fn a_log_configuration_and_override_go_together() {
        let context = cluster().await;
        let exec = |logging, log_configuration: bool| UpdateClusterRequest {
            cluster: Some("default".into()),
            configuration: Some(Box::new(ClusterConfiguration {
                execute_command_configuration: Some(Box::new(ExecuteCommandConfiguration {
                    logging: Some(logging),
                    log_configuration: log_configuration.then(Box::default),
                    ..Default::default()
                })),
                ..Default::default()
            })),
            ..Default::default()
        };
        for (request, message) in [
            (exec(ExecuteCommandLogging::Override, true), "must be specified when overriding"),
            (exec(ExecuteCommandLogging::Override, false), "must be specified when overriding"),
            (exec(ExecuteCommandLogging::None, true), "You must set logging to 'OVERRIDE'"),
        ] {
            let error = update_cluster::handle(context.clone(), request).await.expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
        }
        update_cluster::handle(context.clone(), exec(ExecuteCommandLogging::None, false)).await.expect("updated");
        let shown = default(&context, &[ClusterField::Configurations]).await;
        assert!(shown.configuration.is_some_and(|it| it.execute_command_configuration.is_some()));
    }
}
