//! Amazon CloudWatch Logs: where the awslogs driver writes. Its groups, streams and events are kept in
//! [`crate::logstore`], not in the store.

mod live_tail;
pub mod operations;
pub mod patterns;
pub mod resources;
