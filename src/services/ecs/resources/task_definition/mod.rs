//! Task definitions: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definitions.html>

mod find;
mod record;

pub use find::{TaskDefinitionName, find_task_definition, runnable_task_definition};
pub use record::{
    TaskDefinition, TaskDefinitionFamily, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionStatus,
};
