//! Tags of groups: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>

use std::collections::BTreeMap;

use api_models::autoscaling::{CommonError, LimitExceededFault, Tag, TagDescription};

use super::errors::invalid;
use super::group::{Group, GroupTag};
use crate::services::tag_rules::is_reserved;

/// How many tags a group may have.
const MAX: usize = 50;
const RESOURCE: &str = "auto-scaling-group";

/// The tags of a group as answers have them.
#[must_use]
pub fn shown(group: &Group) -> Vec<TagDescription> {
    let one = |(key, tag): (&String, &GroupTag)| TagDescription {
        resource_id: Some(group.key.name.to_string()),
        resource_type: Some(RESOURCE.to_owned()),
        key: Some(key.clone()),
        value: Some(tag.value.clone()),
        propagate_at_launch: Some(tag.propagates),
    };
    group.tags.iter().map(one).collect()
}

/// Adds or replaces one.
///
/// # Errors
/// The key or value breaks the rules, or there are too many.
pub fn add(tags: &mut BTreeMap<String, GroupTag>, tag: Tag) -> Result<(), CommonError> {
    let key = tag.key.unwrap_or_default();
    if is_reserved(&key) {
        return Err(invalid("Reserved prefix used for tag key: aws:"));
    }
    let value = tag.value.unwrap_or_default();
    tags.insert(key, GroupTag { value, propagates: tag.propagate_at_launch.unwrap_or(false) });
    if tags.len() > MAX {
        return Err(LimitExceededFault::new(format!("The maximum number of tags for a group is {MAX}.")).into());
    }
    Ok(())
}

/// The name of the group that a tag is for.
///
/// # Errors
/// It names none, or something else than a group.
pub fn group_name(tag: &Tag) -> Result<&str, CommonError> {
    if let Some(kind) = tag.resource_type.as_deref().filter(|kind| *kind != RESOURCE) {
        return Err(invalid(format!("Invalid resource type {kind}: the only one is {RESOURCE}.")));
    }
    let name = tag.resource_id.as_deref().filter(|name| !name.is_empty());
    name.ok_or_else(|| invalid("A tag needs a ResourceId, the name of an Auto Scaling group."))
}
