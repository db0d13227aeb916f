//! CreateSecret: a new secret, with a first version when there is a value.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>

use std::collections::BTreeMap;

use api_models::secretsmanager::{
    CreateSecretError, CreateSecretRequest, CreateSecretResponse, InvalidParameterException, InvalidRequestException,
    ResourceExistsException,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::{
    Secret, SecretKey, VersionWanted, check_name, checked_tags, given_value, wanted_version,
};

/// What an ARN ends with, after the secret's name and a hyphen.
const SUFFIX_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SUFFIX_LENGTH: usize = 6;

pub(crate) async fn handle(
    context: Context,
    input: CreateSecretRequest,
) -> Result<CreateSecretResponse, CreateSecretError> {
    let name = input.name.unwrap_or_default();
    check_name(&name)?;
    let replicas = input.add_replica_regions.is_some_and(|regions| !regions.is_empty());
    if replicas || input.cross_account_primary_arn.is_some() {
        return Err(InvalidParameterException::new("LocalECS does not replicate secrets to other regions.").into());
    }
    if input.r#type.is_some_and(|of| !of.is_empty()) {
        return Err(InvalidParameterException::new("LocalECS does not have secrets of other services (Type).").into());
    }
    let tags = checked_tags(&BTreeMap::new(), input.tags.unwrap_or_default())?;
    let wanted = given_value(input.secret_string, input.secret_binary)?.map(|value| VersionWanted {
        id: input.client_request_token.unwrap_or_else(|| context.ids().uuid()),
        value,
        stages: Vec::new(),
    });
    let key = SecretKey::new(&context.scope, &name);
    let now = context.now();
    let suffix = context.ids().characters(SUFFIX_LETTERS, SUFFIX_LENGTH);
    context
        .store()
        .transact(|tx| {
            if let Some(present) = tx.secrets.get(&key) {
                return again(present, wanted.as_ref());
            }
            let mut secret = Secret {
                key,
                suffix,
                description: input.description.filter(|text| !text.is_empty()),
                kms_key_id: input.kms_key_id.filter(|id| !id.is_empty()),
                tags,
                policy: None,
                versions: Vec::new(),
                created_at: now,
                changed_at: now,
                accessed_on: None,
                deletion: None,
            };
            let version_id = wanted.as_ref().map(|wanted| wanted.id.clone());
            if let Some(wanted) = wanted {
                secret.add_version(wanted, now);
            }
            let response = answer(&secret, version_id);
            tx.put(secret);
            Ok(response)
        })
        .await
}

/// There is a secret of that name: the request may be the one that made it, once more.
fn again(present: &Secret, wanted: Option<&VersionWanted>) -> Result<CreateSecretResponse, CreateSecretError> {
    if present.deletion.is_some() {
        return Err(InvalidRequestException::new(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
        .into());
    }
    if let Some(wanted) = wanted
        && !wanted_version(present, wanted)?
    {
        return Ok(answer(present, Some(wanted.id.clone())));
    }
    let message = format!("The operation failed because the secret {} already exists.", present.key.name);
    Err(ResourceExistsException::new(message).into())
}

fn answer(secret: &Secret, version_id: Option<String>) -> CreateSecretResponse {
    CreateSecretResponse {
        arn: Some(secret.arn()),
        name: Some(secret.key.name.to_string()),
        version_id,
        replication_status: None,
    }
}

#[cfg(test)]
mod tests;
