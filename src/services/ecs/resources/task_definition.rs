//! Task definitions: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>

use std::sync::Arc;

use api_models::ecs::{self, Tag};
use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::store::Record;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskDefinitionFamilyKey {
    pub scope: Scope,
    pub family: Arc<str>,
}

/// A family remembers its last revision, so that a number is never used twice, not even after a deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinitionFamily {
    pub key: TaskDefinitionFamilyKey,
    pub latest_revision: i32,
}

impl Record for TaskDefinitionFamily {
    type Key = TaskDefinitionFamilyKey;

    fn key(&self) -> TaskDefinitionFamilyKey {
        self.key.clone()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskDefinitionKey {
    pub scope: Scope,
    pub family: Arc<str>,
    pub revision: i32,
}

impl TaskDefinitionKey {
    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &format!("task-definition/{}:{}", self.family, self.revision))
    }
}

/// One revision. `definition` is what DescribeTaskDefinition answers, defaults filled in as ECS fills them; its
/// status (ACTIVE, INACTIVE, DELETE_IN_PROGRESS) and times are the only parts that ever change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub key: TaskDefinitionKey,
    pub definition: ecs::TaskDefinition,
    pub tags: Vec<Tag>,
}

impl Record for TaskDefinition {
    type Key = TaskDefinitionKey;

    fn key(&self) -> TaskDefinitionKey {
        self.key.clone()
    }
}
