//! ListPolicyTags: the tags of a policy.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyTags.html>

use api_models::iam::{ListPolicyTagsError, ListPolicyTagsRequest, ListPolicyTagsResponse, Tag};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{AnyPolicy, find_policy};

pub(crate) async fn handle(
    context: Context,
    input: ListPolicyTagsRequest,
) -> Result<ListPolicyTagsResponse, ListPolicyTagsError> {
    let state = context.snapshot();
    let policy = find_policy(&state, context.scope.account, &input.policy_arn.unwrap_or_default())?;
    let tags = match &policy {
        AnyPolicy::Stored(policy) => policy.tags.as_slice(),
        AnyPolicy::Managed(_) => &[],
    };
    let mut tags: Vec<Tag> = tags.to_vec();
    let key = |tag: &Tag| tag.key.clone().unwrap_or_default();
    tags.sort_by_key(key);
    let page = PageRequest::new(input.marker, input.max_items).cut(tags, key)?;
    Ok(ListPolicyTagsResponse { tags: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}
