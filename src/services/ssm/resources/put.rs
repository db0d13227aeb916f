//! Pure: what PutParameter makes of a parameter.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use api_models::ssm::{
    InvalidAllowedPatternException, ParameterAlreadyExists, ParameterMaxVersionLimitExceeded,
    ParameterPatternMismatchException, ParameterTier, PutParameterError, UnsupportedParameterType, ValidationException,
};
use regex::RegexBuilder;

use super::{Kind, Parameter, ParameterVersion, Tier};
use crate::services::sensitive::Sensitive;
use crate::time::Timestamp;

/// How many versions are kept.
const MAX_VERSIONS: usize = 100;
const STANDARD_BYTES: usize = 4096;
const ADVANCED_BYTES: usize = 8192;
/// The key that encrypts where none is given.
const DEFAULT_KEY: &str = "alias/aws/ssm";
const DEFAULT_DATA_TYPE: &str = "text";
/// Memory that a pattern may take once compiled.
const PATTERN_BYTES: usize = 1 << 20;
const TIERS_PAGE: &str =
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";

/// What a request asks for. What is `None` stays as it is.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub value: Sensitive<String>,
    pub kind: Option<Kind>,
    pub description: Option<String>,
    pub key_id: Option<String>,
    pub allowed_pattern: Option<String>,
    pub tier: Option<ParameterTier>,
    pub data_type: Option<String>,
    pub overwrite: bool,
}

/// The versions that the parameter has after the request.
///
/// # Errors
/// Parameter Store's exception for the first rule that is broken.
pub fn plan(
    name: &str,
    present: Option<&Parameter>,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Vec<ParameterVersion>, PutParameterError> {
    let mut versions = present.map(|parameter| parameter.versions.clone()).unwrap_or_default();
    if !versions.is_empty() && !wanted.overwrite {
        return Err(ParameterAlreadyExists::new(
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
        .into());
    }
    let before = versions.last();
    let version = next(before, wanted, now)?;
    if versions.len() >= MAX_VERSIONS {
        if let Some(oldest) = versions.first().filter(|oldest| !oldest.labels.is_empty()) {
            return Err(ParameterMaxVersionLimitExceeded::new(format!(
                "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite \
                 flag. Version {}, the oldest version, can't be deleted because it has a label associated with it. \
                 Move the label to another version of the parameter, and try again.",
                oldest.number
            ))
            .into());
        }
        versions.remove(0);
    }
    versions.push(version);
    Ok(versions)
}

fn next(
    before: Option<&ParameterVersion>,
    wanted: Wanted,
    now: Timestamp,
) -> Result<ParameterVersion, PutParameterError> {
    let kind = wanted
        .kind
        .or(before.map(|version| version.kind))
        .ok_or_else(|| ValidationException::new("A parameter type is required when you create a parameter."))?;
    let key_id = match (kind, wanted.key_id) {
        (Kind::SecureString, given) => {
            given.or_else(|| before?.key_id.clone()).or_else(|| Some(DEFAULT_KEY.to_owned()))
        }
        (_, None) => None,
        (_, Some(_)) => {
            let message = "KeyId is required for SecureString type parameter only.";
            return Err(ValidationException::new(message).into());
        }
    };
    let data_type = wanted
        .data_type
        .or_else(|| before.map(|version| version.data_type.clone()))
        .filter(|given| !given.is_empty())
        .unwrap_or_else(|| DEFAULT_DATA_TYPE.to_owned());
    let value = wanted.value.expose();
    check_data_type(&data_type, kind, value)?;
    let tier = tier(before.map(|version| version.tier), wanted.tier.as_ref(), value.len())?;
    let allowed_pattern = wanted
        .allowed_pattern
        .or_else(|| before.and_then(|version| version.allowed_pattern.clone()))
        .filter(|pattern| !pattern.is_empty());
    if let Some(pattern) = &allowed_pattern {
        check_pattern(pattern, kind, value)?;
    }
    Ok(ParameterVersion {
        number: before.map_or(1, |version| version.number + 1),
        kind,
        value: wanted.value,
        description: wanted.description.or_else(|| before.and_then(|version| version.description.clone())),
        key_id,
        allowed_pattern,
        tier,
        data_type,
        labels: Vec::new(),
        modified_at: now,
    })
}

fn check_data_type(data_type: &str, kind: Kind, value: &str) -> Result<(), PutParameterError> {
    match data_type {
        "text" | "aws:ssm:integration" => Ok(()),
        "aws:ec2:image" => {
            let digits = value.strip_prefix("ami-").unwrap_or_default();
            let is_image = matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if kind != Kind::String {
                return Err(UnsupportedParameterType::new("The data type aws:ec2:image needs the type String.").into()); // (ours)
            }
            if is_image {
                return Ok(());
            }
            Err(ValidationException::new("The value is not the ID of an Amazon Machine Image.").into()) // (ours)
        }
        other => Err(ValidationException::new(format!(
            "The following data type is not supported: {other} (Data type names are all lowercase.)"
        ))
        .into()),
    }
}

/// The tier that a value of so many bytes is kept in.
fn tier(before: Option<Tier>, wanted: Option<&ParameterTier>, bytes: usize) -> Result<Tier, PutParameterError> {
    let refuse = |message: String| Err(ValidationException::new(message).into());
    let tier = match (wanted, before) {
        (Some(ParameterTier::Advanced), _) | (None | Some(ParameterTier::IntelligentTiering), Some(Tier::Advanced)) => {
            Tier::Advanced
        }
        (Some(ParameterTier::Standard), Some(Tier::Advanced)) => {
            return refuse(format!(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
                 advanced-parameter tier to the standard-parameter tier. For more information, see {TIERS_PAGE}"
            ));
        }
        (Some(ParameterTier::IntelligentTiering), _) if bytes > STANDARD_BYTES => Tier::Advanced,
        _ => Tier::Standard,
    };
    match tier {
        Tier::Standard if bytes > STANDARD_BYTES => refuse(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_BYTES} characters. To create a \
             larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, \
             see {TIERS_PAGE}"
        )),
        Tier::Advanced if bytes > ADVANCED_BYTES => refuse(format!(
            "Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES} characters."
        )),
        tier => Ok(tier),
    }
}

