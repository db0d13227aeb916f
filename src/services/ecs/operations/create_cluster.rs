//! CreateCluster: a new cluster, or the one there is when the request asks for nothing else.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>

use std::collections::BTreeMap;

use api_models::ecs::{
    CreateClusterError, CreateClusterRequest, CreateClusterResponse, InvalidParameterException, Tag,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::{check_providers, check_strategy, checks};
use crate::services::ecs::resources::lookup::DEFAULT_CLUSTER;
use crate::services::ecs::resources::{Cluster, ClusterKey, ClusterStatus, tags};

pub(crate) async fn handle(
    context: Context,
    input: CreateClusterRequest,
) -> Result<CreateClusterResponse, CreateClusterError> {
    let name = input.cluster_name.as_deref().unwrap_or(DEFAULT_CLUSTER);
    checks::check_name(name)?;
    checks::check_service_connect(input.service_connect_defaults.as_deref())?;
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    if let Some(configuration) = &input.configuration {
        checks::check_configuration(configuration)?;
    }
    let asked = Asked {
        settings: input.settings.is_some(),
        configuration: input.configuration.is_some(),
        providers: input.capacity_providers.is_some(),
        strategy: input.default_capacity_provider_strategy.is_some(),
        tags: input.tags.is_some(),
    };
    let key = ClusterKey::new(&context.scope, name);
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let scope = &context.scope;
            let capacity_providers = check_providers(tx, &key, input.capacity_providers.unwrap_or_default())?;
            let strategy = input.default_capacity_provider_strategy.unwrap_or_default();
            let strategy = check_strategy(tx, scope, strategy, &capacity_providers)?;
            let defaults = checks::default_settings(tx, scope);
            let wanted = Cluster {
                key: key.clone(),
                status: ClusterStatus::Active,
                settings: checks::apply_settings(&defaults, input.settings.unwrap_or_default())?,
                configuration: input.configuration.map(|configuration| *configuration),
                capacity_providers,
                default_capacity_provider_strategy: strategy,
                service_connect_defaults: None,
                tags: input.tags.unwrap_or_default(),
                created_at: now,
            };
            let present = tx.clusters.get(&key).filter(|cluster| cluster.status == ClusterStatus::Active).cloned();
            let cluster = match present {
                None => {
                    tx.put(wanted.clone());
                    wanted
                }
                Some(present) if asked.is_satisfied_by(&present, &wanted) => Cluster::clone(&present),
                Some(_) => {
                    return Err(InvalidParameterException::new(
                        "Arguments on this idempotent request are inconsistent with arguments used in previous \
                         request(s).",
                    )
                    .into());
                }
            };
            Ok(CreateClusterResponse { cluster: Some(Box::new(cluster.to_answer(tx))) })
        })
        .await
}

/// Which arguments the request has: only those are compared with a cluster of the name.
struct Asked {
    settings: bool,
    configuration: bool,
    providers: bool,
    strategy: bool,
    tags: bool,
}

impl Asked {
    fn is_satisfied_by(&self, present: &Cluster, wanted: &Cluster) -> bool {
        (!self.settings || present.settings == wanted.settings)
            && (!self.configuration || present.configuration == wanted.configuration)
            && (!self.providers || sorted(&present.capacity_providers) == sorted(&wanted.capacity_providers))
            && (!self.strategy
                || present.default_capacity_provider_strategy == wanted.default_capacity_provider_strategy)
            && (!self.tags || by_key(&present.tags) == by_key(&wanted.tags))
    }
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort();
    names
}

fn by_key(tags: &[Tag]) -> BTreeMap<&Option<String>, &Option<String>> {
    tags.iter().map(|tag| (&tag.key, &tag.value)).collect()
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{Cluster as Shown, ClusterSetting, ClusterSettingName};

    use super::*;
    use crate::testing::context;

    fn named(name: &str) -> CreateClusterRequest {
        CreateClusterRequest { cluster_name: Some(name.to_owned()), ..CreateClusterRequest::default() }
    }

    async fn create(context: &Context, request: CreateClusterRequest) -> Result<Shown, CreateClusterError> {
        handle(context.clone(), request).await.map(|answer| *answer.cluster.expect("a cluster"))
    }

    fn insights(value: &str) -> Option<Vec<ClusterSetting>> {
        Some(vec![ClusterSetting { name: Some(ClusterSettingName::ContainerInsights), value: Some(value.to_owned()) }])
    }

    #[tokio::test]
    async fn without_a_name_it_is_the_default_cluster() {
        let context = context();
        let cluster = create(&context, CreateClusterRequest::default()).await.expect("a cluster");
        assert_eq!(cluster.cluster_arn.as_deref(), Some("arn:aws:ecs:us-east-1:123456789012:cluster/default"));
        assert_eq!(cluster.status.as_deref(), Some("ACTIVE"));
        assert_eq!(cluster.settings, insights("disabled"));
        assert_eq!((cluster.statistics, cluster.tags), (Some(vec![]), Some(vec![])));
        assert_eq!((cluster.attachments, cluster.configuration), (None, None));
    }

    #[tokio::test]
    async fn again_with_the_same_or_fewer_arguments_is_the_same_cluster() {
        let context = context();
        let full = CreateClusterRequest {
            settings: insights("enhanced"),
            capacity_providers: Some(vec!["FARGATE".into(), "FARGATE_SPOT".into()]),
            ..named("web")
        };
        let first = create(&context, full.clone()).await.expect("a cluster");
        for same in [full.clone(), named("web")] {
            assert_eq!(create(&context, same).await.expect("the same"), first);
        }
        let other = CreateClusterRequest { capacity_providers: Some(vec!["FARGATE".into()]), ..named("web") };
        let error = create(&context, other).await.expect_err("other arguments");
        assert!(error.to_string().contains("Arguments on this idempotent request are inconsistent"), "{error}");
    }

    #[tokio::test]
    async fn bad_names_are_refused() {
        let context = context();
        for bad in ["", "a b", "a/b", "ü", &"a".repeat(256)] {
            let error = create(&context, named(bad)).await.expect_err(bad);
            assert!(matches!(error, CreateClusterError::InvalidParameterException(_)), "{bad}");
        }
        assert!(create(&context, named(&"a".repeat(255))).await.is_ok());
    }
}
