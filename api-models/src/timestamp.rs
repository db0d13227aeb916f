//! Time as AWS APIs show it: milliseconds since the epoch.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// A point in time with millisecond precision, which is what ECS answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

#[derive(Debug, thiserror::Error)]
#[error("not a timestamp: {text:?}")]
pub struct TimestampParseError {
    text: String,
}

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// From fractional seconds, rounded to milliseconds (the JSON protocols' form).
    pub fn from_epoch_seconds_f64(seconds: f64) -> Self {
        Self((seconds * 1000.0).round() as i64)
    }

    pub fn epoch_seconds_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This time plus a duration; at the end of the range it stays there.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero when it is before.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC: `2026-11-21T13:55:26.123Z`.
    pub fn to_rfc3339(self) -> String {
        self.jiff().to_string()
    }

    /// The date format of HTTP headers, in whole seconds: `Sat, 21 Nov 2026 13:55:26 GMT`.
    pub fn to_http_date(self) -> String {
        // Fails for years before 0 only.
        DateTimePrinter::new().timestamp_to_rfc9110_string(&self.jiff()).unwrap_or_else(|_| self.to_rfc3339())
    }

    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampParseError> {
        jiff::Timestamp::from_str(text).map(Self::from).map_err(|_| TimestampParseError { text: text.to_owned() })
    }

    pub fn parse_http_date(text: &str) -> Result<Self, TimestampParseError> {
        DateTimeParser::new()
            .parse_timestamp(text)
            .map(Self::from)
            .map_err(|_| TimestampParseError { text: text.to_owned() })
    }

    /// As a `jiff` time, clamped to the years jiff can hold.
    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self(timestamp.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.jiff(), f)
    }
}

/// RFC 3339 or an HTTP date.
impl FromStr for Timestamp {
    type Err = TimestampParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_rfc3339(text).or_else(|_| Self::parse_http_date(text))
    }
}
