//! ListInstanceProfilesForRole: the instance profiles that hold a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html>

use api_models::iam::{
    ListInstanceProfilesForRoleError, ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse,
};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{find_role, holding};

pub(crate) async fn handle(
    context: Context,
    input: ListInstanceProfilesForRoleRequest,
) -> Result<ListInstanceProfilesForRoleResponse, ListInstanceProfilesForRoleError> {
    let state = context.snapshot();
    let account = context.scope.account;
    let name = input.role_name.unwrap_or_default();
    find_role(&state, account, &name)?;
    let page = PageRequest::new(input.marker, input.max_items)
        .cut(holding(&state, account, &name), |profile| profile.name.to_lowercase())?;
    Ok(ListInstanceProfilesForRoleResponse {
        instance_profiles: Some(page.items.into_iter().map(|profile| profile.shown(&state, false)).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
