//! What PutLogEvents takes, and which events of a batch it leaves out.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>

use api_models::logs::{CommonError, InvalidParameterException, RejectedLogEventsInfo};

use crate::logstore::{EVENT_OVERHEAD, LogEvent};
use crate::time::Timestamp;

/// The largest batch, in bytes: all messages, and 26 more for each event. An event has no limit of its own that is
/// smaller.
pub const MAX_BYTES: usize = 1024 * 1024;
const HOUR_MS: i64 = 60 * 60 * 1000;
const MAX_SPAN_MS: i64 = 24 * HOUR_MS;
const MAX_AGE_MS: i64 = 14 * 24 * HOUR_MS;
const MAX_AHEAD_MS: i64 = 2 * HOUR_MS;

/// What is kept of a batch.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<LogEvent>,
    pub rejected: Option<RejectedLogEventsInfo>,
}

/// Checks a batch: its size, its order, its span. Events that are too old (also for the group's retention, which keeps
/// those since `kept_from`) or too new are left out, and said to be.
///
/// # Errors
/// InvalidParameterException when nothing of the batch is taken.
pub fn check(events: Vec<LogEvent>, now: Timestamp, kept_from: i64) -> Result<Batch, CommonError> {
    let size: usize = events.iter().map(|event| event.message.len() + EVENT_OVERHEAD).sum();
    if size > MAX_BYTES {
        return Err(invalid(format!("Upload too large: {size} bytes exceeds limit of {MAX_BYTES}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let now = now.as_millis();
    let before = |moment: i64| events.partition_point(|event| event.timestamp < moment);
    let (too_old, expired) = (before(now - MAX_AGE_MS), before(kept_from));
    let (first, end) = (too_old.max(expired), before(now + MAX_AHEAD_MS + 1));
    if let Some([first, .., last]) = events.get(first..end)
        && last.timestamp - first.timestamp > MAX_SPAN_MS
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    let index = |index: usize| i32::try_from(index).ok();
    let rejected = RejectedLogEventsInfo {
        too_new_log_event_start_index: index(end).filter(|_| end < events.len()),
        too_old_log_event_end_index: index(too_old).filter(|end| *end > 0),
        expired_log_event_end_index: index(expired).filter(|_| expired > too_old),
    };
    let rejected = (rejected != RejectedLogEventsInfo::default()).then_some(rejected);
    let events = events.into_iter().take(end).skip(first).collect();
    Ok(Batch { events, rejected })
}

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    const NOW: i64 = START.as_millis();

    fn at(times: &[i64]) -> Vec<LogEvent> {
        times.iter().map(|time| LogEvent { timestamp: *time, message: "x".into() }).collect()
    }

    #[test]
    fn what_is_too_old_or_too_new_is_left_out() {
        let times = [NOW - MAX_AGE_MS - 2, NOW - MAX_AGE_MS - 1, NOW, NOW + MAX_AHEAD_MS, NOW + MAX_AHEAD_MS + 1];
        let batch = check(at(&times), START, 0).expect("taken");
        assert_eq!(batch.events, at(&times[2..4]));
        let rejected = batch.rejected.expect("some");
        assert_eq!(rejected.too_old_log_event_end_index, Some(2));
        assert_eq!(rejected.too_new_log_event_start_index, Some(4));
        assert_eq!(rejected.expired_log_event_end_index, None);
        let batch = check(at(&[NOW - 3 * MAX_SPAN_MS, NOW - 5, NOW]), START, NOW - 5).expect("taken");
        assert_eq!(batch.events.len(), 2);
        assert_eq!(batch.rejected.expect("some").expired_log_event_end_index, Some(1));
        assert_eq!(check(at(&[NOW]), START, 0).expect("taken").rejected, None);
        assert!(check(at(&[1]), START, 0).expect("taken").events.is_empty());
    }

    #[test]
    fn order_span_and_size_are_checked() {
        let message = |events| check(events, START, 0).expect_err("refused").to_string();
        assert!(message(at(&[NOW, NOW - 1])).contains("must be in chronological order"));
        assert!(message(at(&[NOW - MAX_SPAN_MS - 1, NOW])).contains("cannot span more than 24 hours"));
        check(at(&[NOW - MAX_SPAN_MS, NOW]), START, 0).expect("just a day");
        let of = |bytes| vec![LogEvent { timestamp: NOW, message: "x".repeat(bytes) }];
        check(of(MAX_BYTES - EVENT_OVERHEAD), START, 0).expect("just fits");
        let error = message(of(MAX_BYTES - EVENT_OVERHEAD + 1));
        assert_eq!(error, "Upload too large: 1048577 bytes exceeds limit of 1048576");
    }
}
