//! From what a request calls a secret to the secret: its name, its ARN, or the ARN without the six characters.

use std::sync::Arc;

use api_models::secretsmanager::{CommonError, InvalidRequestException, ResourceNotFoundException};

use super::{CURRENT, Secret, SecretKey, SecretVersion};
use crate::identity::{Arn, Scope};
use crate::store::State;

/// The secret that `id` names in this scope, marked for deletion or not.
///
/// # Errors
/// ResourceNotFoundException when there is none.
pub fn find<'a>(
    state: &'a State,
    scope: &Scope,
    id: Option<&str>,
) -> Result<&'a Arc<Secret>, ResourceNotFoundException> {
    look_up(state, scope, id.unwrap_or_default()).ok_or_else(not_found)
}

/// The secret that `id` names, if it is not marked for deletion.
///
/// # Errors
/// ResourceNotFoundException when there is none, InvalidRequestException when it is marked.
pub fn usable<'a>(state: &'a State, scope: &Scope, id: Option<&str>) -> Result<&'a Arc<Secret>, CommonError> {
    let secret = find(state, scope, id)?;
    not_marked(secret)?;
    Ok(secret)
}

/// # Errors
/// InvalidRequestException when the secret is marked for deletion.
pub fn not_marked(secret: &Secret) -> Result<(), InvalidRequestException> {
    match secret.deletion {
        None => Ok(()),
        Some(_) => Err(InvalidRequestException::new(
            "You can't perform this operation on the secret because it was marked for deletion.",
        )),
    }
}

#[must_use]
pub fn not_found() -> ResourceNotFoundException {
    ResourceNotFoundException::new("Secrets Manager can't find the specified secret.")
}

/// The version that is asked for by its id, its label, or both; AWSCURRENT when by neither.
///
/// # Errors
/// ResourceNotFoundException when there is none, InvalidRequestException when id and label do not belong together.
pub fn pick<'a>(secret: &'a Secret, id: Option<&str>, stage: Option<&str>) -> Result<&'a SecretVersion, CommonError> {
    let missing = |what: String| {
        ResourceNotFoundException::new(format!("Secrets Manager can't find the specified secret value for {what}"))
    };
    let Some(id) = id else {
        let stage = stage.unwrap_or(CURRENT);
        return secret.staged(stage).ok_or_else(|| missing(format!("staging label: {stage}")).into());
    };
    let version = secret.version(id).ok_or_else(|| missing(format!("VersionId: {id}")))?;
    if stage.is_some_and(|stage| !version.has(stage)) {
        let message = "You provided a VersionStage that is not associated to the provided VersionId.";
        return Err(InvalidRequestException::new(message).into());
    }
    Ok(version)
}

fn look_up<'a>(state: &'a State, scope: &Scope, id: &str) -> Option<&'a Arc<Secret>> {
    let by_name = |name: &str| state.secrets.get(&SecretKey::new(scope, name));
    let Ok(arn) = Arn::parse(id) else { return by_name(id) };
    if arn.service != "secretsmanager"
        || arn.region != scope.region.as_str()
        || arn.account != scope.account.to_string()
    {
        return None;
    }
    let named = arn.resource.strip_prefix("secret:")?;
    let whole = named.rsplit_once('-').filter(|(_, suffix)| suffix.len() == 6);
    let found = whole.and_then(|(name, suffix)| by_name(name).filter(|secret| secret.suffix == suffix));
    // A part of the ARN. With a name that itself ends in a hyphen and six characters AWS does not find it; here it is.
    found.or_else(|| by_name(named))
}
