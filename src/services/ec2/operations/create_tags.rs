//! CreateTags: tags of instances and launch templates.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>

use api_models::ec2::{CommonError, CreateTagsError, CreateTagsRequest, CreateTagsResponse};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry};
use crate::services::ec2::resources::tags;

pub(crate) async fn handle(context: Context, input: CreateTagsRequest) -> Result<CreateTagsResponse, CreateTagsError> {
    let given = input.tags.filter(|tags| !tags.is_empty()).ok_or_else(|| missing("Tag"))?;
    let resources = input.resources.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("ResourceId"))?;
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            for id in &resources {
                tags::change(tx, &context.scope, id, |all| tags::add(all, &given))?;
            }
            Ok(unless_dry(input.dry_run)?)
        })
        .await?;
    Ok(CreateTagsResponse {})
}
