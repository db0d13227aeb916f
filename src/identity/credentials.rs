//! Access keys: what they say about the account, and the secrets of those whose signatures are verified.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::AccountId;

/// The account a request with this access key id speaks for: the id itself when it is an account's, as other
/// emulators have it, else `default`.
#[must_use]
pub fn account_of(access_key_id: &str, default: AccountId) -> AccountId {
    access_key_id.parse().unwrap_or(default)
}

/// Secret access keys by access key id.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    secrets: HashMap<String, String>,
}

impl Credentials {
    /// Adds an access key.
    #[must_use]
    pub fn with(mut self, access_key_id: &str, secret: &str) -> Self {
        self.secrets.insert(access_key_id.to_owned(), secret.to_owned());
        self
    }

    #[must_use]
    pub fn secret(&self, access_key_id: &str) -> Option<&str> {
        self.secrets.get(access_key_id).map(String::as_str)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

/// Shows the access key ids alone.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

/// A text that is not `ACCESS_KEY_ID:SECRET`, or several of them with commas between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("credentials are ACCESS_KEY_ID:SECRET_ACCESS_KEY, several of them separated by commas")]
pub struct InvalidCredentials;

impl FromStr for Credentials {
    type Err = InvalidCredentials;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').try_fold(Self::default(), |all, pair| match pair.trim().split_once(':') {
            Some((key, secret)) if !key.is_empty() && !secret.is_empty() => Ok(all.with(key, secret)),
            _ => Err(InvalidCredentials),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_id_may_be_an_account() {
        let default = AccountId::DEFAULT;
        assert_eq!(account_of("123456789012", default).to_string(), "123456789012");
        for other in ["test", "AKIAIOSFODNN7EXAMPLE", "12345678901", ""] {
            assert_eq!(account_of(other, default), default, "{other}");
        }
    }

    #[test]
    fn credentials_are_read_and_not_shown() {
        let credentials: Credentials = "a:b, 123456789012:s/e+c:r=t".parse().expect("two of them");
        assert_eq!(credentials.secret("a"), Some("b"));
        assert_eq!(credentials.secret("123456789012"), Some("s/e+c:r=t"));
        assert_eq!(credentials.secret("b"), None);
        assert!(!format!("{credentials:?}").contains("s/e+c"));
        for bad in ["", "a", "a:", ":b", "a:b,,c:d"] {
            assert_eq!(bad.parse::<Credentials>(), Err(InvalidCredentials), "{bad}");
        }
    }
}
