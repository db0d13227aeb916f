//! Policies: read, checked, and evaluated. Pure.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html>

mod checks;
mod conditions;
mod document;
mod evaluate;
#[cfg(test)]
mod tests;
mod wildcard;

pub use checks::{Kind, check};
pub use document::PolicyDocument;
pub use evaluate::{Decision, Facts, Request, evaluate, trusts};
