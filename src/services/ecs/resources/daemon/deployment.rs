//! Daemon deployments: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-deployments.html>

use std::sync::Arc;

use api_models::ecs::{DaemonDeploymentConfiguration, DaemonDeploymentStatus};
use serde::{Deserialize, Serialize};

use super::{Counts, DaemonKey, RevisionId};
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DaemonDeploymentKey {
    pub daemon: DaemonKey,
    /// 21 letters and digits.
    pub id: Arc<str>,
}

impl DaemonDeploymentKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let daemon = &self.daemon;
        daemon.scope.arn("ecs", &["daemon-deployment/", &daemon.cluster, "/", &daemon.name, "/", &self.id])
    }
}

/// The revision a deployment went back to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    pub reason: String,
    pub started_at: Timestamp,
    pub revision: RevisionId,
    pub capacity_providers: Vec<Arc<str>>,
}

/// What the instances with a revision were when the deployment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalCounts {
    pub revision: RevisionId,
    pub counts: Counts,
}

/// How instances were brought, or are being brought, to a revision of a daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonDeployment {
    pub key: DaemonDeploymentKey,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    /// It failed, or another began.
    pub stopped_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub status: DaemonDeploymentStatus,
    pub status_reason: Option<String>,
    /// The revisions that instances ran when it began.
    pub sources: Vec<RevisionId>,
    /// `None` takes the daemon away.
    pub target: Option<RevisionId>,
    /// Complete: ECS's defaults are filled in.
    pub configuration: DaemonDeploymentConfiguration,
    /// Tasks that did not start, which the circuit breaker counts; from the beginning again once it rolls back.
    pub failure_count: i32,
    /// How many are one too many.
    pub threshold: i32,
    /// The circuit breaker stopped it.
    pub breaker_triggered: bool,
    /// Those of its alarms that rang already when it began: they are not watched.
    pub alarms_ignored: Vec<String>,
    /// The alarms that stopped it.
    pub triggered_alarms: Vec<String>,
    pub rollback: Option<Rollback>,
    /// Since when all instances run what they should, while it waits for the bake time.
    pub bakes_since: Option<Timestamp>,
    /// Once it is over; before that, counts are taken from the instances.
    pub final_counts: Vec<FinalCounts>,
}

impl DaemonDeployment {
    /// What it brings instances to now: that of the rollback, if it rolls back.
    #[must_use]
    pub fn wanted(&self) -> Option<&RevisionId> {
        self.rollback.as_ref().map(|rollback| &rollback.revision).or(self.target.as_ref())
    }
}

impl Record for DaemonDeployment {
    type Key = DaemonDeploymentKey;

    fn key(&self) -> DaemonDeploymentKey {
        self.key.clone()
    }
}

/// Whether a deployment of this status will not change any more.
#[must_use]
pub fn is_over(status: &DaemonDeploymentStatus) -> bool {
    matches!(
        status,
        DaemonDeploymentStatus::Successful
            | DaemonDeploymentStatus::Stopped
            | DaemonDeploymentStatus::RollbackSuccessful
            | DaemonDeploymentStatus::RollbackFailed
    )
}
