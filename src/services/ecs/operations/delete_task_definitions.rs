//! DeleteTaskDefinitions:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
//!
//! Marks revisions for deletion; `task_definition_deletion` removes them when nothing uses them any more.

use api_models::Timestamp;
use api_models::ecs::{
    DeleteTaskDefinitionsError, DeleteTaskDefinitionsRequest, DeleteTaskDefinitionsResponse, Failure,
    InvalidParameterException, TaskDefinition,
};

use crate::identity::Scope;
use crate::services::Context;
use crate::services::ecs::resources::task_definition::request_deletion;
use crate::services::ecs::resources::{TaskDefinitionName, TaskDefinitionStatus};
use crate::store::Transaction;

/// How many revisions one request can name.
const LIMIT: usize = 10;

pub(crate) async fn handle(
    context: Context,
    input: DeleteTaskDefinitionsRequest,
) -> Result<DeleteTaskDefinitionsResponse, DeleteTaskDefinitionsError> {
    let references = input.task_definitions.unwrap_or_default();
    if references.is_empty() {
        return Err(
            InvalidParameterException::new("size of TaskDefinition references list must be greater than 0").into()
        );
    }
    if references.len() > LIMIT {
        return Err(InvalidParameterException::new(format!(
            "Size of TaskDefinition references list cannot exceed {LIMIT}"
        ))
        .into());
    }
    let now = context.now();
    let answer = context
        .store()
        .transact(|tx| {
            let (mut deleted, mut failures) = (Vec::new(), Vec::new());
            for reference in references {
                match delete(tx, &context.scope, &reference, now) {
                    Ok(definition) => deleted.push(definition),
                    Err(reason) => failures.push(Failure {
                        arn: Some(reference),
                        reason: Some(reason.to_owned()),
                        ..Failure::default()
                    }),
                }
            }
            Ok::<_, DeleteTaskDefinitionsError>(DeleteTaskDefinitionsResponse {
                task_definitions: Some(deleted),
                failures: Some(failures),
            })
        })
        .await?;
    Ok(answer)
}

/// The revision as it is once its deletion is asked for, or the reason of the failure.
fn delete(tx: &mut Transaction, scope: &Scope, named: &str, now: Timestamp) -> Result<TaskDefinition, &'static str> {
    let name = TaskDefinitionName::parse(scope, named).filter(|name| {
        !name.family.is_empty() && name.revision.is_some_and(|revision| revision.parse::<i32>().is_ok())
    });
    let name =
        name.ok_or("The specified task definition identifier is invalid. Specify a valid name or ARN and try again.")?;
    let found = name.key(scope).and_then(|key| tx.task_definitions.get(&key).cloned());
    let found = found.ok_or(
        "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
    )?;
    if found.status == TaskDefinitionStatus::Active {
        return Err(
            "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
        );
    }
    Ok(request_deletion(tx, &found, now).render())
}
