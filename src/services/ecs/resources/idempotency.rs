//! Client tokens: the same token with the same input gets the same answer again, with another input a
//! ConflictException. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>

use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdempotencyKey {
    pub scope: Scope,
    pub operation: String,
    pub token: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdempotencyToken {
    pub key: IdempotencyKey,
    /// A digest of the input without the token.
    pub fingerprint: String,
    /// What the first call made.
    pub resource_arns: Vec<String>,
    pub used_at: Timestamp,
}

impl Record for IdempotencyToken {
    type Key = IdempotencyKey;

    fn key(&self) -> IdempotencyKey {
        self.key.clone()
    }
}
