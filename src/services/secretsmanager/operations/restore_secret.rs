//! RestoreSecret: takes the mark for deletion from a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RestoreSecret.html>

use api_models::secretsmanager::{RestoreSecretError, RestoreSecretRequest, RestoreSecretResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, find};

pub(crate) async fn handle(
    context: Context,
    input: RestoreSecretRequest,
) -> Result<RestoreSecretResponse, RestoreSecretError> {
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(find(tx, &context.scope, input.secret_id.as_deref())?);
            let response = RestoreSecretResponse { arn: Some(secret.arn()), name: Some(secret.key.name.to_string()) };
            if secret.deletion.take().is_some() {
                tx.put(secret);
            }
            Ok(response)
        })
        .await
}
