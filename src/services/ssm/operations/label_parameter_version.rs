//! LabelParameterVersion: attaches labels to a version, the newest unless another is named.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_LabelParameterVersion.html>

use api_models::ssm::{
    LabelParameterVersionError, LabelParameterVersionRequest, LabelParameterVersionResult, ParameterNotFound,
    ParameterVersionLabelLimitExceeded,
};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey, is_valid_label, version_not_found};

pub(crate) async fn handle(
    context: Context,
    input: LabelParameterVersionRequest,
) -> Result<LabelParameterVersionResult, LabelParameterVersionError> {
    let name = input.name.unwrap_or_default();
    let (labels, invalid): (Vec<String>, Vec<String>) =
        input.labels.unwrap_or_default().into_iter().partition(|label| is_valid_label(label));
    let key = ParameterKey::new(&context.scope, &name);
    context
        .store()
        .transact(|tx| {
            let present = tx.parameters.get(&key).ok_or_else(ParameterNotFound::default)?;
            let mut parameter = Parameter::clone(present);
            let newest = parameter.versions.last().map(|version| version.number);
            let number = input.parameter_version.or(newest).unwrap_or(1);
            if parameter.version(number).is_none() {
                return Err(version_not_found(&name, &number.to_string()).into());
            }
            if !parameter.label(number, &labels) {
                let message = "A parameter version can have maximum 10 labels. Move one or more labels to another \
                               version and try again.";
                return Err(ParameterVersionLabelLimitExceeded::new(message).into());
            }
            tx.put(parameter);
            Ok(LabelParameterVersionResult { invalid_labels: Some(invalid), parameter_version: Some(number) })
        })
        .await
}
