//! UntagLogGroup: the older form of UntagResource, by the group's name.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagLogGroup.html>

use api_models::logs::{CommonError, UntagLogGroupError, UntagLogGroupRequest, UntagLogGroupResponse};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: UntagLogGroupRequest,
) -> Result<UntagLogGroupResponse, UntagLogGroupError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let gone = input.tags.unwrap_or_default();
    let changed = context.logs().update_group(&key, move |settings| settings.tags.retain(|key, _| !gone.contains(key)));
    changed.await.map_err(CommonError::from)?;
    Ok(UntagLogGroupResponse::default())
}
