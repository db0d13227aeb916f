//! Service revisions: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html>

use api_models::ecs::{
    self, CapacityProviderStrategyItem, ContainerImage, LaunchType, LoadBalancer, NetworkConfiguration,
    ServiceConnectConfiguration, ServiceRegistry, ServiceVolumeConfiguration, VpcLatticeConfiguration,
};
use serde::{Deserialize, Serialize};

use super::{DeploymentId, ServiceKey};
use crate::identity::Scope;
use crate::services::ecs::resources::TaskDefinitionKey;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceRevisionKey {
    pub service: ServiceKey,
    pub id: DeploymentId,
}

impl ServiceRevisionKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let service = &self.service;
        service.scope.arn("ecs", &["service-revision/", &service.cluster, "/", &service.name, "/", &self.id])
    }
}

/// What a deployment starts tasks from. UpdateService makes a new revision when any of this changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionSpec {
    pub task_definition: TaskDefinitionKey,
    /// `None` with a capacity provider strategy for Fargate; with one for instances it says which kind these are.
    pub launch_type: Option<LaunchType>,
    pub capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    /// As it was asked for (`LATEST` when it was not); `None` on container instances.
    pub platform_version: Option<String>,
    pub network_configuration: Option<NetworkConfiguration>,
    pub load_balancers: Vec<LoadBalancer>,
    pub service_registries: Vec<ServiceRegistry>,
    pub service_connect: Option<ServiceConnectConfiguration>,
    pub volume_configurations: Vec<ServiceVolumeConfiguration>,
    pub vpc_lattice_configurations: Vec<VpcLatticeConfiguration>,
}

impl RevisionSpec {
    /// As the API shows it: not when there is a strategy.
    #[must_use]
    pub fn shown_launch_type(&self) -> Option<LaunchType> {
        self.launch_type.clone().filter(|_| self.capacity_provider_strategy.is_empty())
    }

    /// The capacity providers of its strategy.
    #[must_use]
    pub fn capacity_provider_arns(&self, scope: &Scope) -> Vec<String> {
        let names = self.capacity_provider_strategy.iter().filter_map(|item| item.capacity_provider.as_deref());
        names.map(|name| scope.arn("ecs", &["capacity-provider/", name])).collect()
    }

    /// Whether its tasks run on Fargate.
    #[must_use]
    pub fn on_fargate(&self) -> bool {
        self.platform_version.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRevision {
    pub key: ServiceRevisionKey,
    pub created_at: Timestamp,
    pub spec: RevisionSpec,
    /// What the images of the containers were resolved to, once one of the revision's tasks has pulled them. Empty
    /// before that; set once.
    pub images: Vec<ContainerImage>,
}

impl Record for ServiceRevision {
    type Key = ServiceRevisionKey;

    fn key(&self) -> ServiceRevisionKey {
        self.key.clone()
    }
}

/// The exact platform that `LATEST` means; any other version is itself.
pub(super) fn exact_platform(version: &str) -> String {
    if version == "LATEST" { "1.4.0".to_owned() } else { version.to_owned() }
}

/// `None` for an empty list, which the API leaves out.
pub(super) fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

impl ServiceRevision {
    /// As DescribeServiceRevisions shows it.
    #[must_use]
    pub fn to_api(&self) -> ecs::ServiceRevision {
        let spec = &self.spec;
        ecs::ServiceRevision {
            service_revision_arn: Some(self.key.arn()),
            service_arn: Some(self.key.service.arn()),
            cluster_arn: Some(self.key.service.cluster().arn()),
            task_definition: Some(spec.task_definition.arn()),
            capacity_provider_strategy: some(&spec.capacity_provider_strategy),
            launch_type: spec.shown_launch_type(),
            platform_version: spec.platform_version.as_deref().map(exact_platform),
            platform_family: spec.on_fargate().then(|| "Linux".to_owned()),
            load_balancers: some(&spec.load_balancers),
            service_registries: some(&spec.service_registries),
            network_configuration: spec.network_configuration.clone().map(Box::new),
            container_images: some(&self.images),
            guard_duty_enabled: Some(false),
            service_connect_configuration: spec.service_connect.clone().map(Box::new),
            volume_configurations: some(&spec.volume_configurations),
            vpc_lattice_configurations: some(&spec.vpc_lattice_configurations),
            created_at: Some(self.created_at),
            ..ecs::ServiceRevision::default()
        }
    }
}
