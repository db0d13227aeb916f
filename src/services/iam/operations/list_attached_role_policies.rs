//! ListAttachedRolePolicies: the managed policies of a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html>

use api_models::iam::{
    ListAttachedRolePoliciesError, ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse,
};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{attached, find_role, path_prefix};

pub(crate) async fn handle(
    context: Context,
    input: ListAttachedRolePoliciesRequest,
) -> Result<ListAttachedRolePoliciesResponse, ListAttachedRolePoliciesError> {
    let state = context.snapshot();
    let role = find_role(&state, context.scope.account, &input.role_name.unwrap_or_default())?;
    let policies = attached(role, &path_prefix(input.path_prefix)?);
    let page = PageRequest::new(input.marker, input.max_items)
        .cut(policies, |policy| policy.policy_arn.clone().unwrap_or_default())?;
    Ok(ListAttachedRolePoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
