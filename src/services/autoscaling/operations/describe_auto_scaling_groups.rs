//! DescribeAutoScalingGroups: groups, by name or tag.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>

use api_models::autoscaling::{
    AutoScalingGroupNamesType, AutoScalingGroupsType, CommonError, DescribeAutoScalingGroupsError, Filter,
};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::page::PageRequest;
use crate::services::autoscaling::resources::{Group, change};
use crate::services::paging::Order;

pub(crate) async fn handle(
    context: Context,
    input: AutoScalingGroupNamesType,
) -> Result<AutoScalingGroupsType, DescribeAutoScalingGroupsError> {
    let filters = input.filters.unwrap_or_default();
    check(&filters)?;
    let page = PageRequest::new("DescribeAutoScalingGroups", input.max_records, 100, input.next_token)?;
    let names = input.auto_scaling_group_names.unwrap_or_default();
    let state = context.snapshot();
    let groups = change::groups_of(&state, &context.scope)
        .filter(|group| names.is_empty() || names.iter().any(|name| **name == *group.key.name))
        .filter(|group| filters.iter().all(|filter| passes(group, filter)));
    let (groups, next_token) = page.cut(groups, Order::Ascending, |group| group.key.name.to_string())?;
    let with_instances = input.include_instances.unwrap_or(true);
    let groups = groups.into_iter().map(|group| group.shown(with_instances)).collect();
    Ok(AutoScalingGroupsType { auto_scaling_groups: Some(groups), next_token })
}

/// `tag-key`, `tag-value` and `tag:<key>`.
fn check(filters: &[Filter]) -> Result<(), CommonError> {
    let name = |filter: &Filter| filter.name.clone().unwrap_or_default();
    let known = |name: &str| matches!(name, "tag-key" | "tag-value") || name.starts_with("tag:");
    match filters.iter().map(name).find(|name| !known(name)) {
        Some(name) => Err(invalid(format!(
            "Filter type {name} is not correct. Allowed Filter types are: [tag-value, tag:<key>, tag-key]"
        ))),
        None => Ok(()),
    }
}

fn passes(group: &Group, filter: &Filter) -> bool {
    let wanted = filter.values.as_deref().unwrap_or_default();
    let is_wanted = |text: &String| wanted.contains(text);
    match filter.name.as_deref().unwrap_or_default() {
        "tag-key" => group.tags.keys().any(is_wanted),
        "tag-value" => group.tags.values().any(|tag| is_wanted(&tag.value)),
        name => name.strip_prefix("tag:").and_then(|key| group.tags.get(key)).is_some_and(|tag| is_wanted(&tag.value)),
    }
}
