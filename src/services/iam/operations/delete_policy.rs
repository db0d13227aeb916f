//! DeletePolicy: a policy that nothing uses any more.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html>

use api_models::iam::{
    CommonError, DeleteConflictException, DeletePolicyError, DeletePolicyRequest, DeletePolicyResponse,
};

use crate::services::Context;
use crate::services::iam::resources::{IamKey, StoredPolicy, change_policy, uses};

pub(crate) async fn handle(
    context: Context,
    input: DeletePolicyRequest,
) -> Result<DeletePolicyResponse, DeletePolicyError> {
    let account = context.scope.account;
    let arn = input.policy_arn.unwrap_or_default();
    let conflict = |message: &str| CommonError::from(DeleteConflictException::new(message));
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let name = change_policy(tx, account, &arn, |policy| {
                if policy.versions.len() > 1 {
                    return Err(conflict(
                        "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                         versions. The default version is deleted with the policy.",
                    ));
                }
                Ok(policy.name.clone())
            })?;
            if uses(tx, account, &arn) != (0, 0) {
                return Err(conflict("Cannot delete a policy attached to entities."));
            }
            tx.delete::<StoredPolicy>(&IamKey::new(account, &name));
            Ok(())
        })
        .await?;
    Ok(DeletePolicyResponse::default())
}
