//! DeregisterTaskDefinition:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>

use api_models::ecs::{
    ClientException, CommonError, DeregisterTaskDefinitionError, DeregisterTaskDefinitionRequest,
    DeregisterTaskDefinitionResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::task_definition::deregister;
use crate::services::ecs::resources::{TaskDefinitionName, TaskDefinitionStatus};

pub(crate) async fn handle(
    context: Context,
    input: DeregisterTaskDefinitionRequest,
) -> Result<DeregisterTaskDefinitionResponse, DeregisterTaskDefinitionError> {
    let named = input.task_definition.as_deref().unwrap_or_default();
    if named.trim().is_empty() {
        return Err(InvalidParameterException::new("Task Definition can not be blank.").into());
    }
    let unknown = || {
        ClientException::new(
            "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
        )
    };
    let name = TaskDefinitionName::parse(&context.scope, named).ok_or_else(unknown)?;
    let Some(revision) = name.revision else {
        return Err(ClientException::new("Revision is missing.").into());
    };
    if revision.parse::<i32>().is_err() {
        let message = format!("Invalid revision number. Number: {revision}");
        return Err(InvalidParameterException::new(message).into());
    }
    let key = name.key(&context.scope).ok_or_else(unknown)?;
    let now = context.now();
    let definition = context
        .store()
        .transact(|tx| {
            let found = tx.task_definitions.get(&key).cloned().ok_or_else(unknown)?;
            if found.status == TaskDefinitionStatus::DeleteInProgress {
                return Err(CommonError::from(ClientException::new(
                    "The task definition could not be deregistered because it is in the process of being deleted.",
                )));
            }
            Ok(deregister(tx, &found, now))
        })
        .await?;
    Ok(DeregisterTaskDefinitionResponse { task_definition: Some(Box::new(definition.render())) })
}
