//! UpdateSecretVersionStage: moves a staging label from one version to another.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>

use api_models::secretsmanager::{
    InvalidParameterException, UpdateSecretVersionStageError, UpdateSecretVersionStageRequest,
    UpdateSecretVersionStageResponse,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::{CURRENT, Secret, usable};

pub(crate) async fn handle(
    context: Context,
    input: UpdateSecretVersionStageRequest,
) -> Result<UpdateSecretVersionStageResponse, UpdateSecretVersionStageError> {
    let now = context.now();
    let stage = input.version_stage.unwrap_or_default();
    let (from, to) = (input.remove_from_version_id.as_deref(), input.move_to_version_id.as_deref());
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            check(&secret, &stage, from, to)?;
            match to {
                Some(to) => secret.attach(&stage, to),
                None => secret.detach(&stage),
            }
            secret.changed_at = now;
            let response =
                UpdateSecretVersionStageResponse { arn: Some(secret.arn()), name: Some(secret.key.name.to_string()) };
            tx.put(secret);
            Ok(response)
        })
        .await
}

fn check(secret: &Secret, stage: &str, from: Option<&str>, to: Option<&str>) -> Result<(), InvalidParameterException> {
    let refuse = |message: String| Err(InvalidParameterException::new(message));
    if let Some(unknown) = [from, to].into_iter().flatten().find(|id| secret.version(id).is_none()) {
        return refuse(format!("Not a valid version: {unknown}"));
    }
    let holder = secret.staged(stage).map(|version| version.id.as_str());
    match (holder, from, to) {
        (_, None, None) => {
            // (ours)
            refuse("You must provide RemoveFromVersionId, MoveToVersionId, or both.".into())
        }
        (Some(holder), None, Some(to)) if holder != to => refuse(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
             {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )),
        (holder, Some(from), _) if holder != Some(from) => {
            refuse(format!("Version stage {stage} not found in version {from}"))
        }
        (Some(_), Some(_), None) if stage == CURRENT => refuse(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely \
             removed."
                .into(),
        ),
        _ => Ok(()),
    }
}
