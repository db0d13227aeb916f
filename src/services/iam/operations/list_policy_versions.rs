//! ListPolicyVersions: a policy's versions, without their documents.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyVersions.html>

use api_models::iam::{ListPolicyVersionsError, ListPolicyVersionsRequest, ListPolicyVersionsResponse, PolicyVersion};

use crate::services::Context;
use crate::services::iam::resources::paging::PageRequest;
use crate::services::iam::resources::{AnyPolicy, find_policy};

pub(crate) async fn handle(
    context: Context,
    input: ListPolicyVersionsRequest,
) -> Result<ListPolicyVersionsResponse, ListPolicyVersionsError> {
    let state = context.snapshot();
    let arn = input.policy_arn.unwrap_or_default();
    let versions = match find_policy(&state, context.scope.account, &arn)? {
        AnyPolicy::Stored(policy) => {
            policy.versions.iter().rev().map(|version| policy.shown_version(version, false)).collect()
        }
        AnyPolicy::Managed(policy) => vec![policy.shown_version(false)],
    };
    // Newest first: the cursor counts down.
    let cursor = |version: &PolicyVersion| {
        let id = version.version_id.as_deref().unwrap_or_default();
        let number: u32 = id.trim_start_matches('v').parse().unwrap_or_default();
        format!("{:010}", u32::MAX - number)
    };
    let page = PageRequest::new(input.marker, input.max_items).cut(versions, cursor)?;
    Ok(ListPolicyVersionsResponse { versions: Some(page.items), is_truncated: page.is_truncated, marker: page.marker })
}
