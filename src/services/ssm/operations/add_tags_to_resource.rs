//! AddTagsToResource: more tags for a parameter, or new values for those it has.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html>

use api_models::ssm::{
    AddTagsToResourceError, AddTagsToResourceRequest, AddTagsToResourceResult, InvalidResourceId, InvalidResourceType,
    ResourceTypeForTagging, TooManyTagsError,
};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey, checked_tags};

pub(crate) async fn handle(
    context: Context,
    input: AddTagsToResourceRequest,
) -> Result<AddTagsToResourceResult, AddTagsToResourceError> {
    if input.resource_type != Some(ResourceTypeForTagging::Parameter) {
        return Err(InvalidResourceType::default().into());
    }
    let key = ParameterKey::new(&context.scope, input.resource_id.as_deref().unwrap_or_default());
    let given = input.tags.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let present = tx.parameters.get(&key).ok_or_else(InvalidResourceId::default)?;
            let tags = checked_tags(&present.tags, given)?.ok_or_else(TooManyTagsError::default)?;
            let parameter = Parameter { tags, ..Parameter::clone(present) };
            tx.put(parameter);
            Ok(AddTagsToResourceResult::default())
        })
        .await
}
