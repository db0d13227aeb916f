//! UpdateRoleDescription: a role's description alone.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html>

use api_models::iam::{UpdateRoleDescriptionError, UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse};

use crate::services::Context;
use crate::services::iam::resources::change_role;

pub(crate) async fn handle(
    context: Context,
    input: UpdateRoleDescriptionRequest,
) -> Result<UpdateRoleDescriptionResponse, UpdateRoleDescriptionError> {
    let shown = context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                role.description = input.description.filter(|text| !text.is_empty());
                Ok(role.shown(true))
            })
        })
        .await?;
    Ok(UpdateRoleDescriptionResponse { role: Some(shown.into()) })
}
