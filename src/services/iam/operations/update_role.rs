//! UpdateRole: a role's description and longest session.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html>

use api_models::iam::{UpdateRoleError, UpdateRoleRequest, UpdateRoleResponse};

use crate::services::Context;
use crate::services::iam::resources::change_role;

/// How long a session of the role lasts at most when nothing is asked.
const HOUR_SECONDS: i32 = 3600;

pub(crate) async fn handle(context: Context, input: UpdateRoleRequest) -> Result<UpdateRoleResponse, UpdateRoleError> {
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                // AWS sets what is not given back to nothing: both are given or gone.
                role.description = input.description.filter(|text| !text.is_empty());
                role.max_session_duration = input.max_session_duration.unwrap_or(HOUR_SECONDS);
                Ok(())
            })
        })
        .await?;
    Ok(UpdateRoleResponse::default())
}
