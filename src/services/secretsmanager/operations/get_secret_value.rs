//! GetSecretValue: a version of a secret, its value readable.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>

use api_models::secretsmanager::{GetSecretValueError, GetSecretValueRequest, GetSecretValueResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, day, pick, usable};

pub(crate) async fn handle(
    context: Context,
    input: GetSecretValueRequest,
) -> Result<GetSecretValueResponse, GetSecretValueError> {
    let state = context.snapshot();
    let secret = usable(&state, &context.scope, input.secret_id.as_deref())?;
    let version = pick(secret, input.version_id.as_deref(), input.version_stage.as_deref())?;
    note_access(&context, secret, &version.id).await?;
    Ok(secret.value_to_api(version))
}

/// Notes the day on which the version was read; that is one write a day.
pub(super) async fn note_access(
    context: &Context,
    secret: &Secret,
    version_id: &str,
) -> Result<(), api_models::Unexpected> {
    let today = Some(day(context.now()));
    if secret.accessed_on == today && secret.version(version_id).is_some_and(|version| version.accessed_on == today) {
        return Ok(());
    }
    context
        .store()
        .transact(|tx| {
            tx.update(&secret.key, |secret: &mut Secret| {
                secret.accessed_on = today;
                for version in secret.versions.iter_mut().filter(|version| version.id == version_id) {
                    version.accessed_on = today;
                }
                true
            });
            Ok(())
        })
        .await
}
