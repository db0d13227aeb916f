//! TagPolicy: more tags for a policy, or new values for those it has.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html>

use api_models::iam::{TagPolicyError, TagPolicyRequest, TagPolicyResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_policy, tags};

pub(crate) async fn handle(context: Context, input: TagPolicyRequest) -> Result<TagPolicyResponse, TagPolicyError> {
    context
        .store()
        .transact(|tx| {
            change_policy(tx, context.scope.account, &input.policy_arn.unwrap_or_default(), |policy| {
                policy.tags = tags::merge(&policy.tags, input.tags.unwrap_or_default())?;
                Ok(())
            })
        })
        .await?;
    Ok(TagPolicyResponse::default())
}
