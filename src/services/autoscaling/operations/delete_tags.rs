//! DeleteTags: tags of groups go.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteTags.html>

use api_models::autoscaling::{CommonError, DeleteTagsError, DeleteTagsResponse, DeleteTagsType};

use crate::services::Context;
use crate::services::autoscaling::resources::{change, tags};

/// A tag with a value goes only if it has that value.
pub(crate) async fn handle(context: Context, input: DeleteTagsType) -> Result<DeleteTagsResponse, DeleteTagsError> {
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            for tag in input.tags.unwrap_or_default() {
                let name = tags::group_name(&tag)?.to_owned();
                change::change(tx, &context.scope, &name, |group| {
                    let key = tag.key.unwrap_or_default();
                    let other = |value: &String| group.tags.get(&key).is_some_and(|known| known.value != *value);
                    if !tag.value.as_ref().is_some_and(other) {
                        group.tags.remove(&key);
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })
        .await?;
    Ok(DeleteTagsResponse {})
}
