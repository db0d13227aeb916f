//! The rules for names and paths of parameters.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html>

use api_models::ssm::{
    AccessDeniedException, HierarchyLevelLimitExceededException, PutParameterError, ValidationException,
};

const MAX_LEVELS: usize = 15;
/// So that the ARN has a place, too.
const MAX_LENGTH: usize = 1011;

/// Checks the name of a parameter that is put.
///
/// # Errors
/// ValidationException, AccessDeniedException or HierarchyLevelLimitExceededException for the first rule broken.
pub fn check_new(name: &str) -> Result<(), PutParameterError> {
    let refuse = |message: &str| Err(ValidationException::new(message).into());
    let is_path = name.matches('/').count() > 1;
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_start_matches('/');
    if is_path && bare.starts_with("aws") {
        return Err(AccessDeniedException::new(format!("No access to reserved parameter name: {name}.")).into());
    }
    if !is_path && (bare.starts_with("aws") || bare.starts_with("ssm")) {
        return refuse("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).");
    }
    if bare.starts_with("ssm") || !is_well_formed(name) {
        return refuse(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
             sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the \
             following 3 symbols .-_",
        );
    }
    if name.contains('/') && !name.starts_with('/') {
        return refuse("Parameter name must be a fully qualified name.");
    }
    if name.chars().count() > MAX_LENGTH {
        return refuse("Parameter name: can't be longer than 1011 characters."); // (ours)
    }
    if name.split('/').filter(|level| !level.is_empty()).count() > MAX_LEVELS {
        let message = "Hierarchies can have a maximum of 15 levels."; // (ours)
        return Err(HierarchyLevelLimitExceededException::new(message).into());
    }
    Ok(())
}

/// Sub-paths of letters, digits and `.-_`, none of them empty.
fn is_well_formed(name: &str) -> bool {
    let levels = name.strip_prefix('/').unwrap_or(name);
    let valid =
        |level: &str| !level.is_empty() && level.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    levels.split('/').all(valid)
}

/// Checks the path of GetParametersByPath and of a filter.
///
/// # Errors
/// ValidationException when it is none.
pub fn check_path(path: &str) -> Result<(), ValidationException> {
    let levels = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    if levels.is_some_and(|levels| levels.is_empty() && path == "/" || is_well_formed(levels)) {
        return Ok(());
    }
    Err(ValidationException::new(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \
         \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or \
         the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All \
         sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_.",
    ))
}

/// Whether the parameter `name` lies right under the path, or (`recursive`) anywhere under it. A name without a slash
/// lies at the root.
#[must_use]
pub fn is_in(path: &str, name: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    let name = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
    let Some(rest) = name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) else { return false };
    !rest.is_empty() && (recursive || !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_aws_has_not_are_refused_in_its_words() {
        for good in ["a", "/a", "/a/b-c/d_e.f", "name.with-all_3"] {
            assert!(check_new(good).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("/aws/x/y", "No access to reserved parameter name: /aws/x/y."),
            ("AWSthing", "can't be prefixed with \"aws\" or \"ssm\""),
            ("/ssm/x/y", "can't be prefixed with \"ssm\""),
            ("a b", "mix of letters, numbers"),
            ("/a//b", "mix of letters, numbers"),
            ("a:1", "mix of letters, numbers"),
            ("a/b", "must be a fully qualified name."),
            ("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "15 levels"),
        ] {
            let error = check_new(bad).expect_err(bad).to_string();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }

    #[test]
    fn paths_hold_what_lies_under_them() {
        assert!(is_in("/", "a", false) && is_in("/", "/a", false) && !is_in("/", "/a/b", false));
        assert!(is_in("/", "/a/b", true) && is_in("/a", "/a/b", false) && is_in("/a/", "/a/b", false));
        assert!(!is_in("/a", "/a", true) && !is_in("/a", "/ab/c", true) && !is_in("/a", "/a/b/c", false));
        assert!(check_path("/").is_ok() && check_path("/a/").is_ok());
        for bad in ["a", "//", "/###", ""] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}
