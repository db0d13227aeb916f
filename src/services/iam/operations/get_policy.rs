//! GetPolicy: a managed policy, the account's own or AWS's.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html>

use api_models::iam::{GetPolicyError, GetPolicyRequest, GetPolicyResponse};

use crate::services::Context;
use crate::services::iam::resources::{find_policy, shown_policy};

pub(crate) async fn handle(context: Context, input: GetPolicyRequest) -> Result<GetPolicyResponse, GetPolicyError> {
    let state = context.snapshot();
    let (account, partition) = (context.scope.account, context.scope.region.partition());
    let policy = find_policy(&state, account, &input.policy_arn.unwrap_or_default())?;
    Ok(GetPolicyResponse { policy: Some(shown_policy(&state, account, &policy, partition).into()) })
}
