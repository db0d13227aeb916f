//! Tags: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>

use std::collections::BTreeMap;

use api_models::ec2::{ClientError, ResourceType, Tag, TagSpecification};

use super::errors::error;
use super::instance::find_all;
use super::launch::pairs;
use super::{Instance, LaunchTemplate, template};
use crate::identity::Scope;
use crate::services::tag_rules::is_reserved;
use crate::store::Transaction;

/// How many tags of its owner a resource may have.
const MAX: usize = 50;

/// Tags as answers have them.
#[must_use]
pub fn shown(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// Adds or replaces tags.
///
/// # Errors
/// A key or value breaks the rules, or there are too many in the end.
pub fn add(tags: &mut BTreeMap<String, String>, given: &[Tag]) -> Result<(), ClientError> {
    check(given)?;
    tags.extend(pairs(Some(given)));
    let own = tags.keys().filter(|key| !is_reserved(key)).count();
    if own > MAX {
        return Err(error("TagLimitExceeded", format!("The maximum number of Tags for a resource is {MAX}.")));
    }
    Ok(())
}

/// Checks keys and values.
///
/// # Errors
/// A key or value breaks the rules.
pub fn check(given: &[Tag]) -> Result<(), ClientError> {
    for (key, value) in pairs(Some(given)) {
        if key.is_empty() {
            return Err(error("InvalidParameterValue", "Tag key cannot be empty"));
        }
        if is_reserved(&key) {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(error("InvalidParameterValue", message));
        }
        if key.chars().count() > 127 {
            return Err(error(
                "InvalidParameterValue",
                format!("Tag key exceeds the maximum length of 127 characters: {key}"),
            ));
        }
        if value.chars().count() > 255 {
            let message = format!("Tag value exceeds the maximum length of 255 characters: {value}");
            return Err(error("InvalidParameterValue", message));
        }
    }
    Ok(())
}

/// Removes tags: one with a value only if it has that value; without any, all but AWS's own.
pub fn remove(tags: &mut BTreeMap<String, String>, given: &[Tag]) {
    if given.is_empty() {
        tags.retain(|key, _| is_reserved(key));
    }
    for tag in given {
        let key = tag.key.as_deref().unwrap_or_default();
        let same = |known: &String| tag.value.as_ref().is_none_or(|value| value == known);
        if tags.get(key).is_some_and(same) && !is_reserved(key) {
            tags.remove(key);
        }
    }
}

/// Changes the tags of the instance or launch template with this id.
///
/// # Errors
/// There is none; or what `change` says.
pub fn change(
    tx: &mut Transaction,
    scope: &Scope,
    id: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    if id.starts_with("i-") {
        let found = find_all(tx, scope, &[id.to_owned()])?;
        let Some(mut instance) = found.first().map(|found| Instance::clone(found)) else { return Ok(()) };
        change(&mut instance.tags)?;
        tx.put(instance);
        return Ok(());
    }
    if id.starts_with("lt-") {
        let mut template = LaunchTemplate::clone(template::find(tx, scope, Some(id), None)?);
        change(&mut template.tags)?;
        tx.put(template);
        return Ok(());
    }
    Err(error("InvalidID", format!("The ID '{id}' is not valid")))
}

/// The tags for one type of what is being made.
///
/// # Errors
/// A tag breaks the rules, or tags are for something that is not made here (`known` is).
pub fn specified(
    given: Option<&[TagSpecification]>,
    wanted: &ResourceType,
    known: &[ResourceType],
) -> Result<BTreeMap<String, String>, ClientError> {
    let mut tags = BTreeMap::new();
    for specification in given.unwrap_or_default() {
        let kind = specification.resource_type.as_ref();
        if !kind.is_some_and(|kind| known.contains(kind)) {
            let name = kind.map_or("null", ResourceType::as_str);
            let message = format!("'{name}' is not a valid taggable resource type for this operation.");
            return Err(error("InvalidParameterValue", message));
        }
        if kind == Some(wanted) {
            add(&mut tags, specification.tags.as_deref().unwrap_or_default())?;
        }
    }
    Ok(tags)
}
