//! Client tokens: the same token with the same input gets the same answer again, with another input a
//! ConflictException. <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html>

use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::{CommonError, ConflictException, InvalidParameterException};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::Scope;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// How long a token is remembered.
const VALID: Duration = Duration::from_secs(24 * 3600);
const MAX_LENGTH: usize = 64;
/// How many old tokens are looked at, and dropped when they are too old, for each new one.
const SWEPT: usize = 8;

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

/// What stands for an input when it comes again; `input` must be without its token.
///
/// # Errors
/// When it can't be written down.
pub fn fingerprint(input: &impl Serialize) -> Result<String, Unexpected> {
    let text = serde_json::to_vec(input).map_err(Unexpected::new)?;
    Ok(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Checks a token's form: up to 64 visible ASCII characters.
///
/// # Errors
/// InvalidParameterException when it has another.
pub fn check_token(token: &str) -> Result<(), CommonError> {
    check_token_within(token, MAX_LENGTH)
}

/// Checks the form of a token that may have up to `length` visible ASCII characters.
///
/// # Errors
/// InvalidParameterException when it has another.
pub fn check_token_within(token: &str, length: usize) -> Result<(), CommonError> {
    if token.len() > length {
        return Err(InvalidParameterException::new(format!("clientToken length must be at most {length}")).into());
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidParameterException::new("clientToken contains invalid characters.").into());
    }
    Ok(())
}

/// The ARNs of what the first call with this token made; `None` when there was no such call in the last 24 hours.
///
/// # Errors
/// ConflictException, naming what the first call made, when its input was another.
pub fn recall(
    state: &State,
    key: &IdempotencyKey,
    fingerprint: &str,
    now: Timestamp,
) -> Result<Option<Vec<String>>, ConflictException> {
    let Some(known) = state.idempotency_tokens.get(key).filter(|known| !known.is_stale(now)) else {
        return Ok(None);
    };
    if known.fingerprint == fingerprint {
        return Ok(Some(known.resource_arns.clone()));
    }
    Err(ConflictException {
        resource_ids: Some(known.resource_arns.clone()),
        ..ConflictException::new("The specified client token was used in an earlier request with other parameters.")
    })
}

/// Remembers what a call with a token made, and forgets some tokens that are too old. Clients choose tokens at random,
/// so those that follow the new one are a fair sample of all.
pub fn remember(tx: &mut Transaction, token: IdempotencyToken) {
    let now = token.used_at;
    let stale: Vec<IdempotencyKey> = tx
        .idempotency_tokens
        .range(token.key.clone()..)
        .take(SWEPT)
        .filter(|(_, token)| token.is_stale(now))
        .map(|(key, _)| key.clone())
        .collect();
    for key in stale {
        tx.delete::<IdempotencyToken>(&key);
    }
    tx.put(token);
}

impl IdempotencyToken {
    fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.used_at.saturating_add(VALID)
    }
}
