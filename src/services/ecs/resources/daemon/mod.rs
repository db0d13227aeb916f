//! Daemons that are resources of their own: tasks that run on each managed instance.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html>
//!
//! Their task definitions can be kept; nothing runs them yet.

pub mod task_definition;

pub use task_definition::{DaemonTaskDefinition, DaemonTaskDefinitionKey};
