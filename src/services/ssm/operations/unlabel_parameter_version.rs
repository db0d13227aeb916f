//! UnlabelParameterVersion: takes labels from a version.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UnlabelParameterVersion.html>

use api_models::ssm::{
    ParameterNotFound, UnlabelParameterVersionError, UnlabelParameterVersionRequest, UnlabelParameterVersionResult,
};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey, version_not_found};

pub(crate) async fn handle(
    context: Context,
    input: UnlabelParameterVersionRequest,
) -> Result<UnlabelParameterVersionResult, UnlabelParameterVersionError> {
    let name = input.name.unwrap_or_default();
    let labels = input.labels.unwrap_or_default();
    let number = input.parameter_version.unwrap_or(0);
    let key = ParameterKey::new(&context.scope, &name);
    context
        .store()
        .transact(|tx| {
            let present = tx.parameters.get(&key).ok_or_else(ParameterNotFound::default)?;
            let mut parameter = Parameter::clone(present);
            if parameter.version(number).is_none() {
                return Err(version_not_found(&name, &number.to_string()).into());
            }
            let removed = parameter.unlabel(number, &labels);
            let invalid = labels.into_iter().filter(|label| !removed.contains(label)).collect();
            tx.put(parameter);
            Ok(UnlabelParameterVersionResult { removed_labels: Some(removed), invalid_labels: Some(invalid) })
        })
        .await
}
