//! Plans for daemons: how long failures make them wait.

use super::*;
use crate::testing::START;

#[test]
fn failures_in_a_row_make_it_wait_longer_up_to_a_minute() {
    let mut backoff = Backoff::default();
    let mut now = START;
    let mut waits = Vec::new();
    for _ in 0..9 {
        back_off(&mut backoff, now);
        let until = backoff.until.expect("it waits");
        waits.push(until.as_millis() - now.as_millis());
        // What fails while it waits already does not count.
        back_off(&mut backoff, now);
        now = until;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60].map(|seconds| seconds * 1000));
    back_off(&mut backoff, now.saturating_add(FORGIVEN));
    assert_eq!(backoff.failures, 1, "long ago is forgotten");
}
