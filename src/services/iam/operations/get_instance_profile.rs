//! GetInstanceProfile: an instance profile, with its role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html>

use api_models::iam::{GetInstanceProfileError, GetInstanceProfileRequest, GetInstanceProfileResponse};

use crate::services::Context;
use crate::services::iam::resources::find_profile;

pub(crate) async fn handle(
    context: Context,
    input: GetInstanceProfileRequest,
) -> Result<GetInstanceProfileResponse, GetInstanceProfileError> {
    let state = context.snapshot();
    let name = input.instance_profile_name.unwrap_or_default();
    let profile = find_profile(&state, context.scope.account, &name)?;
    Ok(GetInstanceProfileResponse { instance_profile: Some(profile.shown(&state, true).into()) })
}
