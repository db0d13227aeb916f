//! ListTagsForResource: a resource's tags.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTagsForResource.html>

use api_models::ecs::{ListTagsForResourceError, ListTagsForResourceRequest, ListTagsForResourceResponse};

use crate::services::Context;
use crate::services::ecs::resources::taggable::Taggable;

/// Also of what is INACTIVE or has stopped, as long as it can be described.
pub(crate) async fn handle(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ListTagsForResourceError> {
    let state = context.snapshot();
    let resource = Taggable::find(&state, &context.scope, input.resource_arn.as_deref())?;
    Ok(ListTagsForResourceResponse { tags: Some(resource.tags(&state)) })
}
