//! The rules tags obey, the same at creation and in TagResource.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions>

use std::collections::BTreeSet;

use api_models::ecs::{InvalidParameterException, Tag};

use crate::services::tag_rules::{is_allowed, is_reserved};

/// How many tags a resource can have; those whose key begins with `aws:` are not counted.
pub const MAX_TAGS: usize = 50;

const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Checks tags a request brings: number, lengths (in characters), characters, the reserved prefix, duplicate keys.
/// No tags at all are fine here; the operations that refuse an empty list do so themselves.
///
/// # Errors
/// InvalidParameterException for the first rule that is broken.
pub fn validate(tags: &[Tag]) -> Result<(), InvalidParameterException> {
    let refuse = |message: &str| Err(InvalidParameterException::new(message));
    let mut keys = BTreeSet::new();
    for tag in tags {
        let Some(key) = tag.key.as_deref() else { return refuse("Tag key can not be null.") };
        let Some(value) = tag.value.as_deref() else { return refuse("Tag value can not be null.") };
        validate_key(key)?;
        if value.chars().count() > MAX_VALUE {
            return refuse("Tag values can be up to 256 characters long.");
        }
        if !value.chars().all(is_allowed) {
            return refuse(INVALID_CHARACTERS);
        }
        if is_reserved(value) {
            return refuse("Tag values can not be prefixed with aws:");
        }
        if !keys.insert(key) {
            return refuse("Duplicate tag keys are not allowed.");
        }
    }
    check_count(tags)
}

/// Checks one tag key, as UntagResource names it.
///
/// # Errors
/// InvalidParameterException when it can't be the key of a user's tag.
pub fn validate_key(key: &str) -> Result<(), InvalidParameterException> {
    let refuse = |message: &str| Err(InvalidParameterException::new(message));
    match key.chars().count() {
        0 => return refuse("Tag key can not be blank."),
        1..=MAX_KEY => {}
        _ => return refuse("Tag keys can be up to 128 characters long."),
    }
    if !key.chars().all(is_allowed) {
        return refuse(INVALID_CHARACTERS);
    }
    if is_reserved(key) {
        return refuse("Tag keys can not be prefixed with aws:");
    }
    Ok(())
}

/// `present` with `new` added; a key that is there already gets the new value.
///
/// # Errors
/// InvalidParameterException when that makes more than [`MAX_TAGS`].
pub fn merge(present: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, InvalidParameterException> {
    let mut tags = present.to_vec();
    for tag in new {
        match tags.iter_mut().find(|old| old.key == tag.key) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

const INVALID_CHARACTERS: &str =
    "Some tags contain invalid characters. Valid characters: UTF-8 letters, spaces, numbers and _ . / = + - : @.";

fn check_count(tags: &[Tag]) -> Result<(), InvalidParameterException> {
    let counted = tags.iter().filter(|tag| !tag.key.as_deref().is_some_and(is_reserved)).count();
    if counted > MAX_TAGS {
        return Err(InvalidParameterException::new("The maximum number of tags per resource is 50."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) }
    }

    fn message(tags: &[Tag]) -> String {
        validate(tags).err().and_then(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn each_rule_has_its_words() {
        let long_key = "k".repeat(129);
        let long_value = "v".repeat(257);
        let cases: &[(&[Tag], &str)] = &[
            (&[], ""),
            (&[tag("team", "")], ""),
            (&[tag(&"ß".repeat(128), &"é".repeat(256))], ""),
            (&[tag("a b_.:/=+-@9", "ünï\u{a0}")], ""),
            (&[tag("my-aws:x", "x")], ""),
            (&[Tag { key: None, value: Some("v".into()) }], "Tag key can not be null."),
            (&[Tag { key: Some("k".into()), value: None }], "Tag value can not be null."),
            (&[tag("", "v")], "Tag key can not be blank."),
            (&[tag(&long_key, "v")], "Tag keys can be up to 128 characters long."),
            (&[tag("k", &long_value)], "Tag values can be up to 256 characters long."),
            (&[tag("a*b", "v")], INVALID_CHARACTERS),
            (&[tag("k", "a\tb")], INVALID_CHARACTERS),
            (&[tag("AWS:x", "v")], "Tag keys can not be prefixed with aws:"),
            (&[tag("k", "aws:v")], "Tag values can not be prefixed with aws:"),
            (&[tag("k", "1"), tag("k", "2")], "Duplicate tag keys are not allowed."),
        ];
        for (tags, expected) in cases {
            assert_eq!(message(tags), *expected, "{tags:?}");
        }
        let many: Vec<Tag> = (0..=MAX_TAGS).map(|n| tag(&n.to_string(), "v")).collect();
        assert_eq!(message(&many[..MAX_TAGS]), "");
        assert_eq!(message(&many), "The maximum number of tags per resource is 50.");
    }

    #[test]
    fn merging_replaces_keeps_the_order_and_does_not_count_awss_own() {
        let merged = merge(&[tag("a", "1"), tag("b", "1")], vec![tag("a", "2"), tag("c", "1")]).expect("few tags");
        assert_eq!(merged, [tag("a", "2"), tag("b", "1"), tag("c", "1")]);
        let own = [tag("aws:ecs:clusterName", "default")];
        let full = merge(&own, (0..MAX_TAGS).map(|n| tag(&n.to_string(), "v")).collect()).expect("exactly the limit");
        assert!(merge(&full, vec![tag("one-more", "v")]).is_err());
        assert!(merge(&full, vec![tag("7", "changed")]).is_ok());
    }
}
