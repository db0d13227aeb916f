//! The rules for names and tags.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>

use std::collections::BTreeMap;

use api_models::secretsmanager::{CommonError, InvalidParameterException, InvalidRequestException, Tag};

use crate::services::tag_rules::{is_allowed, is_reserved};

/// How many tags a secret can have.
const MAX_TAGS: usize = 50;

/// Checks a new secret's name.
///
/// # Errors
/// InvalidParameterException when it has other characters than AWS allows.
pub fn name(name: &str) -> Result<(), InvalidParameterException> {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-!".contains(c)) {
        return Ok(());
    }
    Err(InvalidParameterException::new(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ))
}

/// `present` with the tags of a request; a key that is there already gets the new value.
///
/// # Errors
/// InvalidParameterException or InvalidRequestException for the first rule that is broken.
pub fn checked_tags(
    present: &BTreeMap<String, String>,
    given: Vec<Tag>,
) -> Result<BTreeMap<String, String>, CommonError> {
    let mut tags = present.clone();
    let mut new = BTreeMap::new();
    for tag in given {
        let (Some(key), Some(value)) = (tag.key, tag.value) else {
            return Err(InvalidParameterException::new("A tag needs a key and a value.").into()); // (ours)
        };
        if !key.chars().all(is_allowed) || !value.chars().all(is_allowed) {
            let message = "Some tags contain invalid characters. Valid characters: UTF-8 letters, spaces, numbers and \
                           _ . / = + - : @."; // (ours)
            return Err(InvalidParameterException::new(message).into());
        }
        if is_reserved(&key) {
            return Err(InvalidRequestException::new("Tag keys that start with aws: are reserved.").into()); // (ours)
        }
        if new.insert(key, value).is_some() {
            return Err(InvalidRequestException::new("Duplicate tag keys are not allowed.").into()); // (ours)
        }
    }
    tags.extend(new);
    if tags.len() > MAX_TAGS {
        let message = format!("You've reached the limit of {MAX_TAGS} tags for this secret."); // (ours)
        return Err(InvalidParameterException::new(message).into());
    }
    Ok(tags)
}
