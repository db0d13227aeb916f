//! From what a request calls a parameter to a version of it: `name`, `name:3`, `name:label`, or the ARN in place of the
//! name.

use std::sync::Arc;

use api_models::ssm::ParameterVersionNotFound;

use super::{Parameter, ParameterKey, ParameterVersion};
use crate::identity::{Arn, Scope};
use crate::store::State;

/// A version of a parameter, and how it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    pub parameter: &'a Arc<Parameter>,
    pub version: &'a ParameterVersion,
    /// `3` or a label; none for the newest.
    pub selector: Option<&'a str>,
}

/// What is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    Parameter,
    Version { name: String, selector: String },
}

/// The version that `asked` means, in this scope.
///
/// # Errors
/// What is missing.
pub fn select<'a>(state: &'a State, scope: &Scope, asked: &'a str) -> Result<Selected<'a>, Missing> {
    let named = match Arn::parse(asked) {
        Ok(arn) => own_resource(&arn, scope).ok_or(Missing::Parameter)?,
        Err(_) => asked,
    };
    let (name, selector) = match named.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (named, None),
    };
    // `/a` may be the parameter `a` when it comes out of an ARN.
    let by_name = |name: &str| state.parameters.get(&ParameterKey::new(scope, name));
    let bare = || name.strip_prefix('/').filter(|bare| named.len() != asked.len() && !bare.contains('/'));
    let parameter = by_name(name).or_else(|| by_name(bare()?)).ok_or(Missing::Parameter)?;
    let version = match selector {
        None => parameter.versions.last().ok_or(Missing::Parameter)?,
        Some(selector) if selector.contains(':') => return Err(Missing::Parameter),
        Some(selector) => {
            let wanted = |version: &&ParameterVersion| match selector.parse::<i64>() {
                Ok(number) => version.number == number,
                Err(_) => version.labels.iter().any(|label| label == selector),
            };
            let missing = || Missing::Version { name: name.to_owned(), selector: selector.to_owned() };
            parameter.versions.iter().find(wanted).ok_or_else(missing)?
        }
    };
    Ok(Selected { parameter, version, selector })
}

/// What stands behind `parameter` in an ARN of this scope, with its slash.
fn own_resource<'a>(arn: &Arn<'a>, scope: &Scope) -> Option<&'a str> {
    let own = arn.service == "ssm" && arn.region == scope.region.as_str() && arn.account == scope.account.to_string();
    arn.resource.strip_prefix("parameter").filter(|rest| own && rest.starts_with('/'))
}

#[must_use]
pub fn version_not_found(name: &str, selector: &str) -> ParameterVersionNotFound {
    ParameterVersionNotFound::new(format!(
        "Systems Manager could not find version {selector} of {name}. Verify the version and try again."
    ))
}
