//! UpdateSecret: another description or key, and a new version when there is a value.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html>

use api_models::secretsmanager::{
    InvalidParameterException, ResourceExistsException, UpdateSecretError, UpdateSecretRequest, UpdateSecretResponse,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, VersionWanted, given_value, usable};

pub(crate) async fn handle(
    context: Context,
    input: UpdateSecretRequest,
) -> Result<UpdateSecretResponse, UpdateSecretError> {
    if input.r#type.is_some_and(|of| !of.is_empty()) {
        return Err(InvalidParameterException::new("LocalECS does not have secrets of other services (Type).").into());
    }
    let value = given_value(input.secret_string, input.secret_binary)?;
    let id = input.client_request_token.unwrap_or_else(|| context.ids().uuid());
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            if value.is_some() && secret.version(&id).is_some() {
                // Even with the same value, unlike PutSecretValue.
                return Err(ResourceExistsException::new(format!(
                    "You can't use ClientRequestToken {id} because that value is already in use for a version of \
                     secret {}.",
                    secret.arn()
                ))
                .into());
            }
            if let Some(description) = input.description {
                secret.description = Some(description).filter(|text| !text.is_empty());
            }
            if let Some(key) = input.kms_key_id {
                secret.kms_key_id = Some(key).filter(|id| !id.is_empty());
            }
            secret.changed_at = now;
            let version_id = value.is_some().then(|| id.clone());
            if let Some(value) = value {
                secret.add_version(VersionWanted { id, value, stages: Vec::new() }, now);
            }
            let response =
                UpdateSecretResponse { arn: Some(secret.arn()), name: Some(secret.key.name.to_string()), version_id };
            tx.put(secret);
            Ok(response)
        })
        .await
}
