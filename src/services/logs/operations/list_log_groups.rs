//! ListLogGroups: groups by name, class and tags, in the order of their names.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html>

use api_models::logs::{
    CommonError, ListLogGroupsError, ListLogGroupsRequest, ListLogGroupsResponse, LogGroupClass, LogGroupSummary,
};

use crate::logstore::{Group, GroupFilter};
use crate::services::Context;
use crate::services::logs::patterns::glob_matches;
use crate::services::logs::resources::{names, paging};

const OPERATION: &str = "ListLogGroups";
const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

pub(crate) async fn handle(
    context: Context,
    input: ListLogGroupsRequest,
) -> Result<ListLogGroupsResponse, ListLogGroupsError> {
    let size = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let mut after = input.next_token.as_deref().map(|token| paging::decode(OPERATION, token)).transpose()?;
    // No group has an index or a data source, so none has those that are asked for.
    if input.field_index_names.is_some() || input.data_sources.is_some() {
        return Ok(ListLogGroupsResponse { log_groups: Some(Vec::new()), next_token: None });
    }
    let mut found = Vec::new();
    // One more than asked for says whether there is another page.
    while found.len() <= size {
        let class = input.log_group_class.as_ref().map(LogGroupClass::to_string);
        let filter = GroupFilter { class, after: after.clone(), ..GroupFilter::default() };
        let groups = context.logs().groups(&context.scope, filter, MAX_PAGE).await.map_err(CommonError::from)?;
        let Some(last) = groups.last() else { break };
        after = Some(last.key.name.to_string());
        found.extend(groups.into_iter().filter(|group| matches(&input, group)));
    }
    let more = found.len() > size;
    found.truncate(size);
    let next_token = found.last().filter(|_| more).map(|last| paging::encode(OPERATION, &last.key.name));
    Ok(ListLogGroupsResponse { log_groups: Some(found.iter().map(summary).collect()), next_token })
}

fn matches(input: &ListLogGroupsRequest, group: &Group) -> bool {
    let name = &*group.key.name;
    let named = input.log_group_name_pattern.as_ref().is_none_or(|pattern| {
        pattern.split('|').any(|part| match part.strip_prefix('^') {
            Some(prefix) => name.starts_with(prefix),
            None => name.contains(part),
        })
    });
    let tags = input.log_group_tags.as_deref().unwrap_or_default();
    named
        && tags.iter().all(|filter| {
            let value = filter.key.as_ref().and_then(|key| group.settings.tags.get(key));
            let values = filter.values.as_deref().unwrap_or_default();
            value.is_some_and(|value| values.is_empty() || values.iter().any(|wanted| tag_matches(wanted, value)))
        })
}

/// A value as it is, with `!` before it for any other, with `*` at its ends (and then in whatever case).
fn tag_matches(wanted: &str, value: &str) -> bool {
    let (negated, wanted) = match wanted.strip_prefix('!') {
        Some(wanted) => (true, wanted),
        None => (false, wanted),
    };
    let equal = if wanted.contains('*') {
        glob_matches(&wanted.to_lowercase(), &value.to_lowercase())
    } else {
        wanted == value
    };
    equal != negated
}

fn summary(group: &Group) -> LogGroupSummary {
    LogGroupSummary {
        log_group_name: Some(group.key.name.to_string()),
        log_group_arn: Some(names::group_arn(&group.key)),
        log_group_class: Some(LogGroupClass::from(group.settings.class.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api_models::logs::TagFilter;

    use super::*;
    use crate::logstore::{GroupKey, GroupSettings};
    use crate::testing::context;

    async fn list(context: &Context, mut request: ListLogGroupsRequest) -> String {
        let mut names = Vec::new();
        loop {
            let answer = handle(context.clone(), request.clone()).await.expect("a page");
            names.extend(answer.log_groups.expect("a list").into_iter().filter_map(|group| group.log_group_name));
            request.next_token = answer.next_token;
            if request.next_token.is_none() {
                return names.join(" ");
            }
        }
    }

    #[tokio::test]
    async fn groups_are_found_by_patterns_and_tags() {
        let context = context();
        for (name, team) in [("/aws/web", "a"), ("/web", "b"), ("/api", "a")] {
            let tags = BTreeMap::from([("team".to_owned(), team.to_owned())]);
            let settings = GroupSettings { tags, ..GroupSettings::new(context.now()) };
            context.logs().create_group(&GroupKey::new(&context.scope, name), settings).await.expect("created");
        }
        for limit in [None, Some(1)] {
            let all = ListLogGroupsRequest { limit, ..ListLogGroupsRequest::default() };
            assert_eq!(list(&context, all.clone()).await, "/api /aws/web /web");
            let pattern =
                |text: &str| ListLogGroupsRequest { log_group_name_pattern: Some(text.into()), ..all.clone() };
            assert_eq!(list(&context, pattern("web")).await, "/aws/web /web");
            assert_eq!(list(&context, pattern("^/web|api")).await, "/api /web");
            for (value, names) in [
                ("a", "/api /aws/web"),
                ("A", ""),
                ("!a", "/web"),
                ("A*", "/api /aws/web"),
                ("*", "/api /aws/web /web"),
            ] {
                let team = TagFilter { key: Some("team".into()), values: Some(vec![value.into()]) };
                let tagged = ListLogGroupsRequest { log_group_tags: Some(vec![team]), ..all.clone() };
                assert_eq!(list(&context, tagged).await, names, "{value}");
            }
        }
    }
}
