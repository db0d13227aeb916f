//! DescribeTags: the tags of all groups.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeTags.html>

use api_models::autoscaling::{CommonError, DescribeTagsError, DescribeTagsType, Filter, TagDescription, TagsType};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::page::PageRequest;
use crate::services::autoscaling::resources::{change, tags};
use crate::services::paging::Order;

pub(crate) async fn handle(context: Context, input: DescribeTagsType) -> Result<TagsType, DescribeTagsError> {
    let filters = input.filters.unwrap_or_default();
    check(&filters)?;
    let page = PageRequest::new("DescribeTags", input.max_records, 100, input.next_token)?;
    let state = context.snapshot();
    let all = change::groups_of(&state, &context.scope).flat_map(|group| tags::shown(group));
    let found = all.filter(|tag| filters.iter().all(|filter| passes(tag, filter)));
    let cursor = |tag: &TagDescription| {
        format!("{}\0{}", tag.resource_id.as_deref().unwrap_or_default(), tag.key.as_deref().unwrap_or_default())
    };
    let (found, next_token) = page.cut(found, Order::Ascending, cursor)?;
    Ok(TagsType { tags: Some(found), next_token })
}

fn check(filters: &[Filter]) -> Result<(), CommonError> {
    let known = ["auto-scaling-group", "key", "value", "propagate-at-launch"];
    match filters.iter().map(|filter| filter.name.as_deref().unwrap_or_default()).find(|name| !known.contains(name)) {
        Some(name) => Err(invalid(format!(
            "Filter type {name} is not correct. Allowed Filter types are: auto-scaling-group key propagate-at-launch value"
        ))),
        None => Ok(()),
    }
}

fn passes(tag: &TagDescription, filter: &Filter) -> bool {
    let propagates = tag.propagate_at_launch.unwrap_or(false).to_string();
    let value = match filter.name.as_deref().unwrap_or_default() {
        "auto-scaling-group" => tag.resource_id.as_deref(),
        "key" => tag.key.as_deref(),
        "value" => tag.value.as_deref(),
        _ => Some(propagates.as_str()),
    };
    filter.values.iter().flatten().any(|wanted| Some(wanted.as_str()) == value)
}
