//! GetResourcePolicy: the policy that is attached to a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetResourcePolicy.html>

use api_models::secretsmanager::{GetResourcePolicyError, GetResourcePolicyRequest, GetResourcePolicyResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::usable;

pub(crate) async fn handle(
    context: Context,
    input: GetResourcePolicyRequest,
) -> Result<GetResourcePolicyResponse, GetResourcePolicyError> {
    let state = context.snapshot();
    let secret = usable(&state, &context.scope, input.secret_id.as_deref())?;
    Ok(GetResourcePolicyResponse {
        arn: Some(secret.arn()),
        name: Some(secret.key.name.to_string()),
        resource_policy: secret.policy.clone(),
        policy_name: None,
    })
}
