//! ListInstanceProfiles: the instance profiles of the account.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html>

use api_models::iam::{ListInstanceProfilesError, ListInstanceProfilesRequest, ListInstanceProfilesResponse};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{IamKey, path_prefix};

pub(crate) async fn handle(
    context: Context,
    input: ListInstanceProfilesRequest,
) -> Result<ListInstanceProfilesResponse, ListInstanceProfilesError> {
    let state = context.snapshot();
    let account = context.scope.account;
    let prefix = path_prefix(input.path_prefix)?;
    let all = state.instance_profiles.range(IamKey::first(account)..).take_while(|(key, _)| key.account == account);
    let all = all.filter(|(_, profile)| profile.path.starts_with(&prefix));
    let page = PageRequest::new(input.marker, input.max_items).cut(all, |(key, _)| key.name.to_string())?;
    Ok(ListInstanceProfilesResponse {
        instance_profiles: Some(page.items.into_iter().map(|(_, profile)| profile.shown(&state, false)).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
