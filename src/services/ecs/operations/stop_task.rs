//! StopTask: a task that should no longer run.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>

use api_models::ecs::{InvalidParameterException, StopTaskError, StopTaskRequest, StopTaskResponse, TaskStopCode};

use crate::services::Context;
use crate::services::ecs::resources::{Named, Task, TaskStatus, find_task, lookup};

const DEFAULT_REASON: &str = "Task stopped by user";
const MAX_REASON: usize = 255;

/// Answers at once; the containers get SIGTERM, and SIGKILL after their stopTimeout. A task that stops already, or
/// has stopped, is answered as it is.
pub(crate) async fn handle(context: Context, input: StopTaskRequest) -> Result<StopTaskResponse, StopTaskError> {
    let named = input
        .task
        .filter(|task| !task.trim().is_empty())
        .ok_or_else(|| InvalidParameterException::new("Task can not be blank."))?;
    let reason = input.reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| DEFAULT_REASON.to_owned());
    if reason.chars().count() > MAX_REASON {
        return Err(InvalidParameterException::new(format!("reason length must be at most {MAX_REASON}")).into());
    }
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let task = match find_task(tx, &cluster, &named)? {
                Named::Found(task) => task.clone(),
                Named::Missing { .. } => {
                    return Err(InvalidParameterException::new("The referenced task was not found.").into());
                }
            };
            if task.desired_status == TaskStatus::Stopped {
                return Ok(StopTaskResponse { task: Some(Box::new(task.to_api(false))) });
            }
            let mut task = Task::clone(&task);
            task.desired_status = TaskStatus::Stopped;
            task.stop_code = Some(TaskStopCode::UserInitiated);
            task.stopped_reason = Some(reason);
            task.stopping_at = Some(context.now());
            task.version += 1;
            let answer = task.to_api(false);
            tx.put(task);
            Ok(StopTaskResponse { task: Some(Box::new(answer)) })
        })
        .await
}
