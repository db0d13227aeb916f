//! DescribeDaemonTaskDefinition: one revision, or the latest ACTIVE one of a family.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeDaemonTaskDefinition.html>

use api_models::ecs::{
    ClientException, DescribeDaemonTaskDefinitionError, DescribeDaemonTaskDefinitionRequest,
    DescribeDaemonTaskDefinitionResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::daemon::task_definition::find;

/// Reads one snapshot. Its sentences follow those of DescribeTaskDefinition.
pub(crate) async fn handle(
    context: Context,
    input: DescribeDaemonTaskDefinitionRequest,
) -> Result<DescribeDaemonTaskDefinitionResponse, DescribeDaemonTaskDefinitionError> {
    let named = input.daemon_task_definition.as_deref().unwrap_or_default();
    if named.trim().is_empty() {
        return Err(InvalidParameterException::new("Daemon Task Definition can not be blank.").into());
    }
    let state = context.snapshot();
    let found = find(&state, &context.scope, named)
        .ok_or_else(|| ClientException::new("Unable to describe daemon task definition."))?;
    let daemon_task_definition = Some(Box::new(found.to_api(context.now())));
    Ok(DescribeDaemonTaskDefinitionResponse { daemon_task_definition })
}
