//! AWS Identity and Access Management: the roles, policies and instance profiles that ECS names.

pub mod operations;
pub mod resources;
