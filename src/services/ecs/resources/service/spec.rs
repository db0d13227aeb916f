//! From what CreateService and CreateTaskSet say of the tasks to what these are made from.

use api_models::ecs::{
    CapacityProviderStrategyItem, CommonError, LaunchType, NetworkConfiguration, ServiceConnectConfiguration,
    ServiceVolumeConfiguration,
};

use super::RevisionSpec;
use crate::services::ecs::resources::capacity::Capacity;
use crate::services::ecs::resources::{Cluster, TaskDefinition};
use crate::store::State;

/// The members that both requests have.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub launch_type: Option<LaunchType>,
    pub capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    pub platform_version: Option<String>,
    pub network_configuration: Option<NetworkConfiguration>,
    pub service_connect: Option<ServiceConnectConfiguration>,
    pub volume_configurations: Vec<ServiceVolumeConfiguration>,
}

impl Asked {
    /// With the cluster's default strategy, and the newest platform on Fargate.
    ///
    /// # Errors
    /// In ECS's words, for a launch type or a strategy that can't be used.
    pub fn spec(
        self,
        state: &State,
        cluster: &Cluster,
        definition: &TaskDefinition,
    ) -> Result<RevisionSpec, CommonError> {
        let strategy = self.capacity_provider_strategy.as_deref();
        let (launch_type, strategy) = match Capacity::resolve(state, cluster, self.launch_type.as_ref(), strategy)? {
            Capacity::Instances(launch_type) => (Some(launch_type), Vec::new()),
            Capacity::Fargate => (Some(LaunchType::Fargate), Vec::new()),
            Capacity::Strategy(items) => (None, items),
            Capacity::Providers { launch_type, items } => (Some(launch_type), items),
        };
        let given = self.platform_version.filter(|version| !version.is_empty());
        let platform_version = match &launch_type {
            None | Some(LaunchType::Fargate) => Some(given.unwrap_or_else(|| "LATEST".to_owned())),
            // An instance has none; that one is given is refused where tasks are made.
            Some(_) => given,
        };
        Ok(RevisionSpec {
            task_definition: definition.key.clone(),
            launch_type,
            capacity_provider_strategy: strategy,
            platform_version,
            network_configuration: self.network_configuration,
            load_balancers: Vec::new(),
            service_registries: Vec::new(),
            service_connect: self.service_connect,
            volume_configurations: self.volume_configurations,
            vpc_lattice_configurations: Vec::new(),
        })
    }
}
