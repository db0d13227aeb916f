//! ListTagsForResource: the tags of a parameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html>

use api_models::ssm::{
    InvalidResourceId, InvalidResourceType, ListTagsForResourceError, ListTagsForResourceRequest,
    ListTagsForResourceResult, ResourceTypeForTagging, Tag,
};

use crate::services::Context;
use crate::services::ssm::resources::ParameterKey;

pub(crate) async fn handle(
    context: Context,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResult, ListTagsForResourceError> {
    if input.resource_type != Some(ResourceTypeForTagging::Parameter) {
        return Err(InvalidResourceType::default().into());
    }
    let key = ParameterKey::new(&context.scope, input.resource_id.as_deref().unwrap_or_default());
    let state = context.snapshot();
    let parameter = state.parameters.get(&key).ok_or_else(InvalidResourceId::default)?;
    let tags = parameter.tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) });
    Ok(ListTagsForResourceResult { tag_list: Some(tags.collect()) })
}
