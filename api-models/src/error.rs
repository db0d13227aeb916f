//! Errors of an API: exceptions that the model knows, and everything else.

use std::error::Error;
use std::fmt;

use crate::schema::OperationSchema;
use crate::{Encode, ShapeSerializer};

/// An exception of the model, e.g. `ClusterNotFoundException`.
pub trait Exception: Error + Encode + Send + Sync + 'static {
    fn message(&self) -> &str;

    fn code(&self) -> &str {
        let schema = self.schema();
        schema.error.map_or(schema.name, |error| error.code)
    }

    fn http_status(&self) -> u16 {
        self.schema().error.map_or(400, |error| error.http_status)
    }
}

/// The error of one operation: a generated enum with a variant for each exception, and `Unexpected`.
pub trait OperationError: Error + Send + Sync + 'static {
    fn operation(&self) -> &'static OperationSchema;

    /// The exception, or what was not expected.
    fn exception(&self) -> Result<&dyn Exception, &Unexpected>;

    /// The code that the client sees.
    fn code(&self) -> &str {
        self.exception().map_or(self.operation().service.internal_error, Exception::code)
    }

    fn http_status(&self) -> u16 {
        self.exception().map_or(500, Exception::http_status)
    }

    /// The message that the client sees. What was not expected is for the log only.
    fn message(&self) -> &str {
        self.exception().map_or("An internal error occurred.", Exception::message)
    }

    /// Writes the exception's structure, message included; nothing when the error is unexpected.
    fn encode_members(&self, serializer: &mut dyn ShapeSerializer) {
        if let Ok(exception) = self.exception() {
            exception.encode(serializer);
        }
    }

    /// The error to log with its whole chain, when it is not one the model knows.
    fn unexpected(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.exception().err().map(Unexpected::inner)
    }
}

/// An error the API has no exception for. The client sees an internal error; the log has the whole chain.
pub struct Unexpected(Box<dyn Error + Send + Sync>);

impl Unexpected {
    /// Wraps an error, or a message.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unexpected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
