//! What the store keeps of a task: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>

use std::net::Ipv4Addr;
use std::sync::Arc;

use api_models::ecs::{Attribute, LaunchType, NetworkBinding, NetworkConfiguration, Tag, TaskOverride, TaskStopCode};
use serde::{Deserialize, Serialize};

use super::{VolumeAttachment, Waiting};
use crate::identity::Scope;
use crate::runtime::{ContainerId, ObservedHealth};
use crate::services::ecs::resources::{
    ClusterKey, ContainerInstanceKey, DaemonLink, Resources, ServiceLink, TaskDefinitionKey,
};
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    pub scope: Scope,
    pub cluster: Arc<str>,
    /// 32 hexadecimal digits.
    pub id: Arc<str>,
}

impl TaskKey {
    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["task/", &self.cluster, "/", &self.id])
    }

    #[must_use]
    pub fn cluster(&self) -> ClusterKey {
        ClusterKey { scope: self.scope.clone(), name: self.cluster.clone() }
    }
}

/// Where a task stands, in the order in which it passes them.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl TaskStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Where an elastic network interface stands, in the order in which it passes them.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttachmentStatus {
    Precreated,
    Created,
    Attaching,
    Attached,
    Detaching,
    Detached,
    Deleted,
}

impl AttachmentStatus {
    const ALL: [Self; 7] = [
        Self::Precreated,
        Self::Created,
        Self::Attaching,
        Self::Attached,
        Self::Detaching,
        Self::Detached,
        Self::Deleted,
    ];

    /// The status of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Precreated => "PRECREATED",
            Self::Created => "CREATED",
            Self::Attaching => "ATTACHING",
            Self::Attached => "ATTACHED",
            Self::Detaching => "DETACHING",
            Self::Detached => "DETACHED",
            Self::Deleted => "DELETED",
        }
    }
}

/// The elastic network interface of a task in awsvpc mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAttachment {
    /// A UUID.
    pub id: String,
    pub status: AttachmentStatus,
    /// As the request named it.
    pub subnet_id: Arc<str>,
    /// `eni-...`
    pub network_interface_id: String,
    pub address: Option<Ipv4Addr>,
    pub mac_address: Option<String>,
    /// The container that owns the network namespace.
    pub pause: Option<ContainerId>,
}

/// A container of a task; <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub name: Arc<str>,
    /// The last part of its ARN: a UUID.
    pub id: String,
    pub image: Arc<str>,
    /// When it stops, the whole task does.
    pub essential: bool,
    pub image_digest: Option<Arc<str>>,
    /// The version of the image that all tasks of its service deployment run; `None` takes what the name stands for.
    #[serde(default)]
    pub pinned_digest: Option<Arc<str>>,
    pub runtime_id: Option<ContainerId>,
    /// PENDING, RUNNING or STOPPED.
    pub last_status: TaskStatus,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub network_bindings: Vec<NetworkBinding>,
    /// As the task definition (or the override) has them; strings in the API.
    pub cpu: Option<i32>,
    pub memory: Option<i32>,
    pub memory_reservation: Option<i32>,
    pub gpu_ids: Vec<String>,
    pub health: ObservedHealth,
    /// When it was seen to run, the last time that it was started; not in the API.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// The same by the engine's clock: another one means that it was started again.
    #[serde(default)]
    pub engine_started_at: Option<Timestamp>,
    /// How often it was started again in place.
    #[serde(default)]
    pub restart_count: u32,
    /// The agent of ECS Exec could not run in it.
    #[serde(default)]
    pub exec_impossible: bool,
}

/// Scale-in protection: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    pub expires_at: Timestamp,
}

/// There may be tens of thousands: what the tasks of a request or of a service have in common they share, and what few
/// tasks have is in a box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub key: TaskKey,
    pub task_definition: TaskDefinitionKey,
    /// Increases with every change that DescribeTasks shows.
    pub version: i64,
    /// RUNNING or STOPPED.
    pub desired_status: TaskStatus,
    pub last_status: TaskStatus,
    pub stop_code: Option<TaskStopCode>,
    pub stopped_reason: Option<String>,
    /// `family:<family>` unless the request names one; `service:<name>` for a service's tasks, `daemon:<name>` for a
    /// daemon's.
    pub group: Arc<str>,
    pub started_by: Option<Arc<str>>,
    /// The service whose task it is.
    #[serde(default)]
    pub service: Option<ServiceLink>,
    /// The daemon whose task it is; `task_definition` is then a daemon task definition.
    #[serde(default)]
    pub daemon: Option<Box<DaemonLink>>,
    /// `None` when a capacity provider chose it... then `capacity_provider` is set.
    pub launch_type: Option<LaunchType>,
    pub capacity_provider: Option<String>,
    /// Until it has a container instance: a task that its capacity provider has no room for yet.
    #[serde(default)]
    pub waiting: Option<Box<Waiting>>,
    pub platform_version: Option<Arc<str>>,
    /// `Linux` on Fargate.
    pub platform_family: Option<Arc<str>>,
    pub container_instance: Option<ContainerInstanceKey>,
    /// What the task has taken of its container instance; `None` on Fargate, and once it was given back.
    /// [`reservation`](crate::services::ecs::resources::reservation) sets and takes it.
    pub reserved: Option<Box<Resources>>,
    /// Where its host ports are published: the address of its container instance. Where all are when `None`.
    #[serde(default)]
    pub host_address: Option<Ipv4Addr>,
    pub availability_zone: Option<Arc<str>>,
    /// `ecs.cpu-architecture`
    pub attributes: Arc<[Attribute]>,
    /// After overrides, as strings of CPU units and MiB.
    pub cpu: Option<Arc<str>>,
    pub memory: Option<Arc<str>>,
    /// GiB; Fargate only.
    pub ephemeral_storage_gib: Option<i32>,
    pub overrides: Arc<TaskOverride>,
    pub network_configuration: Option<Arc<NetworkConfiguration>>,
    pub attachment: Option<NetworkAttachment>,
    /// The EBS volume that was configured at launch.
    #[serde(default)]
    pub managed_volume: Option<Box<VolumeAttachment>>,
    pub containers: Vec<Container>,
    pub enable_execute_command: bool,
    pub tags: Arc<[Tag]>,
    pub protection: Option<Protection>,
    /// Under which its containers ask for the task role's credentials, where it has a role; not in the API.
    #[serde(default)]
    pub credentials_id: Option<String>,
    pub created_at: Timestamp,
    pub pull_started_at: Option<Timestamp>,
    pub pull_stopped_at: Option<Timestamp>,
    pub connectivity_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub stopping_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
}

impl Record for Task {
    type Key = TaskKey;

    fn key(&self) -> TaskKey {
        self.key.clone()
    }

    fn follow(state: &mut State, old: Option<&Self>, new: Option<&Self>) {
        state.service_tasks.follow(old, new);
        state.daemon_tasks.follow(old, new);
        state.instance_loads.follow(old, new);
        state.waiting_tasks.follow(old, new);
        state.cluster_tallies.follow(old, new);
    }

    fn loaded(state: &mut State) {
        super::sharing::share(&mut state.tasks);
    }
}
