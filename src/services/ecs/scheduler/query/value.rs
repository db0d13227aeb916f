//! What a comparison compares with: checked and made ready when the expression is parsed.

use std::cmp::Ordering;

use jiff::civil;
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};

use super::Subject;
use crate::time::Timestamp;

/// Compiled patterns stay small: an expression comes from outside.
const PATTERN_SIZE: usize = 1 << 20;

/// A positive operator with its argument.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Exists,
    /// `==`, and `in` with each of its values.
    OneOf(Vec<Value>),
    Order(Relation, Value),
    Matches(Regex),
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exists, Self::Exists) => true,
            (Self::OneOf(left), Self::OneOf(right)) => left == right,
            (Self::Order(left, value), Self::Order(right, other)) => left == right && value == other,
            (Self::Matches(left), Self::Matches(right)) => left.as_str() == right.as_str(),
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Relation {
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

/// An argument, as its subject understands it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Count(u64),
    Version(Version),
    Time(Timestamp),
}

impl Value {
    /// Reads `text` as `subject` needs it; the error says what was expected instead.
    pub(super) fn of(subject: &Subject, text: &str) -> Result<Self, &'static str> {
        match subject {
            Subject::Attribute(_) | Subject::Ec2InstanceId | Subject::TaskGroup => Ok(Self::Text(text.to_owned())),
            Subject::AgentConnected => text.parse().map(Self::Flag).map_err(|_| "true or false"),
            Subject::RunningTasksCount => text.parse().map(Self::Count).map_err(|_| "a number"),
            Subject::AgentVersion => Version::parse(text).map(Self::Version).ok_or("a version, such as 1.16.0"),
            Subject::RegisteredAt => {
                parse_time(text).map(Self::Time).ok_or("a date, such as 2016-02-18T22:28:28+00:00 or 2016-02-18")
            }
        }
    }
}

/// The numbers of a version; those it lacks are 0, and what follows the numbers does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u32; 3]);

impl Version {
    /// `1`, `1.16`, `1.16.0`, `v1.16.0-beta`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next()?;
        let mut version = [0; 3];
        for (index, number) in numbers.split('.').enumerate() {
            *version.get_mut(index)? = number.parse().ok()?;
        }
        Some(Self(version))
    }
}

/// ISO 8601, with or without a time and an offset; without one it is UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date_time: civil::DateTime = text.parse().ok()?;
        Some(date_time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

/// A pattern that must fit a whole value; the error says what is wrong with it.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    // By itself first, so that `a)(b` does not become valid by being wrapped.
    let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
    compile(text).and_then(|_| compile(&format!("^(?:{text})$"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong, those before it draw where.
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}
