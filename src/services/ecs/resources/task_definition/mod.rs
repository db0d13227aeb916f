//! Task definitions: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html>
//!
//! [`prepare`] takes a request through `validation` (what ECS refuses, in its words) and `defaults` (what it adds);
//! [`register`], [`deregister`] and [`request_deletion`] are the steps in a revision's life.

mod capabilities;
mod compatibilities;
mod defaults;
mod find;
mod index;
mod packed;
mod prepare;
mod record;
mod revisions;
mod sizes;
#[cfg(test)]
mod tests;
mod validation;

pub use capabilities::{required, requires_attributes};
pub use compatibilities::Compatibilities;
pub use find::{TaskDefinitionName, find_task_definition, runnable_task_definition};
pub use index::{RevisionCursor, revisions_of};
pub use packed::Packed;
pub use prepare::{Prepared, prepare};
pub use record::{
    TaskDefinition, TaskDefinitionFamily, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionStatus,
};
pub use revisions::{can_be_deleted, delete, deregister, register, request_deletion};
pub use sizes::{cpu_units, fargate_has, memory_mib};
pub use validation::fargate::is_ecr_image;
pub use validation::validate as check;
