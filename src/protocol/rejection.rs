//! An error that a request meets before its operation runs.

use std::borrow::Cow;
use std::fmt;

/// What AWS's front layer answers: a code, a status and (not always) a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    /// The exception's name, such as `SerializationException`.
    pub code: Cow<'static, str>,
    /// AWS leaves the message out in some cases, and so do we.
    pub message: Option<Cow<'static, str>>,
}

impl Rejection {
    #[must_use]
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: Some(message.into()) }
    }

    /// One that has no message on AWS either.
    #[must_use]
    pub fn bare(status: u16, code: &'static str) -> Self {
        Self { status, code: code.into(), message: None }
    }

    /// A body that can't be read; `None` where AWS says no more than that.
    #[must_use]
    pub fn serialization(message: Option<String>) -> Self {
        Self { status: 400, code: "SerializationException".into(), message: message.map(Cow::Owned) }
    }

    /// An operation nobody knows, in AWS's words: none.
    #[must_use]
    pub fn unknown_operation() -> Self {
        Self::bare(400, "UnknownOperationException")
    }

    /// An operation that AWS has and LocalECS has not (yet). HTTP 501 is not among the statuses that SDKs retry.
    #[must_use]
    pub fn not_implemented(service: &str, operation: &str) -> Self {
        Self::new(
            501,
            "NotImplementedException",
            format!(
                "LocalECS does not implement the operation {service}:{operation}. \
                 /_localecs/coverage lists what it implements."
            ),
        )
    }

    /// An error inside LocalECS; the details are for the log.
    #[must_use]
    pub fn internal(code: &'static str) -> Self {
        Self::new(500, code, "An internal error occurred.")
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code),
            None => f.write_str(&self.code),
        }
    }
}

impl std::error::Error for Rejection {}
