//! Pure: from a container's records to events, in a state that can be kept with them.
//!
//! Records go in, events come out; what the events that came out leave behind (half a line, an event whose end has not
//! come) is in the state. Stored together with the events, the state goes on exactly where they end.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::lines::{self, Joiner};
use super::multiline::Pending;
use super::resume::{Place, Taken};
use crate::logstore::LogEvent;
use crate::runtime::LogRecord;

#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pattern: Option<Regex>,
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    place: Place,
    joiner: Joiner,
    pending: Pending,
}

impl Pipeline {
    /// One that begins, or goes on at a position of an earlier one; a position that can't be read (a later version
    /// wrote it) begins anew.
    pub(super) fn new(pattern: Option<Regex>, position: Option<&str>) -> Self {
        let state = position.and_then(|position| serde_json::from_str(position).ok()).unwrap_or_default();
        Self { pattern, state }
    }

    /// Where it stands, to be stored with the events it gave.
    pub(super) fn position(&mut self) -> String {
        self.state.place.settle(self.state.joiner.oldest());
        serde_json::to_string(&self.state).unwrap_or_default()
    }

    /// The log is read (again) from the second it returns on.
    pub(super) fn begin(&mut self) -> Option<i64> {
        self.state.place.begin()
    }

    /// Takes in a record; adds the events that are complete by it. Says whether it was new.
    pub(super) fn push(&mut self, record: &LogRecord, events: &mut Vec<LogEvent>) -> Taken {
        let Self { pattern, state: State { place, joiner, pending } } = self;
        let taken = place.take(record.at);
        if taken != Taken::Again {
            joiner.push(record, |line| match pattern {
                Some(pattern) => pending.push(pattern, &line, |at, message| lines::events(at, message, events)),
                None => lines::events(line.at, &line.bytes, events),
            });
        }
        taken
    }

    /// Whether lines wait for what comes.
    pub(super) fn is_pending(&self) -> bool {
        !self.state.pending.is_empty()
    }

    /// Nothing came for a while: what waits is an event.
    pub(super) fn flush(&mut self, events: &mut Vec<LogEvent>) {
        self.state.pending.flush(|at, message| lines::events(at, message, events));
    }

    /// The container ended.
    pub(super) fn finish(&mut self, events: &mut Vec<LogEvent>) {
        let Self { pattern, state: State { joiner, pending, .. } } = self;
        joiner.finish(|line| match pattern {
            Some(pattern) => pending.push(pattern, &line, |at, message| lines::events(at, message, events)),
            None => lines::events(line.at, &line.bytes, events),
        });
        self.flush(events);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::runtime::LogSource;

    fn run(pattern: Option<&Regex>, log: &[LogRecord], mut breaks: Vec<usize>) -> Vec<LogEvent> {
        let mut stored = (Vec::new(), None::<String>);
        breaks.sort_unstable();
        breaks.push(usize::MAX);
        for stop in breaks {
            let mut pipeline = Pipeline::new(pattern.cloned(), stored.1.as_deref());
            let since = pipeline.begin();
            let mut events = Vec::new();
            for (index, record) in log.iter().enumerate() {
                if since.is_some_and(|since| record.at.div_euclid(1_000_000_000) < since) {
                    continue;
                }
                // What comes after the last commit is lost with the process.
                if index >= stop {
                    break;
                }
                pipeline.push(record, &mut events);
                if index % 3 == 0 {
                    stored.0.append(&mut events);
                    stored.1 = Some(pipeline.position());
                }
            }
            if stop == usize::MAX {
                pipeline.finish(&mut events);
                stored.0.append(&mut events);
            }
        }
        stored.0
    }

    proptest! {
        /// However often it is killed, the events are those of a reader who never was.
        #[test]
        fn a_kill_changes_nothing(
            parts in proptest::collection::vec((0_i64..900, any::<bool>(), any::<bool>(), "(INFO )?[a-zé ]{0,8}"), 1..120),
            breaks in proptest::collection::vec(0_usize..120, 0..5),
            multiline in any::<bool>(),
        ) {
            let mut now = 1_700_000_000_000_i64;
            let mut open: [Option<i64>; 2] = [None, None];
            let log: Vec<LogRecord> = parts.into_iter().map(|(step, err, complete, text)| {
                now += step;
                let source = if err { LogSource::Stderr } else { LogSource::Stdout };
                // All parts of a line have the time of the first.
                let at = open[usize::from(err)].take().unwrap_or(now * 1_000_000);
                open[usize::from(err)] = (!complete).then_some(at);
                LogRecord { source, at, bytes: Bytes::from(text.into_bytes()), complete }
            }).collect();
            let pattern = multiline.then(|| Regex::new("^INFO").expect("a pattern"));
            let whole = run(pattern.as_ref(), &log, Vec::new());
            prop_assert_eq!(run(pattern.as_ref(), &log, breaks), whole);
        }
    }

    #[test]
    fn a_position_that_cannot_be_read_begins_anew() {
        let mut pipeline = Pipeline::new(None, Some("not JSON"));
        assert_eq!(pipeline.begin(), None);
    }
}
