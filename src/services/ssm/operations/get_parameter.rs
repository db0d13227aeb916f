//! GetParameter: one parameter, by name, version, label or ARN.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>

use api_models::ssm::{GetParameterError, GetParameterRequest, GetParameterResult, ParameterNotFound};

use crate::services::Context;
use crate::services::ssm::resources::{Missing, select, version_not_found};

pub(crate) async fn handle(
    context: Context,
    input: GetParameterRequest,
) -> Result<GetParameterResult, GetParameterError> {
    let state = context.snapshot();
    let name = input.name.unwrap_or_default();
    let decrypted = input.with_decryption == Some(true);
    match select(&state, &context.scope, &name) {
        Ok(selected) => Ok(GetParameterResult { parameter: Some(Box::new(selected.to_api(decrypted))) }),
        // Without a message, as on AWS.
        Err(Missing::Parameter) => Err(ParameterNotFound::default().into()),
        Err(Missing::Version { name, selector }) => Err(version_not_found(&name, &selector).into()),
    }
}
