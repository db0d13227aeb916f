//! The forms of access keys and unique ids.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
//!
//! A temporary key of LocalECS's own is recognised for good: its last letters follow from the others and the store's
//! id. So it is known to be expired after it was forgotten, while any other key that begins with ASIA (somebody's for
//! the real AWS) is not.

use sha2::{Digest, Sha256};

use crate::ids::IdSource;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const TEMPORARY: &str = "ASIA";
/// Letters that are random, and letters that follow from them.
const FREE: usize = 12;
const CHECK: usize = 4;

/// A new temporary access key id of the store with that id.
#[must_use]
pub fn temporary(ids: &IdSource, store_id: &str) -> String {
    let mut key = format!("{TEMPORARY}{}", ids.characters(BASE32, FREE));
    key.push_str(&check(&key, store_id));
    key
}

#[must_use]
pub fn is_temporary(key: &str) -> bool {
    key.starts_with(TEMPORARY)
}

/// Whether [`temporary`] made this key for the store.
#[must_use]
pub fn is_own(key: &str, store_id: &str) -> bool {
    key.len() == TEMPORARY.len() + FREE + CHECK
        && key.is_ascii()
        && key.starts_with(TEMPORARY)
        && key.ends_with(&check(&key[..TEMPORARY.len() + FREE], store_id))
}

fn check(text: &str, store_id: &str) -> String {
    letters(&[store_id, text], CHECK)
}

/// A new secret access key: 40 letters.
#[must_use]
pub fn secret(ids: &IdSource) -> String {
    ids.characters(BASE64, 40)
}

/// A new session token. AWS does not say how long they are; this is as long as many.
#[must_use]
pub fn token(ids: &IdSource) -> String {
    format!("IQoJb3JpZ2luX2Vj{}", ids.characters(BASE64, 240))
}

/// A new unique id, such as `AROA` (a role's) and 17 letters.
#[must_use]
pub fn unique_id(ids: &IdSource, prefix: &str) -> String {
    format!("{prefix}{}", ids.characters(BASE32, 17))
}

/// The unique id of something that nobody made: always the same for the same ARN.
#[must_use]
pub fn made_up_id(prefix: &str, arn: &str) -> String {
    format!("{prefix}{}", letters(&[arn], 17))
}

fn letters(parts: &[&str], length: usize) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| {
        hash.update(part.as_bytes());
        hash.update([0]);
    });
    hash.finalize().iter().take(length).map(|byte| char::from(BASE32[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_their_store() {
        let ids = IdSource::seeded(1);
        for _ in 0..100 {
            let key = temporary(&ids, "one");
            assert_eq!(key.len(), 20);
            assert!(is_own(&key, "one") && is_temporary(&key));
            assert!(!is_own(&key, "two"), "{key}");
        }
        for other in ["", "ASIA", "ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", "ASIAéééééééé"] {
            assert!(!is_own(other, "one"), "{other}");
        }
    }

    #[test]
    fn ids_have_their_forms() {
        let ids = IdSource::seeded(1);
        assert_eq!(unique_id(&ids, "AROA").len(), 21);
        assert_eq!(secret(&ids).len(), 40);
        let made_up = made_up_id("AROA", "arn:aws:iam::000000000000:role/x");
        assert_eq!(made_up.len(), 21);
        assert_eq!(made_up, made_up_id("AROA", "arn:aws:iam::000000000000:role/x"));
        assert_ne!(made_up, made_up_id("AROA", "arn:aws:iam::000000000000:role/y"));
    }
}
