//! GetParameter: one parameter, by name, version, label or ARN.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use api_models::ssm::{
    GetParameterError, GetParameterRequest, GetParameterResult, ParameterNotFound, ValidationException,
};

use crate::services::Context;
use crate::services::ssm::resources::{
    Missing, public_parameter, referenced, secret_as_parameter, select, version_not_found,
};

/// What is said of a secret that is to be read through its name in Parameter Store.
pub(super) const NOT_DECRYPTED: &str = "WithDecryption flag must be True for retrieving a Secret Manager secret.";

pub(crate) async fn handle(
    context: Context,
    input: GetParameterRequest,
) -> Result<GetParameterResult, GetParameterError> {
    let state = context.snapshot();
    let name = input.name.unwrap_or_default();
    let decrypted = input.with_decryption == Some(true);
    if let Some(secret) = referenced(&name) {
        if !decrypted {
            return Err(ValidationException::new(NOT_DECRYPTED).into());
        }
        let parameter = secret_as_parameter(&state, &context.scope, secret).ok_or_else(|| {
            ParameterNotFound::new(format!(
                "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found."
            ))
        })?;
        return Ok(GetParameterResult { parameter: Some(Box::new(parameter)) });
    }
    if let Some(parameter) = public_parameter(&context.scope, &name) {
        return Ok(GetParameterResult { parameter: Some(Box::new(parameter)) });
    }
    match select(&state, &context.scope, &name) {
        Ok(selected) => Ok(GetParameterResult { parameter: Some(Box::new(selected.to_api(decrypted))) }),
        // Without a message, as on AWS.
        Err(Missing::Parameter) => Err(ParameterNotFound::default().into()),
        Err(Missing::Version { name, selector }) => Err(version_not_found(&name, &selector).into()),
    }
}
