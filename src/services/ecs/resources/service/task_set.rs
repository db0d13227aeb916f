//! Task sets: what somebody else's deployment controller has instead of deployments.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html>

use std::sync::Arc;

use api_models::ecs::{Scale, Tag};
use serde::{Deserialize, Serialize};

use super::{DeploymentId, RevisionSpec, ServiceKey};
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskSetKey {
    pub service: ServiceKey,
    /// `ecs-svc/<id>` in the API.
    pub id: DeploymentId,
}

impl TaskSetKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let service = &self.service;
        let id = &self.id;
        service.scope.arn("ecs", &["task-set/", &service.cluster, "/", &service.name, "/ecs-svc/", id])
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSet {
    pub key: TaskSetKey,
    pub started_by: Option<String>,
    pub external_id: Option<String>,
    /// PRIMARY, ACTIVE or DRAINING.
    pub status: String,
    pub spec: RevisionSpec,
    pub scale: Scale,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it became steady or unsteady, and which of the two.
    pub steady: bool,
    pub stability_at: Timestamp,
    pub tags: Vec<Tag>,
}

impl Record for TaskSet {
    type Key = TaskSetKey;

    fn key(&self) -> TaskSetKey {
        self.key.clone()
    }
}

/// The task sets of a service.
pub(super) fn of<'a>(state: &'a State, service: &ServiceKey) -> impl Iterator<Item = &'a Arc<TaskSet>> + use<'a> {
    let key = |id: &str| TaskSetKey { service: service.clone(), id: id.into() };
    state.task_sets.range(key("")..key("\u{10ffff}")).map(|(_, set)| set)
}
