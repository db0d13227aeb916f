//! DeleteInstanceProfile: an instance profile that holds no role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html>

use api_models::iam::{
    CommonError, DeleteConflictException, DeleteInstanceProfileError, DeleteInstanceProfileRequest,
    DeleteInstanceProfileResponse,
};

use crate::services::Context;
use crate::services::iam::resources::{IamKey, InstanceProfile, find_profile};

pub(crate) async fn handle(
    context: Context,
    input: DeleteInstanceProfileRequest,
) -> Result<DeleteInstanceProfileResponse, DeleteInstanceProfileError> {
    let account = context.scope.account;
    let name = input.instance_profile_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if find_profile(tx, account, &name)?.role.is_some() {
                let message = "Cannot delete entity, must remove roles from instance profile first.";
                return Err(DeleteConflictException::new(message).into());
            }
            tx.delete::<InstanceProfile>(&IamKey::new(account, &name));
            Ok(())
        })
        .await?;
    Ok(DeleteInstanceProfileResponse::default())
}
