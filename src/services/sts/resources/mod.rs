//! What STS keeps and gives: temporary credentials.

pub mod checks;
pub mod keys;
pub mod role_arn;
mod session;

pub use session::{Caller, Grant, Session, issue, issue_for_role, revoke};
