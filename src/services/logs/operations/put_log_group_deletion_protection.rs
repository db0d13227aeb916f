//! PutLogGroupDeletionProtection: whether DeleteLogGroup (and DeleteLogStream) is refused.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogGroupDeletionProtection.html>

use api_models::logs::{
    CommonError, PutLogGroupDeletionProtectionError, PutLogGroupDeletionProtectionRequest,
    PutLogGroupDeletionProtectionResponse,
};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: PutLogGroupDeletionProtectionRequest,
) -> Result<PutLogGroupDeletionProtectionResponse, PutLogGroupDeletionProtectionError> {
    let key = names::identified(&context.scope, input.log_group_identifier.as_deref().unwrap_or_default())?;
    let enabled = input.deletion_protection_enabled.unwrap_or(false);
    let changed = context.logs().update_group(&key, move |settings| settings.deletion_protection = enabled).await;
    changed.map_err(CommonError::from)?;
    Ok(PutLogGroupDeletionProtectionResponse::default())
}
