//! DeleteDaemonTaskDefinition: no new daemon can use the revision; those that do go on.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteDaemonTaskDefinition.html>

use api_models::ecs::{
    ClientException, DeleteDaemonTaskDefinitionError, DeleteDaemonTaskDefinitionRequest,
    DeleteDaemonTaskDefinitionResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::DaemonTaskDefinition;
use crate::services::ecs::resources::daemon::task_definition::key_of;

/// All sentences follow the pattern of ECS's own.
pub(crate) async fn handle(
    context: Context,
    input: DeleteDaemonTaskDefinitionRequest,
) -> Result<DeleteDaemonTaskDefinitionResponse, DeleteDaemonTaskDefinitionError> {
    let named = input.daemon_task_definition.as_deref().unwrap_or_default();
    if named.trim().is_empty() {
        return Err(InvalidParameterException::new("Daemon Task Definition can not be blank.").into());
    }
    if !named.rsplit('/').next().is_some_and(|name| name.contains(':')) {
        return Err(InvalidParameterException::new("Revision can not be blank.").into());
    }
    let missing = || ClientException::new("Unable to describe daemon task definition.");
    let key = key_of(&context.scope, named).ok_or_else(missing)?;
    context
        .store()
        .transact(|tx| {
            let found = tx.daemon_task_definitions.get(&key).ok_or_else(missing)?;
            if found.delete_requested_at.is_some() {
                return Err(ClientException::new("The daemon task definition must be ACTIVE to be deleted.").into());
            }
            let mut definition = DaemonTaskDefinition::clone(found);
            definition.delete_requested_at = Some(context.now());
            tx.put(definition);
            Ok(DeleteDaemonTaskDefinitionResponse { daemon_task_definition_arn: Some(key.arn()) })
        })
        .await
}
