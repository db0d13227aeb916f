//! DescribeTaskDefinition:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html>

use api_models::ecs::{
    ClientException, DescribeTaskDefinitionError, DescribeTaskDefinitionRequest, DescribeTaskDefinitionResponse,
    InvalidParameterException, TaskDefinition, TaskDefinitionField,
};

use crate::services::Context;
use crate::services::ecs::resources::find_task_definition;

pub(crate) async fn handle(
    context: Context,
    input: DescribeTaskDefinitionRequest,
) -> Result<DescribeTaskDefinitionResponse, DescribeTaskDefinitionError> {
    let named = input.task_definition.as_deref().unwrap_or_default();
    if named.trim().is_empty() {
        return Err(InvalidParameterException::new("Task Definition can not be blank.").into());
    }
    let state = context.snapshot();
    let found = find_task_definition(&state, &context.scope, named)
        .ok_or_else(|| ClientException::new("Unable to describe task definition."))?;
    let with_tags = input.include.is_some_and(|include| include.contains(&TaskDefinitionField::Tags));
    Ok(DescribeTaskDefinitionResponse {
        // What is described once is often described again: `clone` keeps it unpacked.
        task_definition: Some(Box::new(found.render_of(TaskDefinition::clone(&found.definition)))),
        tags: Some(if with_tags { found.tags.clone() } else { Vec::new() }),
    })
}
