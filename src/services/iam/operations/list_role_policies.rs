//! ListRolePolicies: the names of a role's own policies.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html>

use api_models::iam::{ListRolePoliciesError, ListRolePoliciesRequest, ListRolePoliciesResponse};

use crate::services::Context;
use crate::services::iam::resources::find_role;
use crate::services::iam::resources::paging::PageRequest;

pub(crate) async fn handle(
    context: Context,
    input: ListRolePoliciesRequest,
) -> Result<ListRolePoliciesResponse, ListRolePoliciesError> {
    let state = context.snapshot();
    let role = find_role(&state, context.scope.account, &input.role_name.unwrap_or_default())?;
    let names = role.inline.keys().cloned();
    let page = PageRequest::new(input.marker, input.max_items).cut(names, String::clone)?;
    Ok(ListRolePoliciesResponse {
        policy_names: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
