//! The log store's errors in CloudWatch's exceptions.

use api_models::Unexpected;
use api_models::logs::{CommonError, ResourceNotFoundException};

use crate::logstore::LogStoreError;

impl From<LogStoreError> for CommonError {
    fn from(error: LogStoreError) -> Self {
        match error {
            LogStoreError::NoSuchGroup | LogStoreError::NoSuchStream => {
                ResourceNotFoundException::new(error.to_string()).into()
            }
            other => Unexpected::new(other).into(),
        }
    }
}
