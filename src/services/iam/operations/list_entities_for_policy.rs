//! ListEntitiesForPolicy: the roles that use a policy.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html>

use api_models::iam::{
    EntityType, ListEntitiesForPolicyError, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyRole,
    PolicyUsageType,
};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{IamKey, Role, find_policy, path_prefix};
use std::sync::Arc;

pub(crate) async fn handle(
    context: Context,
    input: ListEntitiesForPolicyRequest,
) -> Result<ListEntitiesForPolicyResponse, ListEntitiesForPolicyError> {
    let state = context.snapshot();
    let account = context.scope.account;
    let arn = input.policy_arn.unwrap_or_default();
    find_policy(&state, account, &arn)?;
    let prefix = path_prefix(input.path_prefix)?;
    let wants_roles = input.entity_filter.is_none_or(|filter| filter == EntityType::Role);
    let roles = state.roles.range(IamKey::first(account)..).take_while(|(key, _)| key.account == account);
    let uses = |role: &Role| match input.policy_usage_filter {
        Some(PolicyUsageType::PermissionsBoundary) => role.permissions_boundary.as_ref() == Some(&arn),
        _ => role.attached.contains(&arn),
    };
    let roles = roles.map(|(_, role)| role).filter(|role| wants_roles && role.path.starts_with(&prefix) && uses(role));
    let page = PageRequest::new(input.marker, input.max_items).cut(roles, |role| role.name.to_lowercase())?;
    let shown = |role: &Arc<Role>| PolicyRole { role_name: Some(role.name.clone()), role_id: Some(role.id.clone()) };
    Ok(ListEntitiesForPolicyResponse {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(page.items.into_iter().map(shown).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
