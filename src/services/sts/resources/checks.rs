//! What STS checks beyond the model's lengths: the patterns of names, in the words of its validation.

use api_models::sts::ValidationErrorException;

/// The pattern of session names, source identities and names of federated users.
const NAME: &str = r"[\w+=,.@-]*";

/// Checks the characters of a name; `member` as the message calls it.
///
/// # Errors
/// When another character than letters, digits and `_+=,.@-` is in it.
pub fn name(member: &str, text: &str) -> Result<(), ValidationErrorException> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
        return Ok(());
    }
    Err(ValidationErrorException::new(format!(
        "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {NAME}"
    )))
}
