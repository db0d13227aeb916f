//! Pages of events: their limits, and the tokens between them.

use std::fmt;

use api_models::logs::CommonError;

use super::paging::invalid_token;
use crate::logstore::{Direction, Limits, Position};

/// The most events and the most bytes that a page has.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>
const MAX_EVENTS: usize = 10_000;
const MAX_BYTES: usize = 1024 * 1024;
/// What a request looks at before it answers, whether it found anything or not.
const EXAMINED: usize = 32 * 1024 * 1024;

/// The limits of a page with at most `limit` events.
#[must_use]
pub fn limits(limit: Option<i32>) -> Limits {
    let events = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(MAX_EVENTS).clamp(1, MAX_EVENTS);
    Limits { events, bytes: MAX_BYTES, examined: EXAMINED }
}

/// A token of GetLogEvents or FilterLogEvents: `f/`, the place of the event that comes next, `/s`; or `b/` and the
/// place that all events lie before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub direction: Direction,
    pub at: Position,
}

impl Token {
    /// # Errors
    /// InvalidParameterException when it is no such token.
    pub fn parse(text: &str) -> Result<Self, CommonError> {
        let (direction, place) = match text.split_once('/') {
            Some(("f", place)) => (Direction::Forward, place),
            Some(("b", place)) => (Direction::Backward, place),
            _ => return Err(invalid_token()),
        };
        let at = Position::parse(place.strip_suffix("/s").unwrap_or(place)).ok_or_else(invalid_token)?;
        Ok(Self { direction, at })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.direction {
            Direction::Forward => 'f',
            Direction::Backward => 'b',
        };
        write!(f, "{direction}/{}/s", self.at)
    }
}
