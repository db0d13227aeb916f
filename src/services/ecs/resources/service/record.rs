//! What the store keeps of a service: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{
    AvailabilityZoneRebalancing, DeploymentConfiguration, DeploymentControllerType, DeploymentRolloutState,
    MonitoringConfiguration, PlacementConstraint, PlacementStrategy, PropagateTags, SchedulingStrategy, Tag,
};
use serde::{Deserialize, Serialize};

use super::{ServiceDeployment, ServiceDeploymentKey, ServiceEvent, ServiceRevision, ServiceRevisionKey, TaskSet};
use crate::identity::Scope;
use crate::services::ecs::resources::ClusterKey;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceKey {
    pub scope: Scope,
    pub cluster: Arc<str>,
    pub name: Arc<str>,
}

impl ServiceKey {
    #[must_use]
    pub fn new(cluster: &ClusterKey, name: &str) -> Self {
        Self { scope: cluster.scope.clone(), cluster: cluster.name.clone(), name: name.into() }
    }

    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["service/", &self.cluster, "/", &self.name])
    }

    #[must_use]
    pub fn cluster(&self) -> ClusterKey {
        ClusterKey { scope: self.scope.clone(), name: self.cluster.clone() }
    }

    /// The `group` of the service's tasks.
    #[must_use]
    pub fn group(&self) -> String {
        format!("service:{}", self.name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceStatus {
    Active,
    /// Deleted; some of its tasks have not stopped yet.
    Draining,
    /// Deleted and over; describable for a while.
    Inactive,
}

impl ServiceStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheduling {
    Replica,
    Daemon,
}

impl Scheduling {
    #[must_use]
    pub fn to_api(self) -> SchedulingStrategy {
        match self {
            Self::Replica => SchedulingStrategy::Replica,
            Self::Daemon => SchedulingStrategy::Daemon,
        }
    }
}

/// Who decides how the service's tasks are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Controller {
    Ecs,
    CodeDeploy,
    External,
}

impl Controller {
    #[must_use]
    pub fn to_api(self) -> DeploymentControllerType {
        match self {
            Self::Ecs => DeploymentControllerType::Ecs,
            Self::CodeDeploy => DeploymentControllerType::CodeDeploy,
            Self::External => DeploymentControllerType::External,
        }
    }
}

/// 19 decimal digits: the id of a service revision and of the deployment (`ecs-svc/<id>`) that runs it, or of a task
/// set.
pub type DeploymentId = Arc<str>;

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rollout {
    InProgress,
    Completed,
    /// It starts no more tasks.
    Failed,
}

impl Rollout {
    #[must_use]
    pub fn to_api(self) -> DeploymentRolloutState {
        match self {
            Self::InProgress => DeploymentRolloutState::InProgress,
            Self::Completed => DeploymentRolloutState::Completed,
            Self::Failed => DeploymentRolloutState::Failed,
        }
    }
}

/// How long a deployment whose tasks keep failing waits before it starts the next ones.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// How many times in a row some task failed; those that fail while it waits already count once.
    pub failures: u32,
    /// No task is started before this time.
    pub until: Option<Timestamp>,
}

/// One of the API's `deployments`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: DeploymentId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub rollout: Rollout,
    pub rollout_reason: String,
    /// Consecutive failures, as the circuit breaker counts them.
    pub failed_tasks: i32,
    /// How many of its tasks were healthy when it was last looked at, while it is under way.
    pub healthy_tasks: i32,
    pub backoff: Backoff,
    /// The id of the [`ServiceDeployment`] under way; `None` once that is over.
    pub service_deployment: Option<Arc<str>>,
}

impl Deployment {
    /// A deployment that begins.
    #[must_use]
    pub fn new(id: DeploymentId, service_deployment: Arc<str>, now: Timestamp) -> Self {
        let rollout_reason = format!("ECS deployment ecs-svc/{id} in progress.");
        Self {
            id,
            created_at: now,
            updated_at: now,
            rollout: Rollout::InProgress,
            rollout_reason,
            failed_tasks: 0,
            healthy_tasks: 0,
            backoff: Backoff::default(),
            service_deployment: Some(service_deployment),
        }
    }

