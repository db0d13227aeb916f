//! DescribeTasks: up to 100 tasks by id or ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>

use api_models::ecs::{
    DescribeTasksError, DescribeTasksRequest, DescribeTasksResponse, InvalidParameterException, TaskField,
};

use crate::services::Context;
use crate::services::ecs::resources::{Named, find_task, lookup};

const MAX_TASKS: usize = 100;

/// Reads one snapshot. Tasks that are not there, or no longer, are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeTasksRequest,
) -> Result<DescribeTasksResponse, DescribeTasksError> {
    let named = input.tasks.unwrap_or_default();
    if named.is_empty() {
        return Err(InvalidParameterException::new("Tasks cannot be empty.").into());
    }
    if named.len() > MAX_TASKS {
        let message = format!("Tasks cannot have more than {MAX_TASKS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let include = input.include.unwrap_or_default();
    if include.iter().any(|field| matches!(field, TaskField::Unrecognized(_))) {
        return Err(InvalidParameterException::new("include should be one of [TAGS]").into());
    }
    let tags = include.contains(&TaskField::Tags);
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let (mut tasks, mut failures) = (Vec::with_capacity(named.len()), Vec::new());
    for named in &named {
        match find_task(&state, cluster, named)? {
            Named::Found(task) => tasks.push(task.to_api(tags)),
            Named::Missing { arn } => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeTasksResponse { tasks: Some(tasks), failures: Some(failures) })
}
