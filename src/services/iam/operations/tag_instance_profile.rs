//! TagInstanceProfile: more tags for an instance profile, or new values for those it has.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagInstanceProfile.html>

use api_models::iam::{TagInstanceProfileError, TagInstanceProfileRequest, TagInstanceProfileResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_profile, tags};

pub(crate) async fn handle(
    context: Context,
    input: TagInstanceProfileRequest,
) -> Result<TagInstanceProfileResponse, TagInstanceProfileError> {
    context
        .store()
        .transact(|tx| {
            change_profile(tx, context.scope.account, &input.instance_profile_name.unwrap_or_default(), |profile| {
                profile.tags = tags::merge(&profile.tags, input.tags.unwrap_or_default())?;
                Ok(())
            })
        })
        .await?;
    Ok(TagInstanceProfileResponse::default())
}
