//! What the operations share: names and ARNs, tags, pages, and the rendering of groups and streams to API shapes. The
//! groups, streams and events themselves are in [`crate::logstore`].

pub mod batch;
pub mod errors;
pub mod events;
pub mod names;
pub mod paging;
pub mod render;
pub mod retention;
pub mod tags;

/// A sequence token. They mean nothing any more, but answers have one.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
pub const SEQUENCE_TOKEN: &str = "49540113300540114553580053000000000000000000000000000000";
