//! GetRole: a role, with its trust policy.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>

use api_models::iam::{GetRoleError, GetRoleRequest, GetRoleResponse};

use crate::services::Context;
use crate::services::iam::resources::find_role;

pub(crate) async fn handle(context: Context, input: GetRoleRequest) -> Result<GetRoleResponse, GetRoleError> {
    let state = context.snapshot();
    let role = find_role(&state, context.scope.account, &input.role_name.unwrap_or_default())?;
    Ok(GetRoleResponse { role: Some(role.shown(true).into()) })
}
