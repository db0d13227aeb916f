//! RemoveTagsFromResource: takes tags from a parameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RemoveTagsFromResource.html>

use api_models::ssm::{
    InvalidResourceId, InvalidResourceType, RemoveTagsFromResourceError, RemoveTagsFromResourceRequest,
    RemoveTagsFromResourceResult, ResourceTypeForTagging,
};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey};

pub(crate) async fn handle(
    context: Context,
    input: RemoveTagsFromResourceRequest,
) -> Result<RemoveTagsFromResourceResult, RemoveTagsFromResourceError> {
    if input.resource_type != Some(ResourceTypeForTagging::Parameter) {
        return Err(InvalidResourceType::default().into());
    }
    let key = ParameterKey::new(&context.scope, input.resource_id.as_deref().unwrap_or_default());
    let keys = input.tag_keys.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let present = tx.parameters.get(&key).ok_or_else(InvalidResourceId::default)?;
            let mut parameter = Parameter::clone(present);
            parameter.tags.retain(|key, _| !keys.contains(key));
            tx.put(parameter);
            Ok(RemoveTagsFromResourceResult::default())
        })
        .await
}
