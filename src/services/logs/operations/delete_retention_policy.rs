//! DeleteRetentionPolicy: events are kept for ever.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html>

use api_models::logs::{
    CommonError, DeleteRetentionPolicyError, DeleteRetentionPolicyRequest, DeleteRetentionPolicyResponse,
};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: DeleteRetentionPolicyRequest,
) -> Result<DeleteRetentionPolicyResponse, DeleteRetentionPolicyError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let changed = context.logs().update_group(&key, |settings| settings.retention_days = None).await;
    changed.map_err(CommonError::from)?;
    Ok(DeleteRetentionPolicyResponse::default())
}
