//! Scale-in protection: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html>

use std::sync::Arc;

use api_models::ecs::{CommonError, Failure, ProtectedTask};

use super::{ClusterKey, Named, Task, TaskStatus, find_task, lookup};
use crate::store::State;
use crate::time::Timestamp;

/// The task of a service that `named` means, or why it can't be protected.
///
/// # Errors
/// InvalidParameterException for what can't be a task's id or ARN.
pub fn find<'a>(
    state: &'a State,
    cluster: &ClusterKey,
    named: &str,
) -> Result<Result<&'a Arc<Task>, Failure>, CommonError> {
    let task = match find_task(state, cluster, named)? {
        Named::Missing { arn } => return Ok(Err(lookup::missing(arn))),
        Named::Found(task) => task,
    };
    let detail = if !task.group.starts_with("service:") {
        "The specified task is not part of an Amazon ECS service. Only Amazon ECS service-managed tasks can be \
         protected."
    } else if task.desired_status == TaskStatus::Stopped {
        "The specified task is stopped or being stopped. Specify a running task and try again."
    } else {
        return Ok(Ok(task));
    };
    Ok(Err(Failure {
        arn: Some(task.key.arn()),
        reason: Some("TASK_NOT_VALID".to_owned()),
        detail: Some(detail.to_owned()),
    }))
}

/// A task's protection as the API shows it.
#[must_use]
pub fn rendered(task: &Task, now: Timestamp) -> ProtectedTask {
    let expires_at = task.protection.map(|protection| protection.expires_at).filter(|expiry| *expiry > now);
    ProtectedTask {
        task_arn: Some(task.key.arn()),
        protection_enabled: Some(expires_at.is_some()),
        expiration_date: expires_at,
    }
}
