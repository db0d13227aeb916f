//! What an agent of a container instance reports of a task (SubmitTaskStateChange and its kin), taken into the task's
//! record.
//!
//! LocalECS runs the containers of every instance and sees for itself how they fare, so a report never takes a task back,
//! and reporting the same again changes nothing.

use std::sync::Arc;

use api_models::ecs::{
    AttachmentStateChange, CommonError, ContainerStateChange, InvalidParameterException, ManagedAgentStateChange,
    TaskStopCode,
};

use super::{AttachmentStatus, Container, Named, Task, TaskStatus, find_task};
use crate::runtime::ContainerId;
use crate::services::ecs::resources::ClusterKey;
use crate::store::Transaction;
use crate::time::Timestamp;

/// What is reported of the task as a whole.
#[derive(Clone, Debug, Default)]
pub struct TaskReport {
    /// `RUNNING`, `STOPPED`, or one of the agent's own in between, which mean nothing to a task.
    pub status: Option<String>,
    pub reason: Option<String>,
    pub containers: Vec<ContainerStateChange>,
    pub attachments: Vec<AttachmentStateChange>,
    pub managed_agents: Vec<ManagedAgentStateChange>,
    pub pull_started_at: Option<Timestamp>,
    pub pull_stopped_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
}

/// Takes a report on the task called `named` into its record. Only tasks on container instances have agents.
///
/// # Errors
/// InvalidParameterException when there is no such task.
pub fn report_on(
    tx: &mut Transaction,
    cluster: &ClusterKey,
    named: Option<&str>,
    report: &TaskReport,
    now: Timestamp,
) -> Result<(), CommonError> {
    let named = named.filter(|named| !named.trim().is_empty());
    let named = named.ok_or_else(|| InvalidParameterException::new("Task can not be blank."))?;
    let key = match find_task(tx, cluster, named)? {
        Named::Found(task) if task.container_instance.is_some() => task.key.clone(),
        _ => return Err(InvalidParameterException::new("The referenced task was not found.").into()),
    };
    tx.update(&key, |task: &mut Task| task.take_report(report, now));
    Ok(())
}

impl Task {
    /// Takes a report in; returns whether it changed anything.
    pub fn take_report(&mut self, report: &TaskReport, now: Timestamp) -> bool {
        let before = self.clone();
        for change in &report.containers {
            self.take_container(change, now);
        }
        for change in &report.managed_agents {
            self.take_managed_agent(change);
        }
        for change in &report.attachments {
            self.take_attachment(change);
        }
        self.pull_started_at = self.pull_started_at.or(report.pull_started_at);
        self.pull_stopped_at = self.pull_stopped_at.or(report.pull_stopped_at);
        self.execution_stopped_at = self.execution_stopped_at.or(report.execution_stopped_at);
        match report.status.as_deref() {
            Some("RUNNING") if self.last_status < TaskStatus::Running => {
                self.last_status = TaskStatus::Running;
                self.started_at = self.started_at.or(Some(now));
            }
            Some("STOPPED") if self.desired_status != TaskStatus::Stopped => self.end(report, now),
            _ => {}
        }
        let changed = *self != before;
        if changed {
            self.version += 1;
        }
        changed
    }

    /// The agent stopped it. The words for it are the control plane's, unless the agent has better ones.
    fn end(&mut self, report: &TaskReport, now: Timestamp) {
        let essential = |container: &&Container| container.essential && container.last_status == TaskStatus::Stopped;
        let ran =
            self.started_at.is_some() || self.containers.iter().filter(essential).any(|it| it.exit_code.is_some());
        let reason = report.reason.clone().filter(|reason| !reason.is_empty());
        self.desired_status = TaskStatus::Stopped;
        self.stopping_at = self.stopping_at.or(Some(now));
        let (code, words) = match ran {
            true => (TaskStopCode::EssentialContainerExited, "Essential container in task exited"),
            false => (TaskStopCode::TaskFailedToStart, "Task failed to start"),
        };
        self.stop_code = Some(code);
        self.stopped_reason = reason.or_else(|| Some(words.to_owned()));
    }

    fn take_container(&mut self, change: &ContainerStateChange, now: Timestamp) {
        let name = change.container_name.as_deref().unwrap_or_default();
        let Some(container) = self.containers.iter_mut().find(|container| *container.name == *name) else { return };
        if container.last_status == TaskStatus::Stopped {
            return;
        }
        let text = |given: &Option<String>| given.clone().filter(|text| !text.is_empty());
        container.image_digest = text(&change.image_digest).map(Arc::from).or(container.image_digest.take());
        if let Some(id) = text(&change.runtime_id)
            && container.runtime_id.is_none()
        {
            container.runtime_id = Some(ContainerId(id.into()));
        }
        if let Some(bindings) = change.network_bindings.as_ref().filter(|bindings| !bindings.is_empty())
            && container.network_bindings.is_empty()
        {
            container.network_bindings.clone_from(bindings);
        }
        match change.status.as_deref() {
            Some("RUNNING" | "RESOURCES_PROVISIONED") => {
                container.last_status = container.last_status.max(TaskStatus::Running);
                container.started_at = container.started_at.or(Some(now));
            }
            Some("STOPPED") => {
                container.last_status = TaskStatus::Stopped;
                container.exit_code = change.exit_code.or(container.exit_code);
                container.reason = text(&change.reason).or(container.reason.take());
            }
            _ => {}
        }
    }

    /// There is one managed agent, ECS Exec's: it runs or it can't.
    fn take_managed_agent(&mut self, change: &ManagedAgentStateChange) {
        let name = change.container_name.as_deref().unwrap_or_default();
        let Some(container) = self.containers.iter_mut().find(|container| *container.name == *name) else { return };
        if change.status.as_deref() == Some("STOPPED") && container.last_status == TaskStatus::Running {
            container.exec_impossible = true;
        }
    }

    /// Whether this names an attachment of the task.
    #[must_use]
    pub fn has_attachment(&self, arn: &str) -> bool {
        let id = arn.rsplit('/').next().unwrap_or(arn);
        self.attachment.as_ref().is_some_and(|attachment| attachment.id == id)
    }

    fn take_attachment(&mut self, change: &AttachmentStateChange) {
        let arn = change.attachment_arn.as_deref().unwrap_or_default();
        if !self.has_attachment(arn) {
            return;
        }
        let Some(attachment) = &mut self.attachment else { return };
        if let Some(reported) = change.status.as_deref().and_then(AttachmentStatus::named) {
            attachment.status = attachment.status.max(reported);
        }
    }
}
