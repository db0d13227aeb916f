//! UntagResource: removes tags of a log group, by its ARN.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagResource.html>

use api_models::logs::{CommonError, UntagResourceError, UntagResourceRequest, UntagResourceResponse};

use crate::services::Context;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, UntagResourceError> {
    let key = names::tagged(&context.scope, input.resource_arn.as_deref().unwrap_or_default())?;
    let gone = input.tag_keys.unwrap_or_default();
    let changed = context.logs().update_group(&key, move |settings| settings.tags.retain(|key, _| !gone.contains(key)));
    changed.await.map_err(CommonError::from)?;
    Ok(UntagResourceResponse::default())
}
