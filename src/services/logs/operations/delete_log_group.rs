//! DeleteLogGroup: the group goes, with its streams and events.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html>

use api_models::logs::{
    CommonError, DeleteLogGroupError, DeleteLogGroupRequest, DeleteLogGroupResponse, ValidationException,
};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: DeleteLogGroupRequest,
) -> Result<DeleteLogGroupResponse, DeleteLogGroupError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let group = context.logs().group(&key).await.map_err(CommonError::from)?;
    if group.is_some_and(|group| group.settings.deletion_protection) {
        return Err(ValidationException::new(
            "The specified log group cannot be deleted because deletion protection is enabled.",
        )
        .into());
    }
    context.logs().delete_group(&key).await.map_err(CommonError::from)?;
    Ok(DeleteLogGroupResponse::default())
}
