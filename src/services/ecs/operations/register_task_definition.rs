//! RegisterTaskDefinition:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>

use api_models::Unexpected;
use api_models::ecs::{RegisterTaskDefinitionError, RegisterTaskDefinitionRequest, RegisterTaskDefinitionResponse};

use crate::services::Context;
use crate::services::ecs::resources::task_definition::{prepare, register};

pub(crate) async fn handle(
    context: Context,
    input: RegisterTaskDefinitionRequest,
) -> Result<RegisterTaskDefinitionResponse, RegisterTaskDefinitionError> {
    let prepared = prepare(input, &context.scope)?;
    let now = context.now();
    let definition = context.store().transact(|tx| Ok::<_, Unexpected>(register(tx, &prepared, now))).await?;
    Ok(RegisterTaskDefinitionResponse {
        task_definition: Some(Box::new(definition.render_of(prepared.definition))),
        tags: (!prepared.tags.is_empty()).then_some(prepared.tags),
    })
}
