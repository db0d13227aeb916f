//! TagLogGroup: the older form of TagResource, by the group's name.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagLogGroup.html>

use api_models::logs::{
    CommonError, InvalidParameterException, TagLogGroupError, TagLogGroupRequest, TagLogGroupResponse,
};

use crate::services::Context;
use crate::services::logs::resources::{names, tags};

pub(crate) async fn handle(
    context: Context,
    input: TagLogGroupRequest,
) -> Result<TagLogGroupResponse, TagLogGroupError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    let new = input.tags.unwrap_or_default();
    tags::check(&new)?;
    let fits = context.logs().update_group(&key, move |settings| tags::add(&mut settings.tags, new)).await;
    if !fits.map_err(CommonError::from)? {
        return Err(InvalidParameterException::new("A resource can have no more than 50 tags.").into());
    }
    Ok(TagLogGroupResponse::default())
}
