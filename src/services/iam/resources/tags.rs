//! Tags: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
//!
//! Unlike elsewhere, the case of keys does not matter.

use api_models::iam::{CommonError, InvalidInputException, LimitExceededException, Tag, ValidationErrorException};

const MAX: usize = 50;

/// The tags something is made with.
///
/// # Errors
/// When a key is there twice, or characters are not allowed.
pub fn given(tags: Option<Vec<Tag>>) -> Result<Vec<Tag>, CommonError> {
    merge(&[], tags.unwrap_or_default())
}

/// `old` with `new` added or replaced.
///
/// # Errors
/// When a key is there twice in `new`, characters are not allowed, or there are more than 50 in the end.
pub fn merge(old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, CommonError> {
    for (index, tag) in new.iter().enumerate() {
        check(tag, index)?;
        if new[..index].iter().any(|other| same(other, key(tag))) {
            return Err(InvalidInputException::new(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            )
            .into());
        }
    }
    let mut merged: Vec<Tag> = old.iter().filter(|old| !new.iter().any(|tag| same(tag, key(old)))).cloned().collect();
    merged.extend(new);
    if merged.len() > MAX {
        return Err(
            LimitExceededException::new(format!("The number of tags has reached the maximum limit of {MAX}.")).into()
        );
    }
    Ok(merged)
}

/// `tags` without those of these keys.
#[must_use]
pub fn without(tags: &[Tag], keys: &[String]) -> Vec<Tag> {
    tags.iter().filter(|tag| !keys.iter().any(|key| same(tag, key))).cloned().collect()
}

/// The tags as answers have them: not at all when there are none.
#[must_use]
pub fn shown(tags: &[Tag]) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| tags.to_vec())
}

fn key(tag: &Tag) -> &str {
    tag.key.as_deref().unwrap_or_default()
}

fn same(tag: &Tag, other: &str) -> bool {
    key(tag).to_lowercase() == other.to_lowercase()
}

fn check(tag: &Tag, index: usize) -> Result<(), CommonError> {
    if key(tag).to_ascii_lowercase().starts_with("aws:") {
        return Err(InvalidInputException::new("The tag key prefix 'aws:' is reserved and can not be used.").into());
    }
    let allowed = |text: &str| {
        text.chars().all(|letter| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter))
    };
    for (member, text, pattern) in [
        ("key", key(tag), r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+"),
        ("value", tag.value.as_deref().unwrap_or_default(), r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"),
    ] {
        if !allowed(text) {
            return Err(ValidationErrorException::new(format!(
                "1 validation error detected: Value '{text}' at 'tags.{}.member.{member}' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: {pattern}",
                index + 1
            ))
            .into());
        }
    }
    Ok(())
}
