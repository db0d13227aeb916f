//! Amazon CloudWatch Logs: where the awslogs driver writes.

pub mod operations;
pub mod resources;
