//! AddRoleToInstanceProfile: a role for an instance profile: one at most.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html>

use api_models::iam::{
    AddRoleToInstanceProfileError, AddRoleToInstanceProfileRequest, AddRoleToInstanceProfileResponse, CommonError,
    LimitExceededException,
};

use crate::services::Context;
use crate::services::iam::resources::{change_profile, find_role, protect};

pub(crate) async fn handle(
    context: Context,
    input: AddRoleToInstanceProfileRequest,
) -> Result<AddRoleToInstanceProfileResponse, AddRoleToInstanceProfileError> {
    let account = context.scope.account;
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let role = find_role(tx, account, &input.role_name.unwrap_or_default())?.clone();
            protect(&role)?;
            change_profile(tx, account, &input.instance_profile_name.unwrap_or_default(), |profile| {
                if profile.role.is_some() {
                    let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
                    return Err(LimitExceededException::new(message).into());
                }
                profile.role = Some(role.name.clone());
                Ok(())
            })
        })
        .await?;
    Ok(AddRoleToInstanceProfileResponse::default())
}
