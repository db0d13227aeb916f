//! DeleteTags: tags of instances and launch templates go.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>

use api_models::ec2::{CommonError, DeleteTagsError, DeleteTagsRequest, DeleteTagsResponse};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry};
use crate::services::ec2::resources::tags;

/// A tag with a value goes only if it has that value; without any tag, all go but AWS's own.
pub(crate) async fn handle(context: Context, input: DeleteTagsRequest) -> Result<DeleteTagsResponse, DeleteTagsError> {
    let given = input.tags.unwrap_or_default();
    let resources = input.resources.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("ResourceId"))?;
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            for id in &resources {
                tags::change(tx, &context.scope, id, |all| {
                    tags::remove(all, &given);
                    Ok(())
                })?;
            }
            Ok(unless_dry(input.dry_run)?)
        })
        .await?;
    Ok(DeleteTagsResponse {})
}
