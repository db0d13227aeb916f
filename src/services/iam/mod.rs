//! AWS Identity and Access Management: roles, policies and instance profiles. They belong to an account, not to a
//! region.
//!
//! [`policy`] says what a policy allows; nothing asks it unless `--strict-iam` is on ([`authorize`]).

pub mod authorize;
pub mod operations;
pub mod policy;
pub mod resources;
