//! Pure: from the parts that the engine gives to lines, and from lines to the texts of events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bytes::Encoded;
use crate::logstore::LogEvent;
use crate::runtime::{LogRecord, LogSource};

/// What a message may have: CloudWatch's 256 KiB less what it counts for each event. Docker's driver cuts there.
pub(super) const MAX_MESSAGE: usize = 262_144 - 26;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A line, or [`MAX_MESSAGE`] bytes of a longer one, or a little less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Milliseconds since the epoch.
    pub(super) at: i64,
    pub(super) bytes: Vec<u8>,
}

/// Joins parts. Lines of stdout and of stderr may come interleaved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Joiner {
    open: BTreeMap<Source, Open>,
}

/// A line of which parts are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    /// Nanoseconds since the epoch, of the first part.
    at: i64,
    bytes: Encoded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Source {
    Out,
    Err,
}

impl From<LogSource> for Source {
    fn from(source: LogSource) -> Self {
        match source {
            LogSource::Stdout => Self::Out,
            LogSource::Stderr => Self::Err,
        }
    }
}

impl Joiner {
    /// Takes in a record and hands on the lines that are ready.
    pub(super) fn push(&mut self, record: &LogRecord, mut ready: impl FnMut(Line)) {
        let source = record.source.into();
        // Most lines are one part.
        if record.complete && record.bytes.len() <= MAX_MESSAGE && !self.open.contains_key(&source) {
            return ready(Line { at: record.at / NANOS_PER_MILLI, bytes: record.bytes.to_vec() });
        }
        let mut open = self.open.remove(&source).unwrap_or(Open { at: record.at, bytes: Encoded::default() });
        open.bytes.0.extend_from_slice(&record.bytes);
        let at = open.at / NANOS_PER_MILLI;
        while open.bytes.0.len() > MAX_MESSAGE {
            let rest = open.bytes.0.split_off(cut(&open.bytes.0));
            ready(Line { at, bytes: std::mem::replace(&mut open.bytes.0, rest) });
        }
        if record.complete {
            ready(Line { at, bytes: open.bytes.0 });
        } else {
            self.open.insert(source, open);
        }
    }

    /// The container ended: what has begun will not be completed.
    pub(super) fn finish(&mut self, mut ready: impl FnMut(Line)) {
        for (_, open) in std::mem::take(&mut self.open) {
            ready(Line { at: open.at / NANOS_PER_MILLI, bytes: open.bytes.0 });
        }
    }

    /// The time of the first part of the oldest line of which parts are missing.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.open.values().map(|open| open.at).min()
    }
}

/// Where to cut what is longer than a message: not within a character. (Docker cuts there, and both halves are replaced.)
fn cut(bytes: &[u8]) -> usize {
    let begins = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    (MAX_MESSAGE - 3..=MAX_MESSAGE).rev().find(begins).unwrap_or(MAX_MESSAGE)
}

/// The events that a message makes: none of nothing, several where it is too long. What is not UTF-8 is replaced, byte
/// by byte, and counts as what replaces it.
pub(super) fn events(at: i64, message: &[u8], events: &mut Vec<LogEvent>) {
    if let Ok(text) = str::from_utf8(message)
        && text.len() <= MAX_MESSAGE
    {
        if !text.is_empty() {
            events.push(LogEvent { timestamp: at, message: text.to_owned() });
        }
        return;
    }
    let mut text = String::new();
    let mut push = |character: char| {
        if text.len() + character.len_utf8() > MAX_MESSAGE {
            events.push(LogEvent { timestamp: at, message: std::mem::take(&mut text) });
        }
        text.push(character);
    };
    for chunk in message.utf8_chunks() {
        chunk.valid().chars().for_each(&mut push);
        chunk.invalid().iter().for_each(|_| push(char::REPLACEMENT_CHARACTER));
    }
    if !text.is_empty() {
        events.push(LogEvent { timestamp: at, message: text });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn record(source: LogSource, at: i64, bytes: &[u8], complete: bool) -> LogRecord {
        LogRecord { source, at: at * NANOS_PER_MILLI, bytes: Bytes::copy_from_slice(bytes), complete }
    }

    #[test]
    fn parts_are_joined_each_stream_for_itself() {
        let (mut joiner, mut lines) = (Joiner::default(), Vec::new());
        for part in [
            record(LogSource::Stdout, 1, b"one ", false),
            record(LogSource::Stderr, 2, b"oops", true),
            record(LogSource::Stdout, 1, b"long ", false),
            record(LogSource::Stderr, 3, b"", true),
            record(LogSource::Stdout, 1, b"line", true),
            record(LogSource::Stdout, 4, b"next", true),
        ] {
            joiner.push(&part, |line| lines.push((line.at, String::from_utf8(line.bytes).expect("text"))));
        }
        let expected = [(2, "oops"), (3, ""), (1, "one long line"), (4, "next")];
        assert_eq!(lines, expected.map(|(at, text)| (at, text.to_owned())));
        assert_eq!(joiner, Joiner::default());
    }

    #[test]
    fn a_line_without_end_is_cut_and_its_time_is_that_of_its_beginning() {
        let (mut joiner, mut lines) = (Joiner::default(), Vec::new());
        let part = vec![b'x'; 16 * 1024];
        for _ in 0..40 {
            joiner.push(&record(LogSource::Stdout, 7, &part, false), |line| lines.push((line.at, line.bytes.len())));
        }
        assert_eq!(joiner.oldest(), Some(7 * NANOS_PER_MILLI));
        joiner.finish(|line| lines.push((line.at, line.bytes.len())));
        assert_eq!(lines, [(7, MAX_MESSAGE), (7, MAX_MESSAGE), (7, 40 * 16 * 1024 - 2 * MAX_MESSAGE)]);
        assert_eq!(joiner.oldest(), None);
    }

    #[test]
    fn what_is_not_text_is_replaced_byte_by_byte() {
        let mut made = Vec::new();
        events(1, b"a\xff\xe2\x82b\xc3", &mut made);
        events(2, b"", &mut made);
        assert_eq!(made, [LogEvent { timestamp: 1, message: "a\u{fffd}\u{fffd}\u{fffd}b\u{fffd}".into() }]);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let mut made = Vec::new();
        let text = format!("x{}", "é".repeat(MAX_MESSAGE));
        events(1, text.as_bytes(), &mut made);
        assert!(made.iter().all(|event| event.message.len() <= MAX_MESSAGE && event.message.len() > MAX_MESSAGE / 2
            || event == made.last().expect("some")));
        assert_eq!(made.iter().map(|event| event.message.as_str()).collect::<String>(), text);
        made.clear();
        events(1, &vec![0xff; MAX_MESSAGE], &mut made);
        assert_eq!(made.len(), 4, "each byte becomes three");
    }
}
