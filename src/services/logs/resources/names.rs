//! Names of log groups and streams, and how requests give them: as a name, or (for a group) as an ARN.

use api_models::logs::{CommonError, InvalidParameterException, ResourceNotFoundException};

use crate::identity::{Arn, Scope};
use crate::logstore::{GroupKey, LogStoreError, StreamKey};

const GROUP_PATTERN: &str = r"[\.\-_/#A-Za-z0-9]+";
const STREAM_PATTERN: &str = "[^:*]*";

/// The ARN of a log group, as newer operations take it: without `:*`.
#[must_use]
pub fn group_arn(key: &GroupKey) -> String {
    key.scope.arn("logs", &["log-group:", &key.name])
}

/// The ARN of a log stream.
#[must_use]
pub fn stream_arn(group: &GroupKey, stream: &str) -> String {
    group.scope.arn("logs", &["log-group:", &group.name, ":log-stream:", stream])
}

/// A group by its name.
///
/// # Errors
/// InvalidParameterException when no group can have the name.
pub fn group(scope: &Scope, name: Option<&str>) -> Result<GroupKey, CommonError> {
    let name = name.unwrap_or_default();
    check_group_characters("logGroupName", name)?;
    Ok(GroupKey::new(scope, name))
}

/// Checks the characters of a group's name, or of a part of one.
///
/// # Errors
/// InvalidParameterException when there are others than CloudWatch allows.
pub fn check_group_characters(member: &str, name: &str) -> Result<(), CommonError> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "._-/#".contains(char);
    if name.chars().all(allowed) { Ok(()) } else { Err(off_pattern(member, name, GROUP_PATTERN)) }
}

/// A stream by its names.
///
/// # Errors
/// InvalidParameterException when no group or stream can have the name.
pub fn stream(scope: &Scope, group_name: Option<&str>, stream: Option<&str>) -> Result<StreamKey, CommonError> {
    let group = group(scope, group_name)?;
    stream_of(&group, stream.unwrap_or_default())
}

/// A stream of a group.
///
/// # Errors
/// InvalidParameterException when no stream can have the name.
pub fn stream_of(group: &GroupKey, name: &str) -> Result<StreamKey, CommonError> {
    check_stream_characters("logStreamName", name)?;
    Ok(StreamKey { scope: group.scope.clone(), group: group.name.clone(), stream: name.into() })
}

/// Checks the characters of a stream's name, or of a part of one.
///
/// # Errors
/// InvalidParameterException when it has a colon or an asterisk.
pub fn check_stream_characters(member: &str, name: &str) -> Result<(), CommonError> {
    if name.contains([':', '*']) { Err(off_pattern(member, name, STREAM_PATTERN)) } else { Ok(()) }
}

fn off_pattern(member: &str, value: &str, pattern: &str) -> CommonError {
    InvalidParameterException::new(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern}"
    ))
    .into()
}

/// A group that is given by `logGroupName` or `logGroupIdentifier`, but not by both.
///
/// # Errors
/// InvalidParameterException when both or none are given, or when it is no name; ResourceNotFoundException for an
/// ARN of another account or region.
pub fn named_or_identified(
    scope: &Scope,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<GroupKey, CommonError> {
    match (name, identifier) {
        (Some(name), None) => group(scope, Some(name)),
        (None, Some(identifier)) => identified(scope, identifier),
        (None, None) => {
            Err(InvalidParameterException::new("Must provide either logGroupName or logGroupIdentifier").into())
        }
        (Some(_), Some(_)) => Err(InvalidParameterException::new(
            "LogGroup name and LogGroup identifier are mutually exclusive parameters.",
        )
        .into()),
    }
}

/// A group by its name or its ARN, with or without `:*`.
///
/// # Errors
/// As [`named_or_identified`].
pub fn identified(scope: &Scope, identifier: &str) -> Result<GroupKey, CommonError> {
    if !identifier.starts_with("arn:") {
        return group(scope, Some(identifier));
    }
    let invalid = || InvalidParameterException::new("Invalid log group ARN");
    let arn = Arn::parse(identifier).map_err(|_| invalid())?;
    let name = arn.resource.strip_prefix("log-group:").filter(|_| arn.service == "logs").ok_or_else(invalid)?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    if name.is_empty() {
        return Err(invalid().into());
    }
    check_group_characters("logGroupIdentifier", name)?;
    // What lies elsewhere could be shared between accounts on AWS; here nobody shares anything.
    if arn.region != scope.region.as_str() || arn.account != scope.account.to_string() {
        return Err(ResourceNotFoundException::new(LogStoreError::NoSuchGroup.to_string()).into());
    }
    Ok(GroupKey::new(scope, name))
}

/// A group that tagging operations name by its ARN, without `:*`.
///
/// # Errors
/// As [`identified`]; InvalidParameterException when it is no ARN.
pub fn tagged(scope: &Scope, arn: &str) -> Result<GroupKey, CommonError> {
    if !arn.starts_with("arn:") || arn.ends_with(":*") {
        return Err(InvalidParameterException::new("The specified resource ARN is invalid.").into());
    }
    identified(scope, arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    #[test]
    fn a_group_is_named_in_three_ways() {
        let scope = context().scope;
        let wanted = GroupKey::new(&scope, "/ecs/web");
        let arn = group_arn(&wanted);
        assert_eq!(arn, "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web");
        for text in ["/ecs/web", &arn, &format!("{arn}:*")] {
            assert_eq!(identified(&scope, text).expect(text), wanted);
        }
        for bad in ["a b", "arn:aws:logs:us-east-1:123456789012:destination:x", "arn:aws:logs", &format!("{arn}:x")] {
            assert!(matches!(identified(&scope, bad), Err(CommonError::InvalidParameterException(_))), "{bad}");
        }
        let elsewhere = arn.replace("us-east-1", "eu-west-1");
        assert!(matches!(identified(&scope, &elsewhere), Err(CommonError::ResourceNotFoundException(_))));
    }

    #[test]
    fn a_group_is_named_once() {
        let scope = context().scope;
        for (name, identifier) in [(None, None), (Some("a"), Some("a"))] {
            let refused = named_or_identified(&scope, name, identifier);
            assert!(matches!(refused, Err(CommonError::InvalidParameterException(_))));
        }
        let error = group(&scope, Some("a b")).expect_err("a space");
        assert!(error.to_string().contains(r"regular expression pattern: [\.\-_/#A-Za-z0-9]+"), "{error}");
        assert!(stream_of(&GroupKey::new(&scope, "g"), "a:b").is_err());
    }
}
