//! Scale-in protection: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html>

use std::sync::Arc;
use std::time::Duration;

use api_models::ecs::{
    CommonError, Failure, InvalidParameterException, ProtectedTask, UpdateTaskProtectionError,
    UpdateTaskProtectionRequest, UpdateTaskProtectionResponse,
};

use super::{ClusterKey, Named, Protection, Task, TaskStatus, find_task, lookup};
use crate::services::Context;
use crate::store::State;
use crate::time::Timestamp;

const MAX_TASKS: usize = 10;
const MAX_MINUTES: u32 = 2880;
const DEFAULT_MINUTES: u32 = 120;

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

fn invalid(message: impl Into<String>) -> UpdateTaskProtectionError {
    InvalidParameterException::new(message).into()
}

/// What UpdateTaskProtection does, which a task can ask for from inside too.
///
/// # Errors
/// Those of the operation.
pub async fn update(
    context: &Context,
    input: UpdateTaskProtectionRequest,
) -> Result<UpdateTaskProtectionResponse, UpdateTaskProtectionError> {
    let named = input.tasks.unwrap_or_default();
    if named.is_empty() {
        return Err(invalid("Tasks cannot be empty."));
    }
    if named.len() > MAX_TASKS {
        return Err(invalid(format!("Tasks cannot have more than {MAX_TASKS} elements.")));
    }
    let enabled = input.protection_enabled.ok_or_else(|| invalid("protectionEnabled can not be blank."))?;
    let minutes = match input.expires_in_minutes {
        None => DEFAULT_MINUTES,
        Some(given) => u32::try_from(given)
            .ok()
            .filter(|minutes| (1..=MAX_MINUTES).contains(minutes))
            .ok_or_else(|| invalid(format!("expiresInMinutes must be between 1 and {MAX_MINUTES}.")))?,
    };
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let (mut protected, mut failures) = (Vec::new(), Vec::new());
            for named in &named {
                let mut task = match find(tx, &cluster, named)? {
                    Ok(task) => Task::clone(task),
                    Err(failure) => {
                        failures.push(failure);
                        continue;
                    }
                };
                let expires_at = now.saturating_add(Duration::from_secs(u64::from(minutes) * 60));
                task.protection = enabled.then_some(Protection { expires_at });
                protected.push(rendered(&task, now));
                tx.put(task);
            }
            Ok(UpdateTaskProtectionResponse { protected_tasks: Some(protected), failures: Some(failures) })
        })
        .await
}
