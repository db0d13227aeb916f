//! CreateLogStream: a new, empty stream of a group.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html>

use api_models::logs::{
    CommonError, CreateLogStreamError, CreateLogStreamRequest, CreateLogStreamResponse, ResourceAlreadyExistsException,
};

use crate::logstore::LogStoreError;
use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: CreateLogStreamRequest,
) -> Result<CreateLogStreamResponse, CreateLogStreamError> {
    let (group, stream) = (input.log_group_name.as_deref(), input.log_stream_name.as_deref());
    let key = names::stream(&context.scope, group, stream)?;
    match context.logs().create_stream(&key).await {
        Ok(()) => Ok(CreateLogStreamResponse::default()),
        Err(error @ LogStoreError::StreamExists) => Err(ResourceAlreadyExistsException::new(error.to_string()).into()),
        Err(error) => Err(CommonError::from(error).into()),
    }
}
