//! Auto Scaling tells most errors as a ValidationError, and the sentence says which.

use api_models::autoscaling::{CommonError, ValidationErrorException};

/// A ValidationError with this sentence.
#[must_use]
pub fn invalid(message: impl Into<String>) -> CommonError {
    ValidationErrorException::new(message).into()
}

/// There is no such group.
#[must_use]
pub fn no_group(name: &str) -> CommonError {
    invalid(format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"))
}

/// What Auto Scaling does and LocalECS does not.
#[must_use]
pub fn unsupported(what: &str) -> CommonError {
    invalid(format!("LocalECS does not support {what}."))
}
