//! DeleteLogStream: the stream goes, with its events.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogStream.html>

use api_models::logs::{
    CommonError, DeleteLogStreamError, DeleteLogStreamRequest, DeleteLogStreamResponse, ValidationException,
};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: DeleteLogStreamRequest,
) -> Result<DeleteLogStreamResponse, DeleteLogStreamError> {
    let (group, stream) = (input.log_group_name.as_deref(), input.log_stream_name.as_deref());
    let key = names::stream(&context.scope, group, stream)?;
    let group = context.logs().group(&key.group_key()).await.map_err(CommonError::from)?;
    if group.is_some_and(|group| group.settings.deletion_protection) {
        return Err(ValidationException::new(
            "The specified log stream cannot be deleted because deletion protection is enabled for its log group.",
        )
        .into());
    }
    context.logs().delete_stream(&key).await.map_err(CommonError::from)?;
    Ok(DeleteLogStreamResponse::default())
}
