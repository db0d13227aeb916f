//! ListRoleTags: the tags of a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html>

use api_models::iam::{ListRoleTagsError, ListRoleTagsRequest, ListRoleTagsResponse, Tag};

use crate::services::Context;
use crate::services::iam::resources::find_role;
use crate::services::iam::resources::paging::PageRequest;

pub(crate) async fn handle(
    context: Context,
    input: ListRoleTagsRequest,
) -> Result<ListRoleTagsResponse, ListRoleTagsError> {
    let state = context.snapshot();
    let tags = &find_role(&state, context.scope.account, &input.role_name.unwrap_or_default())?.tags;
    let mut tags: Vec<Tag> = tags.to_vec();
    let key = |tag: &Tag| tag.key.clone().unwrap_or_default();
    tags.sort_by_key(key);
    let page = PageRequest::new(input.marker, input.max_items).cut(tags, key)?;
    Ok(ListRoleTagsResponse { tags: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}
