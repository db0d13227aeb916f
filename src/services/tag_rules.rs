//! What AWS allows in tags, the same in all services; each refuses the rest in its own words.
//!
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

/// Whether AWS keeps this key or value for itself: `aws:` in any case.
#[must_use]
pub fn is_reserved(text: &str) -> bool {
    text.as_bytes().get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"aws:"))
}

/// AWS's pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
#[must_use]
pub fn is_allowed(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
