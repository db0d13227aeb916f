//! AWS Secrets Manager: secrets that containers are given.
//!
//! Rotation (which is done by Lambda functions) and replication are not there.

pub mod deletion;
pub mod operations;
pub mod resources;
