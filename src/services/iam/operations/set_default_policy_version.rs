//! SetDefaultPolicyVersion: which document of a policy counts.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetDefaultPolicyVersion.html>

use api_models::iam::{SetDefaultPolicyVersionError, SetDefaultPolicyVersionRequest, SetDefaultPolicyVersionResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_policy, no_version, now};

pub(crate) async fn handle(
    context: Context,
    input: SetDefaultPolicyVersionRequest,
) -> Result<SetDefaultPolicyVersionResponse, SetDefaultPolicyVersionError> {
    let (arn, id) = (input.policy_arn.unwrap_or_default(), input.version_id.unwrap_or_default());
    let now = now(&context);
    context
        .store()
        .transact(|tx| {
            change_policy(tx, context.scope.account, &arn, |policy| {
                policy.default_version = policy.version(&id).ok_or_else(|| no_version(&arn, &id))?.number;
                policy.updated_at = now;
                Ok(())
            })
        })
        .await?;
    Ok(SetDefaultPolicyVersionResponse::default())
}
