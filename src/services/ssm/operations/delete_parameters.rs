//! DeleteParameters: deletes up to ten parameters; those that are not there are listed apart.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html>

use api_models::ssm::{DeleteParametersError, DeleteParametersRequest, DeleteParametersResult};

use crate::services::Context;
use crate::services::ssm::resources::{Parameter, ParameterKey};

pub(crate) async fn handle(
    context: Context,
    input: DeleteParametersRequest,
) -> Result<DeleteParametersResult, DeleteParametersError> {
    let names = input.names.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
            for name in names {
                let there = tx.delete::<Parameter>(&ParameterKey::new(&context.scope, &name)).is_some();
                if there { deleted.push(name) } else { invalid.push(name) }
            }
            Ok(DeleteParametersResult { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
        })
        .await
}