/// The whole value must match, of a list each of its items.
fn check_pattern(pattern: &str, kind: Kind, value: &str) -> Result<(), PutParameterError> {
    let regex = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES).build().map_err(|_| {
        let message = "The request does not meet the regular expression requirement.";
        InvalidAllowedPatternException::new(message)
    })?;
    let matches = match kind {
        Kind::StringList => value.split(',').all(|item| regex.is_match(item)),
        Kind::String | Kind::SecureString => regex.is_match(value),
    };
    if matches {
        return Ok(());
    }
    let message = format!("Parameter value, cannot be validated against allowedPattern: {pattern}");
    Err(ParameterPatternMismatchException::new(message).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{AccountId, Region, Scope};
    use crate::services::ssm::resources::ParameterKey;
    use crate::testing::START;

    fn wanted(value: &str) -> Wanted {
        Wanted {
            value: Sensitive::new(value.to_owned()),
            kind: Some(Kind::String),
            description: None,
            key_id: None,
            allowed_pattern: None,
            tier: None,
            data_type: None,
            overwrite: true,
        }
    }

    fn parameter(versions: Vec<ParameterVersion>) -> Parameter {
        let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
        Parameter { key: ParameterKey::new(&scope, "p"), tags: BTreeMap::new(), versions }
    }

    fn put(present: Option<&Parameter>, wanted: Wanted) -> Result<Parameter, String> {
        plan("p", present, wanted, START).map(parameter).map_err(|error| error.to_string())
    }

    fn refused(present: Option<&Parameter>, wanted: Wanted, words: &str) {
        let error = put(present, wanted).expect_err(words);
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_not_given_stays() {
        let first = Wanted { description: Some("d".into()), allowed_pattern: Some("\\d{1,4}".into()), ..wanted("100") };
        let first = put(None, first).expect("put");
        let second = put(Some(&first), Wanted { kind: None, ..wanted("200") }).expect("put");
        let newest = &second.versions[1];
        assert_eq!((newest.number, newest.kind, newest.description.as_deref()), (2, Kind::String, Some("d")));
        refused(Some(&second), wanted("10,000"), "cannot be validated against allowedPattern: \\d{1,4}");
        refused(Some(&second), Wanted { overwrite: false, ..wanted("1") }, "already exists");
        refused(None, Wanted { kind: None, ..wanted("1") }, "A parameter type is required");
        refused(None, Wanted { key_id: Some("k".into()), ..wanted("1") }, "KeyId is required for SecureString");
        refused(None, Wanted { allowed_pattern: Some("(".into()), ..wanted("1") }, "regular expression requirement");
        refused(None, Wanted { data_type: Some("Text".into()), ..wanted("1") }, "data type is not supported: Text");
    }

    #[test]
    fn tiers_are_by_size_and_never_go_down() {
        let big = "x".repeat(STANDARD_BYTES + 1);
        refused(None, wanted(&big), "Standard tier parameters support a maximum parameter value of 4096 characters.");
        let tiering = Some(ParameterTier::IntelligentTiering);
        let advanced = put(None, Wanted { tier: tiering.clone(), ..wanted(&big) }).expect("put");
        assert_eq!(advanced.versions[0].tier, Tier::Advanced);
        assert_eq!(put(None, Wanted { tier: tiering, ..wanted("x") }).expect("put").versions[0].tier, Tier::Standard);
        refused(
            Some(&advanced),
            Wanted { tier: Some(ParameterTier::Standard), ..wanted("x") },
            "You can't downgrade a parameter",
        );
        refused(Some(&advanced), wanted(&"x".repeat(ADVANCED_BYTES + 1)), "8192 characters");
    }

    #[test]
    fn a_hundred_versions_are_kept_and_a_label_keeps_the_oldest() {
        let mut present = put(None, wanted("1")).expect("put");
        for number in 2..=101 {
            present = put(Some(&present), wanted(&number.to_string())).expect("put");
        }
        assert_eq!((present.versions.len(), present.versions[0].number), (100, 2));
        assert!(present.label(2, &["prod".to_owned()]));
        refused(Some(&present), wanted("x"), "Version 2, the oldest version, can't be deleted because it has a label");
        assert_eq!(present.unlabel(2, &["prod".to_owned(), "other".to_owned()]), ["prod"]);
        assert!(put(Some(&present), wanted("x")).is_ok());
    }
}
