//! What makes an operation: one marker type for each, which ties its parts together.

use crate::schema::OperationSchema;
use crate::{OperationError, Structure};

pub trait Operation: 'static {
    const SCHEMA: &'static OperationSchema;
    type Input: Structure + Send + Sync + 'static;
    type Output: Structure + Send + Sync + 'static;
    type Error: OperationError;
}
