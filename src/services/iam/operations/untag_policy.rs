//! UntagPolicy: tags that a policy has no longer.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html>

use api_models::iam::{UntagPolicyError, UntagPolicyRequest, UntagPolicyResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_policy, tags};

pub(crate) async fn handle(
    context: Context,
    input: UntagPolicyRequest,
) -> Result<UntagPolicyResponse, UntagPolicyError> {
    context
        .store()
        .transact(|tx| {
            change_policy(tx, context.scope.account, &input.policy_arn.unwrap_or_default(), |policy| {
                policy.tags = tags::without(&policy.tags, &input.tag_keys.unwrap_or_default());
                Ok(())
            })
        })
        .await?;
    Ok(UntagPolicyResponse::default())
}
