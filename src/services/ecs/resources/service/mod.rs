//! Services: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html>
//!
//! - [`Service`] is what a user asked for, with its [`Deployment`]s: the newest (PRIMARY) first, then those that still
//!   have tasks (ACTIVE). A deployment runs one [`ServiceRevision`] and has the revision's id.
//! - [`ServiceRevision`] is what tasks are started from; it never changes.
//! - [`ServiceDeployment`] is the history: how the service was brought from some revisions to another one.
//! - [`ServiceEvent`]s are records of their own, so that one more does not write the others again.
//! - [`TaskSet`]s are the deployments of services whose controller is somebody else.
//! - A task's [`ServiceLink`] says whose it is; [`ServiceTasks`] finds a service's tasks without a scan.

mod action;
mod begin;
mod census;
pub mod checks;
pub mod controller;
mod course;
mod deployment;
mod events;
mod find;
mod launch;
mod record;
mod render;
mod revision;
mod spec;
mod strategy;
mod task_set;
mod tasks;

pub use super::task::Phase;
pub use action::{Action, ActionName, Said};
pub use begin::{begin_deployment, new_deployment_id, supersede};
pub use census::Counts;
pub use course::{Course, HookRun, Stage, has_stages, minutes_of};
pub use deployment::{
    FinalCounts, Rollback, ServiceDeployment, ServiceDeploymentKey, breaker_threshold, deployments_of, is_over,
    ordered_by_age,
};
pub use events::{EVENTS_KEPT, ServiceEvent, ServiceEventKey, add_event, events_of};
pub use find::{active, check_quota, find, key_in_arn, key_of, services_of};
pub use launch::{Launch, launch};
pub use record::{
    Backoff, Controller, Deployment, DeploymentId, Rollout, Scheduling, Service, ServiceKey, ServiceStatus, forget,
};
pub use revision::{RevisionSpec, ServiceRevision, ServiceRevisionKey};
pub use spec::Asked;
pub use strategy::function_of;
pub use task_set::{
    MAX_TASK_SETS, TaskSet, TaskSetKey, TaskSetStatus, drain_task_sets, find_task_set, newest_task_sets, task_set_key,
    task_sets_of,
};
pub use tasks::{ServiceLink, ServiceTasks};
