//! A capacity provider as the store keeps it, and its rendering.

use std::sync::Arc;

use api_models::ecs::{
    self, AutoScalingGroupProvider, CapacityProviderStatus, CapacityProviderType, CapacityProviderUpdateStatus,
    ManagedInstancesProvider, ManagedScalingStatus, Tag,
};
use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::ids::IdSource;
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::scheduler::managed_scaling::Memory;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CapacityProviderKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl CapacityProviderKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }

    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["capacity-provider/", &self.name])
    }
}

/// Where a provider's instances come from. Defaults are filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    AutoScaling(AutoScalingGroupProvider),
    /// ECS's own, for one cluster.
    ManagedInstances {
        cluster: Arc<str>,
        provider: ManagedInstancesProvider,
    },
}

/// What the provider's attachments to a cluster are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentIds {
    /// A UUID: of the scaling policy's attachment.
    pub policy: String,
    /// A UUID: the end of the scaling policy's name.
    pub policy_name: String,
    /// A UUID: of the draining hook's attachment.
    pub draining: String,
}

impl AttachmentIds {
    #[must_use]
    pub fn new(ids: &IdSource) -> Self {
        Self { policy: ids.uuid(), policy_name: ids.uuid(), draining: ids.uuid() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityProvider {
    pub key: CapacityProviderKey,
    /// ACTIVE, and INACTIVE once it was deleted.
    pub status: CapacityProviderStatus,
    pub update_status: Option<CapacityProviderUpdateStatus>,
    /// Why the last deletion failed.
    pub update_status_reason: Option<String>,
    pub kind: Kind,
    pub attachment_ids: AttachmentIds,
    /// What managed scaling remembers; not in the API.
    #[serde(default)]
    pub scaling: Memory,
    /// Whether its group's instances were last seen under managed termination protection; not in the API.
    #[serde(default)]
    pub protects: bool,
    pub tags: Vec<Tag>,
    pub created_at: Timestamp,
}

impl CapacityProvider {
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == CapacityProviderStatus::Active
    }

    /// The Auto Scaling group's settings, when it has one.
    #[must_use]
    pub fn auto_scaling(&self) -> Option<&AutoScalingGroupProvider> {
        match &self.kind {
            Kind::AutoScaling(provider) => Some(provider),
            Kind::ManagedInstances { .. } => None,
        }
    }

    /// Whether ECS scales the provider's Auto Scaling group.
    #[must_use]
    pub fn has_managed_scaling(&self) -> bool {
        let scaling = self.auto_scaling().and_then(|provider| provider.managed_scaling.as_ref());
        scaling.is_some_and(|scaling| scaling.status == Some(ManagedScalingStatus::Enabled))
    }

    /// The cluster that alone can use it, if ECS manages its instances.
    #[must_use]
    pub fn own_cluster(&self) -> Option<ClusterKey> {
        match &self.kind {
            Kind::AutoScaling(_) => None,
            Kind::ManagedInstances { cluster, .. } => Some(ClusterKey::new(&self.key.scope, cluster)),
        }
    }

    /// As DescribeCapacityProviders shows it; the member for tags is there in any case.
    #[must_use]
    pub fn to_api(&self, tags: bool) -> ecs::CapacityProvider {
        let (auto_scaling, managed) = match &self.kind {
            Kind::AutoScaling(provider) => (Some(Box::new(provider.clone())), None),
            Kind::ManagedInstances { provider, .. } => (None, Some(Box::new(provider.clone()))),
        };
        ecs::CapacityProvider {
            capacity_provider_arn: Some(self.key.arn()),
            name: Some(self.key.name.to_string()),
            cluster: self.own_cluster().map(|cluster| cluster.name.to_string()),
            status: Some(self.status.clone()),
            r#type: Some(match &self.kind {
                Kind::AutoScaling(_) => CapacityProviderType::Ec2Autoscaling,
                Kind::ManagedInstances { .. } => CapacityProviderType::ManagedInstances,
            }),
            auto_scaling_group_provider: auto_scaling,
            managed_instances_provider: managed,
            update_status: self.update_status.clone(),
            update_status_reason: self.update_status_reason.clone(),
            tags: Some(if tags { self.tags.clone() } else { Vec::new() }),
        }
    }
}

impl Record for CapacityProvider {
    type Key = CapacityProviderKey;

    fn key(&self) -> CapacityProviderKey {
        self.key.clone()
    }
}
