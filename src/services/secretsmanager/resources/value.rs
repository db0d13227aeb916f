//! The value that a request brings: a text or bytes, not both.

use api_models::Blob;
use api_models::secretsmanager::InvalidParameterException;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SecretValue;
use crate::services::sensitive::Sensitive;

/// The value in a request, if it has one.
///
/// # Errors
/// InvalidParameterException when it has two.
pub fn given(text: Option<String>, binary: Option<Blob>) -> Result<Option<SecretValue>, InvalidParameterException> {
    match (text, binary) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(SecretValue::Text(Sensitive::new(text)))),
        (None, Some(blob)) => Ok(Some(SecretValue::Binary(Sensitive::new(STANDARD.encode(blob.0))))),
        (Some(_), Some(_)) => Err(InvalidParameterException::new(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
    }
}

impl SecretValue {
    /// As answers have it: the text, or the bytes.
    #[must_use]
    pub fn to_api(&self) -> (Option<String>, Option<Blob>) {
        match self {
            Self::Text(text) => (Some(text.expose().clone()), None),
            Self::Binary(base64) => (None, Some(Blob(STANDARD.decode(base64.expose()).unwrap_or_default()))),
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose()),
            Self::Binary(_) => None,
        }
    }
}
