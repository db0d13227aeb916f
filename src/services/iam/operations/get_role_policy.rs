//! GetRolePolicy: a policy of a role's own.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html>

use api_models::iam::{GetRolePolicyError, GetRolePolicyRequest, GetRolePolicyResponse, NoSuchEntityException};

use crate::services::Context;
use crate::services::iam::resources::{find_role, url_encoded};

pub(crate) async fn handle(
    context: Context,
    input: GetRolePolicyRequest,
) -> Result<GetRolePolicyResponse, GetRolePolicyError> {
    let state = context.snapshot();
    let role = find_role(&state, context.scope.account, &input.role_name.unwrap_or_default())?;
    let name = input.policy_name.unwrap_or_default();
    let Some(policy) = role.inline.get(&name) else {
        return Err(NoSuchEntityException::new(format!("The role policy with name {name} cannot be found.")).into());
    };
    Ok(GetRolePolicyResponse {
        role_name: Some(role.name.clone()),
        policy_name: Some(name),
        policy_document: Some(url_encoded(policy)),
    })
}
