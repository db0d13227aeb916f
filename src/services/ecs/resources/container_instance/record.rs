//! Container instances: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html>
//!
//! Here an instance is a bounded share of the local engine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use api_models::ecs::{Tag, VersionInfo};
use serde::{Deserialize, Serialize};

use super::{AttributeList, addresses};
use crate::identity::Scope;
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::daemon::RevisionId;
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerInstanceKey {
    pub scope: Scope,
    pub cluster: Arc<str>,
    /// 32 hexadecimal digits.
    pub id: Arc<str>,
}

impl ContainerInstanceKey {
    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["container-instance/", &self.cluster, "/", &self.id])
    }

    #[must_use]
    pub fn cluster(&self) -> ClusterKey {
        ClusterKey { scope: self.scope.clone(), name: self.cluster.clone() }
    }
}

/// What an instance has, or has left: `ports` are those that are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// 1024 a vCPU.
    pub cpu: i32,
    /// MiB.
    pub memory: i32,
    pub tcp_ports: BTreeSet<u16>,
    pub udp_ports: BTreeSet<u16>,
    pub gpus: Vec<String>,
}

/// How an instance came to be; not in the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// By RegisterContainerInstance.
    #[default]
    Registered,
    /// By `localecs instances add`, or the admin API.
    Added,
    /// By the configuration file.
    Configured,
    /// Because tasks found no room (`--auto-instances`).
    Automatic,
    /// An EC2 instance whose user data names the cluster.
    Ec2,
    /// By a capacity provider for managed instances.
    Managed,
}

impl Origin {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Added => "added",
            Self::Configured => "configured",
            Self::Automatic => "automatic",
            Self::Ec2 => "ec2",
            Self::Managed => "managed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerInstance {
    pub key: ContainerInstanceKey,
    pub ec2_instance_id: Option<String>,
    /// ACTIVE, DRAINING, DEREGISTERING, INACTIVE, REGISTERING, REGISTRATION_FAILED.
    pub status: String,
    pub status_reason: Option<String>,
    pub agent_connected: bool,
    pub version_info: VersionInfo,
    pub registered: Resources,
    /// Kept exact by every transaction that places or ends a task.
    pub remaining: Resources,
    pub attributes: AttributeList,
    pub capacity_provider: Option<String>,
    /// Where host ports of its tasks are published; where all are when `None`.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// How it came to be.
    #[serde(default)]
    pub origin: Origin,
    /// What it runs of each daemon, by name, since it is ACTIVE. That stays so for its life.
    #[serde(default)]
    pub daemons: BTreeMap<Arc<str>, RevisionId>,
    /// It is drained because a critical daemon does not run any more.
    #[serde(default)]
    pub impaired: bool,
    pub tags: Vec<Tag>,
    pub registered_at: Timestamp,
    pub version: i64,
}

impl Record for ContainerInstance {
    type Key = ContainerInstanceKey;

    fn key(&self) -> ContainerInstanceKey {
        self.key.clone()
    }

    fn follow(state: &mut State, old: Option<&Self>, new: Option<&Self>) {
        addresses::follow(state, old, new);
        state.instance_offers.follow(old, new);
    }
}
