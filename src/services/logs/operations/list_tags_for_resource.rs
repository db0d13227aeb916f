//! ListTagsForResource: the tags of a log group, by its ARN.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html>

use api_models::logs::{
    CommonError, ListTagsForResourceError, ListTagsForResourceRequest, ListTagsForResourceResponse,
};

use crate::logstore::LogStoreError;
use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ListTagsForResourceError> {
    let key = names::tagged(&context.scope, input.resource_arn.as_deref().unwrap_or_default())?;
    let group = context.logs().group(&key).await.map_err(CommonError::from)?;
    let group = group.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;
    Ok(ListTagsForResourceResponse { tags: Some(group.settings.tags) })
}
