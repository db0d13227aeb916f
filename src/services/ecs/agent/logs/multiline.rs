//! Pure: several lines that make one event, as Docker's awslogs driver puts them together.
//!
//! A line that matches begins an event; what follows belongs to it, each line with its newline. An event is also over
//! when the next line would make it too long, and when nothing was decided for a while.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::bytes::Encoded;
use super::lines::{Line, MAX_MESSAGE};

/// Lines that wait for what comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Milliseconds since the epoch: the time of the first line.
    at: i64,
    bytes: Encoded,
}

impl Pending {
    /// Takes in a line; hands on the message that is complete by now.
    pub(super) fn push(&mut self, pattern: &Regex, line: &Line, ready: impl FnMut(i64, &[u8])) {
        if self.is_empty() {
            self.at = line.at;
        }
        let too_long = counted(&self.bytes.0) + counted(&line.bytes) > MAX_MESSAGE;
        if too_long || pattern.is_match(&line.bytes) {
            self.flush(ready);
            self.at = line.at;
        }
        self.bytes.0.extend_from_slice(&line.bytes);
        if counted(&line.bytes) < MAX_MESSAGE {
            self.bytes.0.push(b'\n');
        }
    }

    /// Hands on what there is.
    pub(super) fn flush(&mut self, mut ready: impl FnMut(i64, &[u8])) {
        if !self.is_empty() {
            ready(self.at, &self.bytes.0);
            self.bytes.0.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.0.is_empty()
    }
}

/// What the bytes count once those that are not UTF-8 are replaced.
fn counted(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().len() + 3 * chunk.invalid().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_together(lines: &[&str]) -> Vec<(i64, String)> {
        let pattern = Regex::new("^INFO").expect("a pattern");
        let (mut pending, mut messages) = (Pending::default(), Vec::new());
        let mut ready = |at, bytes: &[u8]| messages.push((at, String::from_utf8(bytes.to_vec()).expect("text")));
        for (at, line) in (1..).zip(lines) {
            pending.push(&pattern, &Line { at, bytes: line.as_bytes().to_vec() }, &mut ready);
        }
        pending.flush(&mut ready);
        messages
    }

    #[test]
    fn lines_belong_to_the_one_that_begins() {
        let messages = put_together(&["  before", "INFO a", "  at b", "", "INFO c", "INFO d"]);
        let expected = [(1, "  before\n"), (2, "INFO a\n  at b\n\n"), (5, "INFO c\n"), (6, "INFO d\n")];
        assert_eq!(messages, expected.map(|(at, text)| (at, text.to_owned())));
    }

    #[test]
    fn a_message_that_would_be_too_long_is_over() {
        let half = "x".repeat(MAX_MESSAGE / 2);
        let messages = put_together(&["INFO", &half, &half, "y"]);
        let lengths: Vec<_> = messages.iter().map(|(at, text)| (*at, text.len())).collect();
        assert_eq!(lengths, [(1, 5 + half.len() + 1), (3, half.len() + 3)]);
    }
}
