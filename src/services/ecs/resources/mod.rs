//! ECS's domain types as the store keeps them, and their rendering to API shapes.

mod account_setting;
pub mod capacity;
pub mod capacity_provider;
pub mod cluster;
pub mod container_instance;
pub mod daemon;
pub mod idempotency;
pub mod lookup;
pub mod paging;
pub mod protection;
pub mod reservation;
pub mod service;
pub mod settings;
pub mod taggable;
pub mod tags;
mod task;
pub mod task_definition;
pub mod where_to;

pub use account_setting::{AccountSetting, AccountSettingKey};
pub use capacity_provider::{CapacityProvider, CapacityProviderKey};
pub use cluster::{Cluster, ClusterKey, ClusterStatus};
pub use container_instance::{ContainerInstance, ContainerInstanceKey, Origin, Resources};
pub use daemon::{
    DAEMON_BRIDGE, Daemon, DaemonDeployment, DaemonKey, DaemonLink, DaemonRevision, DaemonTaskDefinition,
    DaemonTaskDefinitionKey, DaemonTasks,
};
pub use idempotency::{IdempotencyKey, IdempotencyToken};
pub use service::{
    Service, ServiceDeployment, ServiceEvent, ServiceKey, ServiceLink, ServiceRevision, ServiceTasks, TaskSet,
};
pub use task::{
    AttachmentStatus, Blueprint, Container, ExecAgent, ManagedVolume, Named, NetworkAttachment, Place, Platform,
    Protection, Task, TaskKey, TaskReport, TaskRequest, TaskStatus, Under, VolumeAttachment, VolumeRequest, Waiting,
    WaitingTasks, alike, check_id, check_roles, find_task, managed_volume, report_on, tasks_after, unusable_role,
};
pub use task_definition::{
    TaskDefinition, TaskDefinitionFamily, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionName,
    TaskDefinitionStatus, find_task_definition, runnable_task_definition,
};
