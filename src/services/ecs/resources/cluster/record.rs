//! Clusters: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>

use std::sync::Arc;

use api_models::ecs::{
    CapacityProviderStrategyItem, ClusterConfiguration, ClusterServiceConnectDefaults, ClusterSetting, Tag,
};
use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl ClusterKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }

    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["cluster/", &self.name])
    }
}

/// A deleted cluster stays describable as INACTIVE and can be created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterStatus {
    Active,
    Inactive,
}

impl ClusterStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub key: ClusterKey,
    pub status: ClusterStatus,
    pub settings: Vec<ClusterSetting>,
    pub configuration: Option<ClusterConfiguration>,
    pub capacity_providers: Vec<String>,
    pub default_capacity_provider_strategy: Vec<CapacityProviderStrategyItem>,
    pub service_connect_defaults: Option<ClusterServiceConnectDefaults>,
    pub tags: Vec<Tag>,
    pub created_at: Timestamp,
}

impl Record for Cluster {
    type Key = ClusterKey;

    fn key(&self) -> ClusterKey {
        self.key.clone()
    }
}
