//! ListInstanceProfileTags: the tags of an instance profile.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html>

use api_models::iam::{
    ListInstanceProfileTagsError, ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse, Tag,
};

use crate::services::Context;
use crate::services::iam::resources::find_profile;
use crate::services::iam::resources::paging::PageRequest;

pub(crate) async fn handle(
    context: Context,
    input: ListInstanceProfileTagsRequest,
) -> Result<ListInstanceProfileTagsResponse, ListInstanceProfileTagsError> {
    let state = context.snapshot();
    let name = input.instance_profile_name.unwrap_or_default();
    let tags = &find_profile(&state, context.scope.account, &name)?.tags;
    let mut tags: Vec<Tag> = tags.to_vec();
    let key = |tag: &Tag| tag.key.clone().unwrap_or_default();
    tags.sort_by_key(key);
    let page = PageRequest::new(input.marker, input.max_items).cut(tags, key)?;
    Ok(ListInstanceProfileTagsResponse { tags: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}
