//! AWS Systems Manager: Parameter Store, where containers' configuration comes from.

pub mod operations;
pub mod resources;
