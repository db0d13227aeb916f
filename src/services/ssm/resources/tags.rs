//! The rules for tags of parameters.

use std::collections::BTreeMap;

use api_models::ssm::{Tag, ValidationException};

use crate::services::tag_rules::{is_allowed, is_reserved};

/// How many tags a parameter can have.
pub(super) const MAX_TAGS: usize = 50;

/// `present` with the tags of a request; a key that is there already gets the new value. `None` when that makes too
/// many.
///
/// # Errors
/// ValidationException for the first rule that is broken.
pub fn checked(
    present: &BTreeMap<String, String>,
    given: Vec<Tag>,
) -> Result<Option<BTreeMap<String, String>>, ValidationException> {
    let mut tags = present.clone();
    let mut new = BTreeMap::new();
    for tag in given {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        if let Some(bad) = [&key, &value].into_iter().find(|text| !text.chars().all(is_allowed)) {
            return Err(ValidationException::new(format!(
                "1 validation error detected: Value '{bad}' at 'tags' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: ^([\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*)$"
            )));
        }
        if is_reserved(&key) {
            return Err(ValidationException::new("Tag keys can't be prefixed with aws:")); // (ours)
        }
        if new.insert(key, value).is_some() {
            return Err(ValidationException::new("Duplicate tag keys are not allowed.")); // (ours)
        }
    }
    tags.extend(new);
    Ok((tags.len() <= MAX_TAGS).then_some(tags))
}
