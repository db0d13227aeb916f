//! Tags of log groups.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html>

use std::collections::BTreeMap;

use api_models::logs::{CommonError, InvalidParameterException};

/// How many tags a group may have.
pub const MAX_TAGS: usize = 50;

/// Checks new tags: their characters, and that AWS's own prefix is left to AWS. Lengths are checked with the model.
///
/// # Errors
/// InvalidParameterException for the first that is wrong.
pub fn check(tags: &BTreeMap<String, String>) -> Result<(), CommonError> {
    for (key, value) in tags {
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(
                InvalidParameterException::new("Tag keys starting with 'aws:' are reserved for internal use").into()
            );
        }
        for (what, text) in [("key", key), ("value", value)] {
            let allowed = |char: char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char);
            if !text.chars().all(allowed) {
                return Err(InvalidParameterException::new(format!(
                    "1 validation error detected: Value '{text}' at 'tags' failed to satisfy constraint: Map {what} \
                     must satisfy constraint: [Member must satisfy regular expression pattern: \
                     ([\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]{})]",
                    if what == "key" { "+)" } else { "*)" }
                ))
                .into());
            }
        }
    }
    Ok(())
}

/// Adds tags to those there are, unless they would be too many; returns whether it did.
#[must_use]
pub fn add(present: &mut BTreeMap<String, String>, new: BTreeMap<String, String>) -> bool {
    let added = new.keys().filter(|key| !present.contains_key(*key)).count();
    if present.len() + added > MAX_TAGS {
        return false;
    }
    present.extend(new);
    true
}
