//! DeletePolicyVersion: a document of a policy that does not count.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicyVersion.html>

use api_models::iam::{
    DeleteConflictException, DeletePolicyVersionError, DeletePolicyVersionRequest, DeletePolicyVersionResponse,
};

use crate::services::Context;
use crate::services::iam::resources::{change_policy, no_version};

pub(crate) async fn handle(
    context: Context,
    input: DeletePolicyVersionRequest,
) -> Result<DeletePolicyVersionResponse, DeletePolicyVersionError> {
    let (arn, id) = (input.policy_arn.unwrap_or_default(), input.version_id.unwrap_or_default());
    context
        .store()
        .transact(|tx| {
            change_policy(tx, context.scope.account, &arn, |policy| {
                let number = policy.version(&id).ok_or_else(|| no_version(&arn, &id))?.number;
                if number == policy.default_version {
                    return Err(DeleteConflictException::new("Cannot delete the default version of a policy.").into());
                }
                policy.versions.retain(|version| version.number != number);
                Ok(())
            })
        })
        .await?;
    Ok(DeletePolicyVersionResponse::default())
}
