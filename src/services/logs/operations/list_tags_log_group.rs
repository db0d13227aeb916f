//! ListTagsLogGroup: the older form of ListTagsForResource, by the group's name.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsLogGroup.html>

use api_models::logs::{CommonError, ListTagsLogGroupError, ListTagsLogGroupRequest, ListTagsLogGroupResponse};

use crate::logstore::LogStoreError;
use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: ListTagsLogGroupRequest,
) -> Result<ListTagsLogGroupResponse, ListTagsLogGroupError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let group = context.logs().group(&key).await.map_err(CommonError::from)?;
    let group = group.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;
    Ok(ListTagsLogGroupResponse { tags: Some(group.settings.tags) })
}
