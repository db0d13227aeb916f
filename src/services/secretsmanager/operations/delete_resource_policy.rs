//! DeleteResourcePolicy: takes the policy from a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteResourcePolicy.html>

use api_models::secretsmanager::{
    DeleteResourcePolicyError, DeleteResourcePolicyRequest, DeleteResourcePolicyResponse,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, usable};

pub(crate) async fn handle(
    context: Context,
    input: DeleteResourcePolicyRequest,
) -> Result<DeleteResourcePolicyResponse, DeleteResourcePolicyError> {
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            let response = DeleteResourcePolicyResponse {
                arn: Some(secret.arn()),
                name: Some(secret.key.name.to_string()),
                policy_name: None,
            };
            if secret.policy.take().is_some() {
                tx.put(secret);
            }
            Ok(response)
        })
        .await
}
