//! Pages of groups and streams: a token names the operation and the last item given, so that the next page begins
//! behind it even when it is gone by then.

use api_models::logs::{CommonError, InvalidParameterException};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The most groups or streams a page has, and what it has when nothing is asked for.
pub const PAGE: usize = 50;

/// The error that every token gets which is none of the operation's.
#[must_use]
pub fn invalid_token() -> CommonError {
    InvalidParameterException::new("The specified nextToken is invalid.").into()
}

/// A token for `cursor`.
#[must_use]
pub fn encode(operation: &str, cursor: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{operation}\n{cursor}"))
}

/// The cursor in a token of `operation`.
///
/// # Errors
/// InvalidParameterException when the operation gave no such token.
pub fn decode(operation: &str, token: &str) -> Result<String, CommonError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid_token())?;
    let text = String::from_utf8(bytes).map_err(|_| invalid_token())?;
    match text.split_once('\n') {
        Some((of, cursor)) if of == operation => Ok(cursor.to_owned()),
        _ => Err(invalid_token()),
    }
}

/// How many items to give for the `limit` of a request.
#[must_use]
pub fn size(limit: Option<i32>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, PAGE)
}
