//! What the store keeps of a daemon: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DaemonDetail.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{ContainerImage, DaemonStatus as Shown, Tag};
use serde::{Deserialize, Serialize};

use super::find::all_of;
use super::{DaemonDeployment, DaemonTaskDefinitionKey, deployments_of, revisions_of};
use crate::identity::Scope;
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::service::Backoff;
use crate::store::{Record, Transaction};
use crate::time::Timestamp;

/// 19 digits.
pub type RevisionId = Arc<str>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DaemonKey {
    pub scope: Scope,
    pub cluster: Arc<str>,
    pub name: Arc<str>,
}

impl DaemonKey {
    #[must_use]
    pub fn new(cluster: &ClusterKey, name: &str) -> Self {
        Self { scope: cluster.scope.clone(), cluster: cluster.name.clone(), name: name.into() }
    }

    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["daemon/", &self.cluster, "/", &self.name])
    }

    #[must_use]
    pub fn cluster(&self) -> ClusterKey {
        ClusterKey { scope: self.scope.clone(), name: self.cluster.clone() }
    }

    /// The `group` of the daemon's tasks. `(ours)`
    #[must_use]
    pub fn group(&self) -> String {
        format!("daemon:{}", self.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DaemonStatus {
    Active,
    /// Deleted; some instances still have its task.
    Deleting,
    /// Deleted and over: nobody finds it. Its deployments can be described for a while.
    Deleted,
}

impl DaemonStatus {
    #[must_use]
    pub fn to_api(self) -> Shown {
        match self {
            Self::Active => Shown::Active,
            Self::Deleting | Self::Deleted => Shown::DeleteInProgress,
        }
    }
}

/// A daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    pub key: DaemonKey,
    pub status: DaemonStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The id of its newest deployment.
    pub deployment: Arc<str>,
    /// What instances of its capacity providers are to run; `None` once it is deleted.
    pub revision: Option<RevisionId>,
    /// What its last successful deployment brought: where a failed one goes back to.
    pub settled: Option<RevisionId>,
    /// When its tasks may be started again, after some that did not start.
    pub backoff: Backoff,
    /// What was said of tasks that find no room, so that it is not said twice: instance ids and reasons.
    #[serde(default)]
    pub noted: BTreeSet<String>,
    /// When it was over.
    pub deleted_at: Option<Timestamp>,
    pub tags: Vec<Tag>,
}

impl Daemon {
    /// A daemon that nothing was deployed of yet.
    #[must_use]
    pub fn new(key: DaemonKey, tags: Vec<Tag>, now: Timestamp) -> Self {
        Self {
            key,
            status: DaemonStatus::Active,
            created_at: now,
            updated_at: now,
            deployment: "".into(),
            revision: None,
            settled: None,
            backoff: Backoff::default(),
            noted: BTreeSet::new(),
            deleted_at: None,
            tags,
        }
    }

    /// The key of one of its revisions.
    #[must_use]
    pub fn revision_key(&self, id: &RevisionId) -> DaemonRevisionKey {
        DaemonRevisionKey { daemon: self.key.clone(), id: id.clone() }
    }
}

impl Record for Daemon {
    type Key = DaemonKey;

    fn key(&self) -> DaemonKey {
        self.key.clone()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DaemonRevisionKey {
    pub daemon: DaemonKey,
    pub id: RevisionId,
}

impl DaemonRevisionKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let daemon = &self.daemon;
        daemon.scope.arn("ecs", &["daemon-revision/", &daemon.cluster, "/", &daemon.name, "/", &self.id])
    }
}

/// What a daemon's tasks are started from; it never changes but for `images`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DaemonRevision.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonRevision {
    pub key: DaemonRevisionKey,
    pub created_at: Timestamp,
    pub task_definition: DaemonTaskDefinitionKey,
    /// The names of the capacity providers whose instances run it.
    pub capacity_providers: Vec<Arc<str>>,
    /// The daemon's tags at that time, if they are propagated.
    pub propagated_tags: Option<Vec<Tag>>,
    pub enable_ecs_managed_tags: bool,
    pub enable_execute_command: bool,
    pub critical: bool,
    /// What the images of the containers were resolved to, once one of the revision's tasks has pulled them. Empty
    /// before that; set once.
    pub images: Vec<ContainerImage>,
}

impl DaemonRevision {
    /// Whether instances of the capacity provider of this name run it.
    #[must_use]
    pub fn covers(&self, provider: &str) -> bool {
        self.capacity_providers.iter().any(|name| **name == *provider)
    }
}

impl Record for DaemonRevision {
    type Key = DaemonRevisionKey;

    fn key(&self) -> DaemonRevisionKey {
        self.key.clone()
    }
}

/// Forgets a daemon and its history.
pub fn forget(tx: &mut Transaction, key: &DaemonKey) {
    let revisions: Vec<_> = revisions_of(tx, key).map(|revision| revision.key.clone()).collect();
    let deployments: Vec<_> = deployments_of(tx, key).map(|deployment| deployment.key.clone()).collect();
    revisions.iter().for_each(|key| drop(tx.delete::<DaemonRevision>(key)));
    deployments.iter().for_each(|key| drop(tx.delete::<DaemonDeployment>(key)));
    tx.delete::<Daemon>(key);
}

/// Forgets the daemons of a cluster that goes, which are all over.
pub fn forget_all(tx: &mut Transaction, cluster: &ClusterKey) {
    let keys: Vec<_> = all_of(tx, cluster).map(|daemon| daemon.key.clone()).collect();
    keys.iter().for_each(|key| forget(tx, key));
}
