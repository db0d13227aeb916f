//! ListPolicies: managed policies, the account's own and AWS's.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html>

use api_models::iam::{
    ListPoliciesError, ListPoliciesRequest, ListPoliciesResponse, Policy, PolicyScopeType, PolicyUsageType,
};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{IamKey, managed, path_prefix};

pub(crate) async fn handle(
    context: Context,
    input: ListPoliciesRequest,
) -> Result<ListPoliciesResponse, ListPoliciesError> {
    let state = context.snapshot();
    let (account, partition) = (context.scope.account, context.scope.region.partition());
    let prefix = path_prefix(input.path_prefix)?;
    let scope = input.scope.unwrap_or(PolicyScopeType::All);
    let own = state.policies.range(IamKey::first(account)..).take_while(|(key, _)| key.account == account);
    let own = own.map(|(_, policy)| policy.shown(&state, false)).filter(|_| scope != PolicyScopeType::Aws);
    let managed = managed::all().filter(|_| scope != PolicyScopeType::Local);
    let managed = managed.map(|policy| policy.shown(&state, account, partition));
    let used = |policy: &Policy| {
        let attached = policy.attachment_count > Some(0);
        let bounds = policy.permissions_boundary_usage_count > Some(0);
        let is_kind = match input.policy_usage_filter {
            Some(PolicyUsageType::PermissionsPolicy) => attached,
            Some(PolicyUsageType::PermissionsBoundary) => bounds,
            _ => true,
        };
        is_kind && (input.only_attached != Some(true) || attached)
    };
    let in_path = |policy: &Policy| policy.path.as_ref().is_some_and(|path| path.starts_with(&prefix));
    let mut policies: Vec<Policy> = own.chain(managed).filter(|policy| in_path(policy) && used(policy)).collect();
    // A name may be both the account's and AWS's; the ARN tells them apart.
    let cursor = |policy: &Policy| format!("{:?} {:?}", policy.policy_name, policy.arn);
    policies.sort_by_cached_key(cursor);
    let page = PageRequest::new(input.marker, input.max_items).cut(policies, cursor)?;
    Ok(ListPoliciesResponse { policies: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}
