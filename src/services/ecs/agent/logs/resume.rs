//! Pure: how far a container's log was read, so that after a restart nothing is lost and nothing comes twice.
//!
//! An engine gives a log from a moment on, in the order in which it was written; a record's time may be a little
//! earlier than that of the one before (stdout and stderr are stamped apart). So a place in a log is a second (the
//! *anchor*) and how many records from that second on were taken: the next time, so many are left out from the
//! beginning. The anchor moves along, some seconds behind the last record, and never past the beginning of a line
//! whose parts are not all there: they all have the time of the first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many seconds the anchor stays behind the last record: more than two times can be out of order.
const MARGIN: i64 = 5;
const NANOS: i64 = 1_000_000_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// How many records of each second were taken, from the anchor (the first key) on.
    seconds: BTreeMap<i64, u64>,
    /// How many in all.
    all: u64,
    /// The latest time of those, in nanoseconds.
    last: i64,
    /// The engine's clock went back further than the margin: from then on the whole log is counted.
    whole: bool,
    /// So many records are still to be left out of what is being read.
    #[serde(skip)]
    skip: u64,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was taken before.
    Again,
    New,
    /// It is new, and so many records that were taken before are missing: the engine has thrown a part of the log
    /// away, and what lay behind them as well, if anything did.
    AfterGap(u64),
}

impl Place {
    /// From which second on to read now.
    pub(super) fn begin(&mut self) -> Option<i64> {
        let anchor = self.seconds.keys().next().copied().filter(|_| !self.whole);
        self.skip = if anchor.is_some() { self.seconds.values().sum() } else { self.all };
        anchor
    }

    pub(super) fn take(&mut self, at: i64) -> Taken {
        let mut taken = Taken::New;
        if self.skip > 0 {
            if at <= self.last {
                self.skip -= 1;
                return Taken::Again;
            }
            taken = Taken::AfterGap(self.skip);
            let missing = std::mem::take(&mut self.skip);
            self.lose(missing);
        }
        let second = at.div_euclid(NANOS);
        match self.seconds.keys().next() {
            Some(anchor) => self.whole |= second < *anchor,
            // What comes next may be earlier.
            None => {
                self.seconds.insert(second - MARGIN, 0);
            }
        }
        self.last = self.last.max(at);
        self.all += 1;
        *self.seconds.entry(second).or_default() += 1;
        taken
    }

    /// The first `count` records that were taken are not there any more.
    fn lose(&mut self, mut count: u64) {
        self.all = self.all.saturating_sub(count);
        for here in self.seconds.values_mut() {
            let lost = count.min(*here);
            *here -= lost;
            count -= lost;
        }
    }

    /// Moves the anchor along; `open` is the time of the oldest line that is not complete.
    pub(super) fn settle(&mut self, open: Option<i64>) {
        let anchor = (self.last.div_euclid(NANOS) - MARGIN).min(open.map_or(i64::MAX, |at| at.div_euclid(NANOS)));
        while self.seconds.len() > 1 && self.seconds.keys().nth(1).is_some_and(|second| *second <= anchor) {
            self.seconds.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(millis: i64) -> i64 {
        millis * 1_000_000
    }

    #[test]
    fn the_anchor_follows_and_waits_for_open_lines() {
        let mut place = Place::default();
        assert_eq!(place.begin(), None);
        for second in 0..100 {
            assert_eq!(place.take(nanos(second * 1000)), Taken::New);
            place.settle(None);
        }
        assert_eq!((place.begin(), place.skip), (Some(94), 6));
        let mut place = Place::default();
        for second in 0..100 {
            place.take(nanos(second * 1000));
            place.settle(Some(nanos(7_000)));
        }
        assert_eq!((place.begin(), place.skip), (Some(7), 93));
    }

    #[test]
    fn a_log_that_was_cut_off_at_its_beginning_is_gone_on_with() {
        let mut place = Place::default();
        (0..10).for_each(|n| assert_eq!(place.take(nanos(n)), Taken::New));
        place.begin();
        // The first six are gone, four are there, then come new ones.
        (6..10).for_each(|n| assert_eq!(place.take(nanos(n)), Taken::Again));
        assert_eq!(place.take(nanos(11)), Taken::AfterGap(6));
        assert_eq!(place.take(nanos(12)), Taken::New);
        place.begin();
        (6..10).chain([11, 12]).for_each(|n| assert_eq!(place.take(nanos(n)), Taken::Again));
        assert_eq!(place.take(nanos(12)), Taken::New);
    }

    #[test]
    fn a_clock_that_went_back_costs_a_look_at_the_whole_log() {
        let mut place = Place::default();
        let times = [100_000, 101_000, 110_000, 20_000, 21_000];
        for time in times {
            assert_eq!(place.take(nanos(time)), Taken::New);
            place.settle(None);
        }
        assert_eq!(place.begin(), None);
        times.iter().for_each(|time| assert_eq!(place.take(nanos(*time)), Taken::Again));
        assert_eq!(place.take(nanos(22_000)), Taken::New);
    }

    proptest! {
        /// Whatever was taken when it broke off: what the engine gives from the anchor on is taken once in all.
        #[test]
        fn each_record_is_taken_once(
            steps in proptest::collection::vec((0_i64..3_000, 0_i64..2_000), 1..200),
            breaks in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let mut now = 1_700_000_000_000_i64;
            // Times go on, and each may be up to two seconds early.
            let log: Vec<i64> = steps.iter().map(|(step, early)| { now += step; nanos(now - early) }).collect();
            let mut place = Place::default();
            let mut taken = Vec::new();
            let mut breaks = breaks;
            breaks.sort_unstable();
            breaks.push(usize::MAX);
            for stop in breaks {
                let since = place.begin();
                let given = log.iter().enumerate().filter(|(_, at)| since.is_none_or(|since| at.div_euclid(NANOS) >= since));
                for (index, at) in given {
                    if place.take(*at) == Taken::New {
                        taken.push(index);
                    }
                    place.settle(None);
                    if index >= stop {
                        break;
                    }
                }
                // The process is killed, and its place comes from the store.
                let text = serde_json::to_string(&place).expect("JSON");
                place = serde_json::from_str(&text).expect("a place");
            }
            prop_assert_eq!(taken, (0..log.len()).collect::<Vec<_>>());
        }
    }
}
