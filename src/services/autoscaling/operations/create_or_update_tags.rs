//! CreateOrUpdateTags: tags of groups.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateOrUpdateTags.html>

use api_models::autoscaling::{
    CommonError, CreateOrUpdateTagsError, CreateOrUpdateTagsResponse, CreateOrUpdateTagsType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::{change, tags};

/// Instances that run keep the tags they have.
pub(crate) async fn handle(
    context: Context,
    input: CreateOrUpdateTagsType,
) -> Result<CreateOrUpdateTagsResponse, CreateOrUpdateTagsError> {
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            for tag in input.tags.unwrap_or_default() {
                let name = tags::group_name(&tag)?.to_owned();
                change::change(tx, &context.scope, &name, |group| tags::add(&mut group.tags, tag))?;
            }
            Ok(())
        })
        .await?;
    Ok(CreateOrUpdateTagsResponse {})
}
