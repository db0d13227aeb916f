//! What is told of daemons: the states of their deployments, and tasks that don't start.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-events.html>

use api_models::ecs::{DaemonDeploymentStatus, TaskStopCode};
use serde::Serialize;

use super::Fact;
use crate::services::ecs::resources::daemon::{
    Daemon, DaemonDeployment, DaemonDeploymentKey, DaemonRevisionKey, RevisionId,
};
use crate::services::ecs::resources::{ContainerInstanceKey, Task, TaskKey, TaskStatus};
use crate::services::ecs::scheduler::deployment::FAILED_CHECKS;
use crate::store::State;
use crate::time::Timestamp;

/// A daemon deployment came to a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub deployment: DaemonDeploymentKey,
    pub target: Option<RevisionId>,
    pub status: DaemonDeploymentStatus,
}

/// A daemon's task did not start on a container instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impaired {
    pub revision: DaemonRevisionKey,
    pub definition_arn: String,
    pub instance: ContainerInstanceKey,
    pub capacity_provider: Option<String>,
    /// `None` when it found no room.
    pub task: Option<TaskKey>,
    pub reason: String,
}

/// The `detail` of "ECS Daemon Deployment State Change".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentDetail {
    event_type: &'static str,
    event_name: String,
    cluster_arn: String,
    daemon_arn: String,
    daemon_deployment_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_daemon_revision_arn: Option<String>,
    updated_at: String,
}

/// The `detail` of "ECS Daemon Service Action".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionDetail<'a> {
    event_type: &'static str,
    event_name: &'static str,
    cluster_arn: String,
    container_instance_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_arn: Option<String>,
    daemon_revision_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_provider_name: Option<&'a str>,
    daemon_arn: String,
    daemon_task_definition_arn: &'a str,
    failure_type: &'static str,
    created_at: String,
    reason: &'a str,
}

impl Reached {
    pub(super) fn detail(&self, now: Timestamp) -> DeploymentDetail {
        let daemon = &self.deployment.daemon;
        let target = self.target.clone().map(|id| DaemonRevisionKey { daemon: daemon.clone(), id }.arn());
        DeploymentDetail {
            event_type: if self.status == DaemonDeploymentStatus::RollbackFailed { "ERROR" } else { "INFO" },
            event_name: format!("DAEMON_DEPLOYMENT_{}", self.status),
            cluster_arn: daemon.cluster().arn(),
            daemon_arn: daemon.arn(),
            daemon_deployment_arn: self.deployment.arn(),
            target_daemon_revision_arn: target,
            updated_at: now.to_rfc3339(),
        }
    }
}

impl Impaired {
    pub(super) fn detail(&self, now: Timestamp) -> ActionDetail<'_> {
        let daemon = &self.revision.daemon;
        ActionDetail {
            event_type: "WARNING",
            event_name: "DAEMON_TASK_START_IMPAIRED",
            cluster_arn: daemon.cluster().arn(),
            container_instance_arn: self.instance.arn(),
            task_arn: self.task.as_ref().map(TaskKey::arn),
            daemon_revision_arn: self.revision.arn(),
            capacity_provider_name: self.capacity_provider.as_deref(),
            daemon_arn: daemon.arn(),
            daemon_task_definition_arn: &self.definition_arn,
            failure_type: if self.task.is_some() { "TASK_FAILED_TO_RUN" } else { "TASK_CREATION_FAILED" },
            created_at: now.to_rfc3339(),
            reason: &self.reason,
        }
    }
}

/// The states that a deployment has come to. One that is new began as PENDING, however far it is already.
pub(super) fn of_deployment(before: Option<&DaemonDeployment>, after: &DaemonDeployment) -> Vec<Fact> {
    if before.is_some_and(|before| before.status == after.status) {
        return Vec::new();
    }
    let began = (before.is_none() && after.status != DaemonDeploymentStatus::Pending)
        .then_some(DaemonDeploymentStatus::Pending);
    let reached = |status| {
        Fact::DaemonDeployment(Reached { deployment: after.key.clone(), target: after.target.clone(), status })
    };
    began.into_iter().chain([after.status.clone()]).map(reached).collect()
}

/// The end of a daemon's task that was never RUNNING, unless it was asked for, or whose health checks failed.
pub(super) fn of_task(before: Option<&Task>, after: &Task) -> Option<Fact> {
    let asked = |code: &TaskStopCode| {
        matches!(
            code,
            TaskStopCode::UserInitiated | TaskStopCode::ServiceSchedulerInitiated | TaskStopCode::TerminationNotice
        )
    };
    let ended = after.last_status == TaskStatus::Stopped && before?.last_status != TaskStatus::Stopped;
    let unhealthy = after.stopped_reason.as_deref() == Some(FAILED_CHECKS);
    let ordinary = after.started_at.is_some() || after.stop_code.as_ref().is_some_and(asked);
    if !ended || (ordinary && !unhealthy) {
        return None;
    }
    // The task's own reason often says no more than that it did not start.
    let of_container = after.containers.iter().filter(|_| !unhealthy).find_map(|container| container.reason.as_deref());
    let reason = of_container.or(after.stopped_reason.as_deref()).unwrap_or("unknown");
    Some(Fact::DaemonTask(Impaired {
        revision: after.daemon_revision()?,
        definition_arn: after.definition_arn(),
        instance: after.container_instance.clone()?,
        capacity_provider: after.capacity_provider.clone(),
        task: Some(after.key.clone()),
        reason: format!("Task failed to reach RUNNING status: {reason}"),
    }))
}

/// The instances that were newly found to have no room for the daemon's task.
pub(super) fn of_daemon(before: Option<&Daemon>, after: &Daemon, state: &State) -> Vec<Fact> {
    let Some(revision) = after.revision.as_ref().and_then(|id| state.daemon_revisions.get(&after.revision_key(id)))
    else {
        return Vec::new();
    };
    let known = |noted: &&String| before.is_some_and(|before| before.noted.contains(*noted));
    let news = after.noted.iter().filter(|noted| !known(noted)).filter_map(|noted| noted.split_once(' '));
    let impaired = |(instance, reason): (&str, &str)| {
        let cluster = after.key.cluster();
        let instance = ContainerInstanceKey { scope: cluster.scope, cluster: cluster.name, id: instance.into() };
        let capacity_provider = state.container_instances.get(&instance).and_then(|it| it.capacity_provider.clone());
        Fact::DaemonTask(Impaired {
            revision: revision.key.clone(),
            definition_arn: revision.task_definition.arn(),
            instance,
            capacity_provider: capacity_provider.map(|name| name.to_string()),
            task: None,
            reason: sentence(reason),
        })
    };
    news.map(impaired).collect()
}

/// What `RESOURCE:CPU` and its like mean; what is a sentence already is told as it is.
fn sentence(reason: &str) -> String {
    const UNABLE: &str = "Unable to place daemon task on container instance";
    let lacking = match reason {
        "RESOURCE:CPU" => "insufficient CPU",
        "RESOURCE:MEMORY" => "insufficient memory",
        // (ours)
        "RESOURCE:GPU" => "insufficient GPUs",
        "RESOURCE:PORTS" => "a host port is in use",
        _ if reason.contains(' ') => return format!("{UNABLE}: {reason}"),
        _ => return format!("{reason} - {UNABLE}"),
    };
    format!("{reason} - {UNABLE}: {lacking}")
}

#[cfg(test)]
#[path = "daemons_tests.rs"]
mod tests;
