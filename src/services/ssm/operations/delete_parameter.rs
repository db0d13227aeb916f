//! DeleteParameter: deletes a parameter with its history.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameter.html>

use api_models::ssm::{DeleteParameterError, DeleteParameterRequest, DeleteParameterResult, ParameterNotFound};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey};

pub(crate) async fn handle(
    context: Context,
    input: DeleteParameterRequest,
) -> Result<DeleteParameterResult, DeleteParameterError> {
    let key = ParameterKey::new(&context.scope, input.name.as_deref().unwrap_or_default());
    context
        .store()
        .transact(|tx| match tx.delete::<Parameter>(&key) {
            Some(_) => Ok(DeleteParameterResult::default()),
            None => Err(ParameterNotFound::default().into()),
        })
        .await
}
