//! Regular expressions as CloudWatch takes them: a small dialect.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#regex-expressions>

pub(super) use regex::Regex;
use regex::RegexBuilder;

use super::InvalidPattern;

/// Characters that may stand in an expression, besides letters and digits. The space is in none of CloudWatch's lists,
/// but in its examples.
const ALLOWED: &str = ":_#=@/;,- ^$?[]{}|\\*+.";
/// The most memory that an expression may take.
const SIZE_LIMIT: usize = 1024 * 1024;

/// # Errors
/// When it is not of the dialect: it has other characters (`!`, parentheses), or makes no sense.
pub(super) fn compile(pattern: &str) -> Result<Regex, InvalidPattern> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || ALLOWED.contains(char);
    if pattern.is_empty() || !pattern.chars().all(allowed) {
        return Err(InvalidPattern);
    }
    // `{,n}` is `{0,n}`; the library knows the second form only.
    let pattern = pattern.replace("{,", "{0,");
    RegexBuilder::new(&pattern).size_limit(SIZE_LIMIT).build().map_err(|_| InvalidPattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_guide() {
        for (pattern, matching, other) in [
            ("^[hc]at", "cat food", "a cat"),
            ("[hc]at$", "a hat", "hats"),
            ("colou?r", "a color", "colr"),
            ("^a{3,5}$", "aaaa", "aa"),
            ("^a{,2}$", "aa", "aaa"),
            ("^starting|^initializing|^shutting down", "shutting down now", "skipping initializing"),
            (r"\[.\]", "x [7] y", "[77]"),
            (r"10\.10\.0\.1", "at 10.10.0.1", "10010,051"),
            (r"\x28\d+", "(12", "[12"),
            (r"/service/resource/[0-9]+$", "/service/resource/67", "/service/resource/67/part/1"),
        ] {
            let regex = compile(pattern).expect(pattern);
            assert!(regex.is_match(matching) && !regex.is_match(other), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_of_the_dialect_is_refused() {
        for pattern in ["", "something!", "(a)", "ü", "a{2", "[a", "*a", "a\\", "(?i)a", "a{1000}{1000}{1000}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
