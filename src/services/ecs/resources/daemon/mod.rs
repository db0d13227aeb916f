//! Managed daemons: a task on each instance of Managed Instances capacity providers, there before all other tasks.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html>
//!
//! - [`DaemonTaskDefinition`] is what a daemon's tasks are made from.
//! - [`Daemon`] is what a user asked for; the scheduler gives its newest [`DaemonRevision`] to new instances.
//! - [`DaemonDeployment`] is the history: how the instances were brought from some revisions to another one.
//! - A task's [`DaemonLink`] says whose it is; [`DaemonTasks`] finds a daemon's tasks without a scan.

mod begin;
mod census;
pub mod checks;
pub mod convert;
mod deployment;
mod find;
mod launch;
mod record;
mod render;
pub mod task_definition;
mod tasks;

pub use begin::{Wanted, begin_deployment, configuration, final_counts};
pub use census::Counts;
pub use convert::DAEMON_BRIDGE;
pub use deployment::{DaemonDeployment, DaemonDeploymentKey, FinalCounts, Rollback, is_over};
pub use find::{
    active, daemons_of, deployments_of, find, find_named, find_plainly, gone_of, key_in_arn, key_of, providers_of,
    revisions_of,
};
pub use launch::{images_of, launch, needs};
pub use record::{Daemon, DaemonKey, DaemonRevision, DaemonRevisionKey, DaemonStatus, RevisionId, forget, forget_all};
pub use task_definition::{DaemonTaskDefinition, DaemonTaskDefinitionKey};
pub use tasks::{DaemonLink, DaemonTasks};
