//! What can go wrong with the log store.

use std::sync::Arc;

use api_models::Unexpected;

/// The messages say what to do where something can be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogStoreError {
    /// CloudWatch: ResourceNotFoundException.
    #[error("The specified log group does not exist.")]
    NoSuchGroup,
    /// CloudWatch: ResourceNotFoundException.
    #[error("The specified log stream does not exist.")]
    NoSuchStream,
    /// CloudWatch: ResourceAlreadyExistsException.
    #[error("The specified log group already exists")]
    GroupExists,
    /// CloudWatch: ResourceAlreadyExistsException.
    #[error("The specified log stream already exists")]
    StreamExists,
    #[error("can't make the data directory {path}: {reason}")]
    Folder { path: String, reason: String },
    #[error(
        "the logs were written by a newer LocalECS (schema version {found}, this one knows {known}): upgrade, or \
         choose another folder with --data-dir"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error("a log group's record can't be read or written: {0}")]
    Record(String),
    #[error("the log store's database failed: {0}")]
    Database(Arc<rusqlite::Error>),
    #[error("can't start the log store's thread: {0}")]
    Thread(String),
    #[error("the log store is closed")]
    Stopped,
}

impl From<rusqlite::Error> for LogStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<serde_json::Error> for LogStoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(error.to_string())
    }
}

impl From<LogStoreError> for Unexpected {
    fn from(error: LogStoreError) -> Self {
        Self::new(error)
    }
}
