//! DeleteSecret: marks a secret for deletion, or deletes it at once.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>

use std::time::Duration;

use api_models::secretsmanager::{
    DeleteSecretError, DeleteSecretRequest, DeleteSecretResponse, InvalidParameterException,
};

use crate::identity::Arn;
use crate::services::Context;
use crate::services::secretsmanager::resources::{Deletion, Secret, find, not_marked};

const DAY: Duration = Duration::from_secs(24 * 3600);
const DEFAULT_WINDOW: u32 = 30;

pub(crate) async fn handle(
    context: Context,
    input: DeleteSecretRequest,
) -> Result<DeleteSecretResponse, DeleteSecretError> {
    let force = input.force_delete_without_recovery == Some(true);
    if force && input.recovery_window_in_days.is_some() {
        let message = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
        return Err(InvalidParameterException::new(message).into());
    }
    let days = match input.recovery_window_in_days {
        None => DEFAULT_WINDOW,
        Some(days) => u32::try_from(days).ok().filter(|days| (7..=30).contains(days)).ok_or_else(|| {
            InvalidParameterException::new("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
        })?,
    };
    let now = context.now();
    let id = input.secret_id.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let mut secret = match find(tx, &context.scope, Some(&id)) {
                Ok(secret) => Secret::clone(secret),
                // One that is gone already, perhaps: AWS answers that it will be deleted.
                Err(_) if force => return Ok(of_nothing(&context, &id)),
                Err(error) => return Err(error.into()),
            };
            let due = if force { now } else { now.saturating_add(DAY * days) };
            let response = DeleteSecretResponse {
                arn: Some(secret.arn()),
                name: Some(secret.key.name.to_string()),
                deletion_date: Some(due),
            };
            if force {
                tx.delete::<Secret>(&secret.key);
            } else {
                not_marked(&secret)?;
                secret.deletion = Some(Deletion { asked_at: now, due });
                tx.put(secret);
            }
            Ok(response)
        })
        .await
}

fn of_nothing(context: &Context, id: &str) -> DeleteSecretResponse {
    let is_arn = Arn::parse(id).is_ok();
    let suffix = context.ids().hex(6);
    let arn = if is_arn { id.to_owned() } else { context.scope.arn("secretsmanager", &["secret:", id, "-", &suffix]) };
    DeleteSecretResponse { arn: Some(arn), name: Some(id.to_owned()), deletion_date: Some(context.now()) }
}
