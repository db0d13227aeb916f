//! GetTaskProtection: which tasks of services are protected from scale-in, and until when.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_GetTaskProtection.html>

use api_models::ecs::{
    GetTaskProtectionError, GetTaskProtectionRequest, GetTaskProtectionResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::{lookup, protection};

const MAX_TASKS: usize = 100;

/// Reads one snapshot. Protection that has expired is none.
pub(crate) async fn handle(
    context: Context,
    input: GetTaskProtectionRequest,
) -> Result<GetTaskProtectionResponse, GetTaskProtectionError> {
    let named = input.tasks.unwrap_or_default();
    if named.is_empty() {
        return Err(InvalidParameterException::new("Tasks cannot be empty.").into());
    }
    if named.len() > MAX_TASKS {
        let message = format!("Tasks cannot have more than {MAX_TASKS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let (mut protected, mut failures) = (Vec::new(), Vec::new());
    for named in &named {
        match protection::find(&state, cluster, named)? {
            Ok(task) => protected.push(protection::rendered(task, context.now())),
            Err(failure) => failures.push(failure),
        }
    }
    Ok(GetTaskProtectionResponse { protected_tasks: Some(protected), failures: Some(failures) })
}
