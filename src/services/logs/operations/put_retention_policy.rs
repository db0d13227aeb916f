//! PutRetentionPolicy: events older than so many days are deleted.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>

use api_models::logs::{CommonError, PutRetentionPolicyError, PutRetentionPolicyRequest, PutRetentionPolicyResponse};

use crate::services::Context;
use crate::services::logs::resources::{names, retention};

pub(crate) async fn handle(
    context: Context,
    input: PutRetentionPolicyRequest,
) -> Result<PutRetentionPolicyResponse, PutRetentionPolicyError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let days = input.retention_in_days.unwrap_or_default();
    retention::check(days)?;
    let days = Some(days);
    let changed = context.logs().update_group(&key, move |settings| settings.retention_days = days).await;
    changed.map_err(CommonError::from)?;
    Ok(PutRetentionPolicyResponse::default())
}
