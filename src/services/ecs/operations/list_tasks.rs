//! ListTasks: the ARNs of a cluster's tasks, filtered.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html>

use std::sync::Arc;

use api_models::ecs::{
    DesiredStatus, InvalidParameterException, LaunchType, ListTasksError, ListTasksRequest, ListTasksResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus, check_id, daemon, lookup, service, tasks_after};
use crate::store::State;

fn invalid(message: &str) -> ListTasksError {
    InvalidParameterException::new(message).into()
}

/// By id; tasks that should run, unless `desiredStatus` says STOPPED. No task is ever wanted to be PENDING.
pub(crate) async fn handle(context: Context, input: ListTasksRequest) -> Result<ListTasksResponse, ListTasksError> {
    let launch_type = input.launch_type.as_ref();
    if launch_type.is_some_and(|kind| matches!(kind, LaunchType::Unrecognized(_))) {
        return Err(invalid("launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"));
    }
    let desired = match input.desired_status.as_ref().unwrap_or(&DesiredStatus::Running) {
        DesiredStatus::Running => Some(TaskStatus::Running),
        DesiredStatus::Stopped => Some(TaskStatus::Stopped),
        DesiredStatus::Pending => None,
        DesiredStatus::Unrecognized(_) => {
            return Err(invalid("desiredStatus should be one of [RUNNING,PENDING,STOPPED]"));
        }
    };
    let others = [&input.container_instance, &input.family, &input.service_name, &input.daemon_name];
    if input.started_by.is_some() && (launch_type.is_some() || others.iter().any(|filter| filter.is_some())) {
        return Err(invalid("startedBy must be the only filter. Remove the other filters and try again."));
    }
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let daemon = match &input.daemon_name {
        None => None,
        Some(name) => Some(&daemon::find_named(&state, cluster, name)?.key),
    };
    let service = match &input.service_name {
        None => None,
        Some(named) => Some(service::find::<ListTasksError>(&state, cluster, Some(named))?.key.clone()),
    };
    let instance = match &input.container_instance {
        None => None,
        Some(named) => {
            let id = lookup::id_in_cluster(cluster, "container-instance", named)?;
            if let Some(id) = id {
                check_id("containerInstanceId", id)?;
            }
            // One of another cluster has no tasks here.
            Some(id.unwrap_or_default())
        }
    };
    let page = PageRequest::new("ListTasks", input.max_results, input.next_token.as_deref());
    let after = page.after()?;
    let wanted = |task: &Task| {
        desired == Some(task.desired_status)
            && launch_type.is_none_or(|kind| task.launch_type.as_ref() == Some(kind))
            && input.family.as_deref().is_none_or(|family| *task.task_definition.family == *family)
            && (input.started_by.is_none() || input.started_by.as_deref() == task.started_by.as_deref())
            && instance.is_none_or(|id| task.container_instance.as_ref().is_some_and(|key| *key.id == *id))
    };
    let tasks: Box<dyn Iterator<Item = &Arc<Task>>> = match (&service, daemon) {
        (None, None) => Box::new(tasks_after(&state, cluster, after.as_deref())),
        (Some(service), None) => Box::new(by_id(&state, state.service_tasks.all(service)).into_iter()),
        (None, Some(daemon)) => Box::new(by_id(&state, state.daemon_tasks.all(daemon)).into_iter()),
        // No task belongs to both.
        (Some(_), Some(_)) => Box::new(std::iter::empty()),
    };
    let tasks = tasks.filter(|task| wanted(task));
    let (tasks, next_token) = page.cut(tasks, Order::Ascending, |task| task.key.id.to_string())?;
    Ok(ListTasksResponse { task_arns: Some(tasks.iter().map(|task| task.key.arn()).collect()), next_token })
}

/// The tasks by id.
fn by_id(state: &State, keys: impl Iterator<Item = TaskKey>) -> Vec<&Arc<Task>> {
    let mut tasks: Vec<&Arc<Task>> = keys.filter_map(|key| state.tasks.get(&key)).collect();
    tasks.sort_by(|one, other| one.key.id.cmp(&other.key.id));
    tasks
}
