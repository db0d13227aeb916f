//! AWS Secrets Manager: secrets that containers are given.

pub mod operations;
pub mod resources;
