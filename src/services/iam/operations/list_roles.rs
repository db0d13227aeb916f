//! ListRoles: the roles of the account, by path and name.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>

use api_models::iam::{ListRolesError, ListRolesRequest, ListRolesResponse};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{IamKey, path_prefix};

pub(crate) async fn handle(context: Context, input: ListRolesRequest) -> Result<ListRolesResponse, ListRolesError> {
    let state = context.snapshot();
    let account = context.scope.account;
    let prefix = path_prefix(input.path_prefix)?;
    let roles = state.roles.range(IamKey::first(account)..).take_while(|(key, _)| key.account == account);
    let roles = roles.filter(|(_, role)| role.path.starts_with(&prefix));
    let page = PageRequest::new(input.marker, input.max_items).cut(roles, |(key, _)| key.name.to_string())?;
    let roles = page.items.into_iter().map(|(_, role)| role.shown(false)).collect();
    Ok(ListRolesResponse { roles: Some(roles), is_truncated: page.is_truncated, marker: page.marker })
}
