//! AWS Systems Manager: its Parameter Store.

pub mod operations;
pub mod resources;
