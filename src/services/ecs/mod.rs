//! Amazon ECS: clusters, task definitions, tasks, container instances and what runs them.

pub mod access_point;
pub mod agent;
pub mod auto_instances;
pub mod capacity_scheduler;
pub mod daemon_scheduler;
pub mod events;
pub mod exec;
pub mod images;
pub mod lifecycle_hooks;
pub mod metadata;
pub mod network;
pub mod operations;
pub mod resources;
pub mod scheduler;
pub mod service_scheduler;
pub mod spot;
pub mod task_definition_deletion;
pub mod virtual_instances;