    /// The API's id of it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("ecs-svc/{}", self.id)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub key: ServiceKey,
    pub status: ServiceStatus,
    pub scheduling: Scheduling,
    pub controller: Controller,
    /// Of a DAEMON, how many instances were found to need a task.
    pub desired_count: i32,
    /// The revision of the PRIMARY deployment, or of the last there was. `None` with a controller of somebody else.
    pub revision: Option<DeploymentId>,
    /// The revision that was last deployed to the end: what a rollback goes to.
    pub last_completed: Option<DeploymentId>,
    /// PRIMARY first. Empty when INACTIVE, and with a controller of somebody else.
    pub deployments: Vec<Deployment>,
    /// Defaults filled in.
    pub deployment_configuration: DeploymentConfiguration,
    pub placement_constraints: Vec<PlacementConstraint>,
    pub placement_strategy: Vec<PlacementStrategy>,
    pub zone_rebalancing: AvailabilityZoneRebalancing,
    pub health_check_grace_seconds: Option<i32>,
    pub enable_ecs_managed_tags: bool,
    pub propagate_tags: PropagateTags,
    pub enable_execute_command: bool,
    pub monitoring: Option<MonitoringConfiguration>,
    pub tags: Vec<Tag>,
    pub created_at: Timestamp,
    /// When it became INACTIVE.
    pub inactive_at: Option<Timestamp>,
    /// Whether the event of the steady state was written since the service was last unsteady.
    pub steady: bool,
    /// Events of causes that last: each is written once until its cause is gone.
    pub noted: BTreeSet<String>,
    /// It wants tasks that no container instance has room for: what changes on the instances wakes it.
    pub lacks_capacity: bool,
    /// A task is being moved to another zone: there is one more than desired for a while.
    pub moving: bool,
}

impl Service {
    /// The newest deployment.
    #[must_use]
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    /// The key of one of its revisions.
    #[must_use]
    pub fn revision_key(&self, id: &DeploymentId) -> ServiceRevisionKey {
        ServiceRevisionKey { service: self.key.clone(), id: id.clone() }
    }

    /// Whether changes of container instances concern it.
    #[must_use]
    pub fn watches_instances(&self) -> bool {
        self.status == ServiceStatus::Active && (self.lacks_capacity || self.scheduling == Scheduling::Daemon)
    }
}

impl Record for Service {
    type Key = ServiceKey;

    fn key(&self) -> ServiceKey {
        self.key.clone()
    }

    fn follow(state: &mut State, old: Option<&Self>, new: Option<&Self>) {
        let (before, after) = (old.is_some_and(Self::watches_instances), new.is_some_and(Self::watches_instances));
        match old.or(new) {
            Some(service) if after && !before => drop(state.services_that_watch.insert(service.key.clone())),
            Some(service) if before && !after => drop(state.services_that_watch.remove(&service.key)),
            _ => {}
        }
    }
}

/// Removes the service with all its history; its tasks are not looked at.
pub fn forget(tx: &mut Transaction, key: &ServiceKey) {
    let (first, end) = (Arc::<str>::from(""), Arc::<str>::from("\u{10ffff}"));
    let revision = |id: &Arc<str>| ServiceRevisionKey { service: key.clone(), id: id.clone() };
    let gone: Vec<_> =
        tx.service_revisions.range(revision(&first)..revision(&end)).map(|(key, _)| key.clone()).collect();
    gone.iter().for_each(|key| drop(tx.delete::<ServiceRevision>(key)));
    let deployment = |id: &Arc<str>| ServiceDeploymentKey { service: key.clone(), id: id.clone() };
    let gone: Vec<_> =
        tx.service_deployments.range(deployment(&first)..deployment(&end)).map(|(key, _)| key.clone()).collect();
    gone.iter().for_each(|key| drop(tx.delete::<ServiceDeployment>(key)));
    let gone: Vec<_> = super::events_of(tx, key).map(|event| event.key.clone()).collect();
    gone.iter().for_each(|key| drop(tx.delete::<ServiceEvent>(key)));
    let gone: Vec<_> = super::task_sets_of(tx, key).map(|set| set.key.clone()).collect();
    gone.iter().for_each(|key| drop(tx.delete::<TaskSet>(key)));
    tx.delete::<Service>(key);
}
