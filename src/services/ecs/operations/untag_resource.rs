//! UntagResource: fewer tags.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UntagResource.html>

use api_models::ecs::{InvalidParameterException, UntagResourceError, UntagResourceRequest, UntagResourceResponse};

use crate::services::Context;
use crate::services::ecs::resources::taggable::Taggable;
use crate::services::ecs::resources::tags;

/// A key that the resource does not have is fine.
pub(crate) async fn handle(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, UntagResourceError> {
    let keys = input.tag_keys.unwrap_or_default();
    if keys.is_empty() {
        return Err(InvalidParameterException::new("Tag keys can not be empty.").into());
    }
    for key in &keys {
        tags::validate_key(key)?;
    }
    context
        .store()
        .transact(|tx| {
            let resource = Taggable::find(tx, &context.scope, input.resource_arn.as_deref())?;
            resource.check_changeable(tx)?;
            let mut left = resource.tags(tx);
            left.retain(|tag| !tag.key.as_ref().is_some_and(|key| keys.contains(key)));
            resource.set_tags(tx, left);
            Ok(UntagResourceResponse::default())
        })
        .await
}
