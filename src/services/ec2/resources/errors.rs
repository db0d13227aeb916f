//! EC2's errors: a code and a sentence.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use api_models::ec2::ClientError;

/// Any error of EC2.
#[must_use]
pub fn error(code: &str, message: impl Into<String>) -> ClientError {
    ClientError { code: Some(code.to_owned()), message: Some(message.into()) }
}

/// What the operation needs and the request doesn't have.
#[must_use]
pub fn missing(parameter: &str) -> ClientError {
    error("MissingParameter", format!("The request must contain the parameter {parameter}"))
}

/// A value that the parameter can't have.
#[must_use]
pub fn invalid_value(parameter: &str, value: &str) -> ClientError {
    error("InvalidParameterValue", format!("Value ({value}) for parameter {parameter} is invalid."))
}

/// Parameters that don't go together.
#[must_use]
pub fn combination(message: &str) -> ClientError {
    error("InvalidParameterCombination", message)
}

/// What EC2 does and LocalECS does not.
#[must_use]
pub fn unsupported(what: &str) -> ClientError {
    error("UnsupportedOperation", format!("LocalECS does not support {what}."))
}

/// The answer to a dry run that would have succeeded: it is an error too.
#[must_use]
pub fn dry_run() -> ClientError {
    error("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
}

/// The request's flag `DryRun`, once everything else was checked.
///
/// # Errors
/// DryRunOperation when it is set.
pub fn unless_dry(flag: Option<bool>) -> Result<(), ClientError> {
    if flag == Some(true) { Err(dry_run()) } else { Ok(()) }
}

/// How many items a page may have; `default` when nothing is asked.
///
/// # Errors
/// InvalidParameterValue, in EC2's words, when it is not within `least..=most`.
pub fn page_size(asked: Option<i32>, least: i32, most: i32) -> Result<usize, ClientError> {
    let Some(asked) = asked else { return Ok(usize::try_from(most).unwrap_or(usize::MAX)) };
    let wrong = |what: &str, bound: i32| {
        let message =
            format!("Value ( {asked} ) for parameter maxResults is invalid. Expecting a value {what} {bound}.");
        Err(error("InvalidParameterValue", message))
    };
    if asked < least {
        return wrong("greater than or equal to", least);
    }
    if asked > most {
        return wrong("less than or equal to", most);
    }
    Ok(usize::try_from(asked).unwrap_or(usize::MAX))
}

/// A token that the operation did not give.
#[must_use]
pub fn invalid_token() -> ClientError {
    error("InvalidNextToken", "The token is invalid or has expired.")
}

/// Whether the text is `prefix-` and 8 or 17 hexadecimal digits.
#[must_use]
pub fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    })
}
