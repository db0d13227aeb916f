//! What IAM checks beyond the model's lengths, in its words.

use api_models::iam::{CommonError, MalformedPolicyDocumentException, ValidationErrorException};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::services::Context;
use crate::services::iam::policy::{self, Kind};
use crate::time::Timestamp;

/// What RFC 3986 does not reserve.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name; `member` as the message calls it (`roleName`).
///
/// # Errors
/// When another character than letters, digits and `_+=,.@-` is in it.
pub fn name(member: &str, text: &str) -> Result<(), CommonError> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
        return Ok(());
    }
    Err(ValidationErrorException::new(format!(
        "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
         following: +=,.@_-"
    ))
    .into())
}

/// The path that something is made under; `/` when none is given.
///
/// # Errors
/// When it does not begin and end with a slash.
pub fn path(given: Option<String>) -> Result<String, CommonError> {
    let path = given.unwrap_or_else(|| "/".to_owned());
    let valid = path.starts_with('/') && path.ends_with('/') && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if valid {
        return Ok(path);
    }
    Err(ValidationErrorException::new(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters.",
    )
    .into())
}

/// The path that a list is limited to; all paths begin with `/`.
///
/// # Errors
/// When it does not begin with a slash.
pub fn path_prefix(given: Option<String>) -> Result<String, CommonError> {
    let prefix = given.unwrap_or_else(|| "/".to_owned());
    if prefix.starts_with('/') && prefix.bytes().all(|byte| (0x21..=0x7f).contains(&byte)) {
        return Ok(prefix);
    }
    Err(ValidationErrorException::new(
        "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters \
         and/or / characters.",
    )
    .into())
}

/// A policy's text, after it was checked.
///
/// # Errors
/// MalformedPolicyDocument, with what is wrong.
pub fn document(text: Option<String>, kind: Kind) -> Result<String, CommonError> {
    let text = text.unwrap_or_default();
    match policy::check(&text, kind) {
        Ok(_) => Ok(text),
        Err(fault) => Err(MalformedPolicyDocumentException::new(fault).into()),
    }
}

/// A policy as answers have it.
#[must_use]
pub fn url_encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

/// The time in whole seconds, which is what IAM shows.
#[must_use]
pub fn now(context: &Context) -> Timestamp {
    let now = context.now().as_millis();
    Timestamp::from_millis(now - now.rem_euclid(1000))
}
