//! UpdateTaskProtection: protects tasks of services from scale-in for a while, or no longer.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html>

use std::time::Duration;

use api_models::ecs::{
    InvalidParameterException, UpdateTaskProtectionError, UpdateTaskProtectionRequest, UpdateTaskProtectionResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::{Protection, Task, lookup, protection};

const MAX_TASKS: usize = 10;
const MAX_MINUTES: u32 = 2880;
const DEFAULT_MINUTES: u32 = 120;

fn invalid(message: impl Into<String>) -> UpdateTaskProtectionError {
    InvalidParameterException::new(message).into()
}

/// Protects for 2 hours unless the request says otherwise; a task that is protected gets the new expiry.
pub(crate) async fn handle(
    context: Context,
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
                let mut task = match protection::find(tx, &cluster, named)? {
                    Ok(task) => Task::clone(task),
                    Err(failure) => {
                        failures.push(failure);
                        continue;
                    }
                };
                let expires_at = now.saturating_add(Duration::from_secs(u64::from(minutes) * 60));
                task.protection = enabled.then_some(Protection { expires_at });
                protected.push(protection::rendered(&task, now));
                tx.put(task);
            }
            Ok(UpdateTaskProtectionResponse { protected_tasks: Some(protected), failures: Some(failures) })
        })
        .await
}
