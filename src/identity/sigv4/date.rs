//! Dates as signatures carry them: `20261121T135526Z`, and in the `Date` header also HTTP's own form.

use std::fmt;

use crate::time::Timestamp;

/// Reads either form; the result has whole seconds.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    parse_basic(text).or_else(|| Timestamp::parse_http_date(text).ok())
}

fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || !text.is_ascii() || bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let (date, time) = (&text[..8], &text[9..15]);
    let extended =
        format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[..2], &time[2..4], &time[4..]);
    Timestamp::parse_rfc3339(&extended).ok()
}

/// Shows a time in the basic form.
pub(super) struct Basic(pub(super) Timestamp);

impl fmt::Display for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Timestamp::from_millis(self.0.as_millis().div_euclid(1000).saturating_mul(1000));
        // RFC 3339 in UTC without a fraction has the same digits and some signs more.
        for letter in seconds.to_rfc3339().chars().filter(|letter| !matches!(letter, '-' | ':')) {
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}
