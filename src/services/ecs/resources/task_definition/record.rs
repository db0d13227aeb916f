//! What the store keeps of task definitions: a record for each revision, and one for each family.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>

use std::sync::Arc;

use api_models::Timestamp;
use api_models::ecs::{self, Tag};
use serde::{Deserialize, Serialize};

use super::capabilities;
use super::compatibilities::Compatibilities;
use super::packed::Packed;
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
    /// What the family's bare name means; `None` when no revision is ACTIVE.
    pub latest_active: Option<i32>,
    /// How many of its revisions are INACTIVE.
    pub inactive: u32,
    /// How many wait to be deleted.
    pub deleting: u32,
}

impl Record for TaskDefinitionFamily {
    type Key = TaskDefinitionFamilyKey;

    fn key(&self) -> TaskDefinitionFamilyKey {
        self.key.clone()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskDefinitionKey {
    pub scope: Scope,
    pub family: Arc<str>,
    pub revision: i32,
}

impl TaskDefinitionKey {
    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["task-definition/", &self.family, ":", &self.revision.to_string()])
    }

    #[must_use]
    pub fn family(&self) -> TaskDefinitionFamilyKey {
        TaskDefinitionFamilyKey { scope: self.scope.clone(), family: self.family.clone() }
    }
}

/// Where a revision stands, in the order in which it gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskDefinitionStatus {
    Active,
    /// Deregistered: what runs goes on, nothing new may use it.
    Inactive,
    /// Goes away when nothing uses it any more.
    DeleteInProgress,
}

impl From<TaskDefinitionStatus> for ecs::TaskDefinitionStatus {
    fn from(status: TaskDefinitionStatus) -> Self {
        match status {
            TaskDefinitionStatus::Active => Self::Active,
            TaskDefinitionStatus::Inactive => Self::Inactive,
            TaskDefinitionStatus::DeleteInProgress => Self::DeleteInProgress,
        }
    }
}

/// One revision.
///
/// `definition` is what was registered, with ECS's defaults filled in; it never changes. What follows from the rest
/// (name, revision, status, times, requiresAttributes, compatibilities) is not in it: [`TaskDefinition::render`]
/// adds that. There may be tens of thousands of revisions, so nothing is kept twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub key: TaskDefinitionKey,
    pub status: TaskDefinitionStatus,
    pub registered_at: Timestamp,
    pub deregistered_at: Option<Timestamp>,
    pub delete_requested_at: Option<Timestamp>,
    /// What its tasks can run on.
    pub compatibilities: Compatibilities,
    pub definition: Packed,
    pub tags: Vec<Tag>,
}

impl TaskDefinition {
    /// As DescribeTaskDefinition answers it.
    #[must_use]
    pub fn render(&self) -> ecs::TaskDefinition {
        self.render_of(self.definition.unpack())
    }

    /// [`TaskDefinition::render`] for who has a copy of `definition` at hand.
    #[must_use]
    pub fn render_of(&self, definition: ecs::TaskDefinition) -> ecs::TaskDefinition {
        ecs::TaskDefinition {
            task_definition_arn: Some(self.key.arn()),
            family: Some(self.key.family.to_string()),
            revision: Some(self.key.revision),
            status: Some(self.status.into()),
            requires_attributes: capabilities::requires_attributes(&definition),
            compatibilities: Some(self.compatibilities.iter().collect()),
            registered_at: Some(self.registered_at),
            deregistered_at: self.deregistered_at,
            delete_requested_at: self.delete_requested_at,
            // Everybody is the account's root user: there is no IAM.
            registered_by: Some(self.key.scope.iam_arn("root")),
            ..definition
        }
    }

    /// The containers, in the order in which they were given.
    #[must_use]
    pub fn containers(&self) -> &[ecs::ContainerDefinition] {
        self.definition.container_definitions.as_deref().unwrap_or_default()
    }

    /// `bridge` when the definition names none.
    #[must_use]
    pub fn network_mode(&self) -> ecs::NetworkMode {
        self.definition.network_mode.clone().unwrap_or(ecs::NetworkMode::Bridge)
    }
}

impl Record for TaskDefinition {
    type Key = TaskDefinitionKey;

    fn key(&self) -> TaskDefinitionKey {
        self.key.clone()
    }
}
