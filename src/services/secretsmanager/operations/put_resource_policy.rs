//! PutResourcePolicy: attaches a policy to a secret. It is kept; nothing is decided by it.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html>

use api_models::secretsmanager::{
    MalformedPolicyDocumentException, PublicPolicyException, PutResourcePolicyError, PutResourcePolicyRequest,
    PutResourcePolicyResponse,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::policy::{Fault, fault};
use crate::services::secretsmanager::resources::{Secret, usable};

pub(crate) async fn handle(
    context: Context,
    input: PutResourcePolicyRequest,
) -> Result<PutResourcePolicyResponse, PutResourcePolicyError> {
    let policy = input.resource_policy.unwrap_or_default();
    match fault(&policy) {
        Some(Fault::Malformed) => {
            let message = "This resource policy contains a syntax error.";
            return Err(MalformedPolicyDocumentException::new(message).into());
        }
        Some(Fault::Public) if input.block_public_policy == Some(true) => {
            let message = "This resource policy grants broad access to the secret."; // (ours)
            return Err(PublicPolicyException::new(message).into());
        }
        Some(Fault::Public) | None => {}
    }
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            secret.policy = Some(policy);
            let response = PutResourcePolicyResponse {
                arn: Some(secret.arn()),
                name: Some(secret.key.name.to_string()),
                policy_name: None,
            };
            tx.put(secret);
            Ok(response)
        })
        .await
}
