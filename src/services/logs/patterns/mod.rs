//! Filter patterns: which events FilterLogEvents, TestMetricFilter and StartLiveTail show.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
//!
//! Three languages in one, told apart by the first character: terms (`ERROR -"time out"`), JSON (`{ $.a.b[0] = "x*" }`)
//! and space-delimited fields (`[ip, ..., status=4*, bytes]`).

mod condition;
mod cursor;
mod delimited;
mod json;
mod regex;
mod terms;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

use api_models::logs::{CommonError, InvalidParameterException};
pub(super) use value::glob_matches;

/// How many regular expressions a pattern may have.
const MAX_REGEXES: usize = 2;

/// A pattern that was understood.
#[derive(Debug)]
pub struct Pattern(Kind);

#[derive(Debug)]
enum Kind {
    Everything,
    Terms(terms::Terms),
    Json(json::Json),
    Delimited(delimited::Delimited),
}

/// A text that is no filter pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid filter pattern")]
pub struct InvalidPattern;

impl From<InvalidPattern> for CommonError {
    fn from(error: InvalidPattern) -> Self {
        InvalidParameterException::new(error.to_string()).into()
    }
}

impl Pattern {
    /// # Errors
    /// When it is no pattern. CloudWatch does not say more than that.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.trim();
        let kind = match text.chars().next() {
            None => Kind::Everything,
            Some('{') => Kind::Json(json::Json::parse(text)?),
            Some('[') => Kind::Delimited(delimited::Delimited::parse(text)?),
            Some(_) => Kind::Terms(terms::Terms::parse(text)?),
        };
        Ok(Self(kind))
    }

    /// Whether an event with this message matches.
    #[must_use]
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Terms(terms) => terms.matches(message),
            Kind::Json(json) => json.matches(message),
            Kind::Delimited(delimited) => delimited.matches(message),
        }
    }

    /// What a metric filter would take from an event that matches: its fields (`$bytes`), or the properties that the
    /// pattern names (`$.user.id`).
    #[must_use]
    pub fn extract(&self, message: &str) -> BTreeMap<String, String> {
        match &self.0 {
            Kind::Everything | Kind::Terms(_) => BTreeMap::new(),
            Kind::Json(json) => json.extract(message),
            Kind::Delimited(delimited) => delimited.extract(message),
        }
    }
}
