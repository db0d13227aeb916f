//! PutSecretValue: a new version of a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>

use api_models::secretsmanager::{
    InvalidParameterException, PutSecretValueError, PutSecretValueRequest, PutSecretValueResponse,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, VersionWanted, given_value, usable, wanted_version};

pub(crate) async fn handle(
    context: Context,
    input: PutSecretValueRequest,
) -> Result<PutSecretValueResponse, PutSecretValueError> {
    let value = given_value(input.secret_string, input.secret_binary)?
        .ok_or_else(|| InvalidParameterException::new("You must provide either SecretString or SecretBinary."))?;
    let id = input.client_request_token.unwrap_or_else(|| context.ids().uuid());
    let wanted = VersionWanted { id: id.clone(), value, stages: input.version_stages.unwrap_or_default() };
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            let is_new = wanted_version(&secret, &wanted)?;
            if is_new {
                secret.add_version(wanted, now);
            }
            let stages = secret.version(&id).map(|version| version.stages.clone());
            let response = PutSecretValueResponse {
                arn: Some(secret.arn()),
                name: Some(secret.key.name.to_string()),
                version_id: Some(id),
                version_stages: stages.filter(|stages| !stages.is_empty()),
            };
            if is_new {
                tx.put(secret);
            }
            Ok(response)
        })
        .await
}
