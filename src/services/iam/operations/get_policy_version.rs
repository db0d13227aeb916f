//! GetPolicyVersion: a policy's document.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html>

use api_models::iam::{GetPolicyVersionError, GetPolicyVersionRequest, GetPolicyVersionResponse};

use crate::services::Context;
use crate::services::iam::resources::{AnyPolicy, find_policy, no_version};

pub(crate) async fn handle(
    context: Context,
    input: GetPolicyVersionRequest,
) -> Result<GetPolicyVersionResponse, GetPolicyVersionError> {
    let state = context.snapshot();
    let (arn, id) = (input.policy_arn.unwrap_or_default(), input.version_id.unwrap_or_default());
    let version = match find_policy(&state, context.scope.account, &arn)? {
        AnyPolicy::Stored(policy) => policy.version(&id).map(|version| policy.shown_version(version, true)),
        AnyPolicy::Managed(policy) => (policy.version == id).then(|| policy.shown_version(true)),
    };
    match version {
        Some(version) => Ok(GetPolicyVersionResponse { policy_version: Some(version.into()) }),
        None => Err(no_version(&arn, &id).into()),
    }
}
