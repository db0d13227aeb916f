//! RemoveRoleFromInstanceProfile: an instance profile without its role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html>

use api_models::iam::{
    NoSuchEntityException, RemoveRoleFromInstanceProfileError, RemoveRoleFromInstanceProfileRequest,
    RemoveRoleFromInstanceProfileResponse,
};

use crate::services::Context;
use crate::services::iam::resources::change_profile;

pub(crate) async fn handle(
    context: Context,
    input: RemoveRoleFromInstanceProfileRequest,
) -> Result<RemoveRoleFromInstanceProfileResponse, RemoveRoleFromInstanceProfileError> {
    let account = context.scope.account;
    let role = input.role_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change_profile(tx, account, &input.instance_profile_name.unwrap_or_default(), |profile| {
                let holds = |held: &String| held.to_lowercase() == role.to_lowercase();
                match profile.role.take_if(|held| holds(held)) {
                    Some(_) => Ok(()),
                    None => {
                        Err(NoSuchEntityException::new(format!("The role with name {role} cannot be found.")).into())
                    }
                }
            })
        })
        .await?;
    Ok(RemoveRoleFromInstanceProfileResponse::default())
}
