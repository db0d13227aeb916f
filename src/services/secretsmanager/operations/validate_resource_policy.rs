//! ValidateResourcePolicy: looks for faults in a policy.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ValidateResourcePolicy.html>

use api_models::secretsmanager::{
    MalformedPolicyDocumentException, ValidateResourcePolicyError, ValidateResourcePolicyRequest,
    ValidateResourcePolicyResponse, ValidationErrorsEntry,
};

use crate::services::Context;
use crate::services::secretsmanager::resources::policy::{Fault, fault};
use crate::services::secretsmanager::resources::usable;

pub(crate) async fn handle(
    context: Context,
    input: ValidateResourcePolicyRequest,
) -> Result<ValidateResourcePolicyResponse, ValidateResourcePolicyError> {
    if input.secret_id.is_some() {
        usable(&context.snapshot(), &context.scope, input.secret_id.as_deref())?;
    }
    let errors = match fault(input.resource_policy.as_deref().unwrap_or_default()) {
        None => Vec::new(),
        Some(Fault::Malformed) => {
            let message = "This resource policy contains a syntax error.";
            return Err(MalformedPolicyDocumentException::new(message).into());
        }
        Some(Fault::Public) => vec![ValidationErrorsEntry {
            check_name: Some("ZELKOVA_PUBLIC_ACCESS_CHECK".to_owned()), // (ours)
            error_message: Some("This resource policy grants broad access to the secret.".to_owned()),
        }],
    };
    Ok(ValidateResourcePolicyResponse {
        policy_validation_passed: Some(errors.is_empty()),
        validation_errors: Some(errors),
    })
}
