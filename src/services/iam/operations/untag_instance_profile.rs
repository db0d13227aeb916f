//! UntagInstanceProfile: tags that an instance profile has no longer.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagInstanceProfile.html>

use api_models::iam::{UntagInstanceProfileError, UntagInstanceProfileRequest, UntagInstanceProfileResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_profile, tags};

pub(crate) async fn handle(
    context: Context,
    input: UntagInstanceProfileRequest,
) -> Result<UntagInstanceProfileResponse, UntagInstanceProfileError> {
    context
        .store()
        .transact(|tx| {
            change_profile(tx, context.scope.account, &input.instance_profile_name.unwrap_or_default(), |profile| {
                profile.tags = tags::without(&profile.tags, &input.tag_keys.unwrap_or_default());
                Ok(())
            })
        })
        .await?;
    Ok(UntagInstanceProfileResponse::default())
}
