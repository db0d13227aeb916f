//! DescribeLogGroups: groups in the order of their names.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>

use api_models::logs::{
    CommonError, DescribeLogGroupsError, DescribeLogGroupsRequest, DescribeLogGroupsResponse, InvalidParameterException,
};

use crate::logstore::GroupFilter;
use crate::services::Context;
use crate::services::logs::resources::{names, paging, render};

const OPERATION: &str = "DescribeLogGroups";

pub(crate) async fn handle(
    context: Context,
    input: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, DescribeLogGroupsError> {
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return Err(InvalidParameterException::new(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        )
        .into());
    }
    if let Some(identifiers) = &input.log_group_identifiers {
        return identified(&context, &input, identifiers).await;
    }
    let (prefix, pattern) = (input.log_group_name_prefix.unwrap_or_default(), input.log_group_name_pattern);
    names::check_group_characters("logGroupNamePrefix", &prefix)?;
    names::check_group_characters("logGroupNamePattern", pattern.as_deref().unwrap_or_default())?;
    let after = input.next_token.as_deref().map(|token| paging::decode(OPERATION, token)).transpose()?;
    let by_pattern = pattern.is_some();
    let class = input.log_group_class.map(|class| class.to_string());
    let size = paging::size(input.limit);
    let filter = GroupFilter { prefix, pattern, class, after };
    // One more than asked for says whether there is another page.
    let mut groups = context.logs().groups(&context.scope, filter, size + 1).await.map_err(CommonError::from)?;
    let more = groups.len() > size;
    groups.truncate(size);
    let next_token = groups.last().filter(|_| more).map(|last| paging::encode(OPERATION, &last.key.name));
    let shown = if by_pattern { render::group_found_by_pattern } else { render::group };
    Ok(DescribeLogGroupsResponse { log_groups: Some(groups.iter().map(shown).collect()), next_token })
}

/// The groups of a list of names and ARNs; those that are not there are left out.
async fn identified(
    context: &Context,
    input: &DescribeLogGroupsRequest,
    identifiers: &[String],
) -> Result<DescribeLogGroupsResponse, DescribeLogGroupsError> {
    if input.log_group_name_prefix.is_some() || input.log_group_name_pattern.is_some() || input.next_token.is_some() {
        return Err(InvalidParameterException::new(
            "logGroupIdentifiers cannot be combined with logGroupNamePrefix, logGroupNamePattern or nextToken.",
        )
        .into());
    }
    let mut keys = Vec::new();
    for identifier in identifiers {
        match names::identified(&context.scope, identifier) {
            Ok(key) => keys.push(key),
            // One of another account or region.
            Err(CommonError::ResourceNotFoundException(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    keys.sort();
    keys.dedup();
    let mut groups = Vec::new();
    for key in keys {
        let group = context.logs().group(&key).await.map_err(CommonError::from)?;
        let wanted = |class: &str| input.log_group_class.as_ref().is_none_or(|wanted| wanted.as_str() == class);
        groups.extend(group.filter(|group| wanted(&group.settings.class)).map(|group| render::group(&group)));
    }
    Ok(DescribeLogGroupsResponse { log_groups: Some(groups), next_token: None })
}

#[cfg(test)]
mod tests {
    use api_models::logs::CreateLogGroupRequest;

    use super::*;
    use crate::services::logs::operations::create_log_group;
    use crate::testing::context;

    async fn list(context: &Context, request: DescribeLogGroupsRequest) -> (String, Option<String>) {
        let answer = handle(context.clone(), request).await.expect("a list");
        let names = answer.log_groups.expect("a list").into_iter().map(|group| group.log_group_name.expect("a name"));
        (names.collect::<Vec<_>>().join(" "), answer.next_token)
    }

    async fn groups(names: &[&str]) -> Context {
        let context = context();
        for name in names {
            let request =
                CreateLogGroupRequest { log_group_name: Some((*name).into()), ..CreateLogGroupRequest::default() };
            create_log_group::handle(context.clone(), request).await.expect("created");
        }
        context
    }

    #[tokio::test]
    async fn groups_are_found_by_prefix_pattern_and_identifier() {
        let context = groups(&["/b/web", "/a/web", "/a/Web", "/ab"]).await;
        let none = DescribeLogGroupsRequest::default;
        assert_eq!(list(&context, none()).await.0, "/a/Web /a/web /ab /b/web");
        let by_prefix = DescribeLogGroupsRequest { log_group_name_prefix: Some("/a/".into()), ..none() };
        assert_eq!(list(&context, by_prefix.clone()).await.0, "/a/Web /a/web");
        let by_pattern = DescribeLogGroupsRequest { log_group_name_pattern: Some("web".into()), ..none() };
        assert_eq!(list(&context, by_pattern.clone()).await.0, "/a/web /b/web");
        let both = DescribeLogGroupsRequest { log_group_name_pattern: Some("web".into()), ..by_prefix };
        assert!(handle(context.clone(), both).await.is_err());
        let found = handle(context.clone(), by_pattern).await.expect("a list").log_groups.expect("a list");
        assert_eq!((found[0].stored_bytes, found[0].log_group_arn.as_ref()), (None, None));
        let identifiers = ["/ab", "/none", "arn:aws:logs:us-east-1:123456789012:log-group:/a/web"].map(str::to_owned);
        let identified = DescribeLogGroupsRequest { log_group_identifiers: Some(identifiers.into()), ..none() };
        assert_eq!(list(&context, identified).await.0, "/a/web /ab");
    }

    #[tokio::test]
    async fn pages_follow_one_another() {
        let context = groups(&["a", "b", "c"]).await;
        let first = DescribeLogGroupsRequest { limit: Some(2), ..DescribeLogGroupsRequest::default() };
        let (names, token) = list(&context, first.clone()).await;
        assert_eq!((names.as_str(), token.is_some()), ("a b", true));
        let second = DescribeLogGroupsRequest { next_token: token, ..first.clone() };
        assert_eq!(list(&context, second).await, ("c".to_owned(), None));
        let bad = DescribeLogGroupsRequest { next_token: Some("bad".into()), ..first };
        let error = handle(context, bad).await.expect_err("no token");
        assert_eq!(error.to_string(), "The specified nextToken is invalid.");
    }
}
