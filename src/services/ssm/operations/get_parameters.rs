//! GetParameters: up to ten parameters; names that mean nothing are listed apart.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html>

use std::collections::BTreeSet;

use api_models::ssm::{GetParametersError, GetParametersRequest, GetParametersResult, ValidationException};

use super::get_parameter::NOT_DECRYPTED;
use crate::services::Context;
use crate::services::ssm::resources::{public_parameter, referenced, secret_as_parameter, select};

pub(crate) async fn handle(
    context: Context,
    input: GetParametersRequest,
) -> Result<GetParametersResult, GetParametersError> {
    let state = context.snapshot();
    let names = input.names.unwrap_or_default();
    let decrypted = input.with_decryption == Some(true);
    let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| seen.insert(*name)) {
        if let Some(secret) = referenced(name) {
            if !decrypted {
                return Err(ValidationException::new(NOT_DECRYPTED).into());
            }
            match secret_as_parameter(&state, &context.scope, secret) {
                Some(parameter) => parameters.push(parameter),
                None => invalid.push(name.clone()),
            }
            continue;
        }
        if let Some(parameter) = public_parameter(&context.scope, name) {
            parameters.push(parameter);
            continue;
        }
        match select(&state, &context.scope, name) {
            Ok(selected) => parameters.push(selected.to_api(decrypted)),
            Err(_) => invalid.push(name.clone()),
        }
    }
    Ok(GetParametersResult { parameters: Some(parameters), invalid_parameters: Some(invalid) })
}
