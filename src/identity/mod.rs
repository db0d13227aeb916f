//! Who a request speaks for: account, region, and the names of resources in them.

mod arn;
pub mod credentials;
pub mod sigv4;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use arn::{Arn, ArnParseError};
use serde::{Deserialize, Serialize};

/// An AWS account: 12 decimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(u64);

impl AccountId {
    /// What LocalECS (like other emulators) answers for when a request names no account.
    pub const DEFAULT: Self = Self(0);

    /// The 12 digits, in ASCII.
    fn digits(self) -> [u8; 12] {
        let mut digits = [b'0'; 12];
        let mut rest = self.0;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        digits
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAccountId);
        }
        text.parse().map(Self).map_err(|_| InvalidAccountId)
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(account: AccountId) -> Self {
        account.to_string()
    }
}

/// A text that is not 12 decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account id is 12 decimal digits")]
pub struct InvalidAccountId;

/// An AWS region's name, such as `us-east-1`; any name of that shape is taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(Arc<str>);

impl Region {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition the region lies in, as it stands in ARNs.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        match &*self.0 {
            china if china.starts_with("cn-") => "aws-cn",
            government if government.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account and region whose state a request sees; nothing is shared between two scopes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    pub account: AccountId,
    pub region: Region,
}

impl Scope {
    #[must_use]
    pub fn new(account: AccountId, region: Region) -> Self {
        Self { account, region }
    }

    /// The ARN of a resource (everything after the account, in parts) of `service` in this scope. Lists are made of
    /// ARNs, so it is written in one go.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &[&str]) -> String {
        let account = self.account.digits();
        let account = str::from_utf8(&account).unwrap_or_default();
        let head = ["arn:", self.region.partition(), ":", service, ":", self.region.as_str(), ":", account, ":"];
        let length = head.iter().chain(resource).map(|part| part.len()).sum();
        let mut arn = String::with_capacity(length);
        head.iter().chain(resource).for_each(|part| arn.push_str(part));
        arn
    }

    /// The ARN of an IAM resource of this account: IAM has no region.
    #[must_use]
    pub fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.region.partition(), self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_keep_their_leading_zeros() {
        let account: AccountId = "000000000012".parse().expect("12 digits");
        assert_eq!(account.to_string(), "000000000012");
        for bad in ["", "12", "00000000001x", "0000000000012"] {
            assert_eq!(bad.parse::<AccountId>(), Err(InvalidAccountId), "{bad}");
        }
    }

    #[test]
    fn partitions_follow_the_region() {
        let arn = |region| Scope::new(AccountId::DEFAULT, Region::new(region)).arn("ecs", &["cluster/a"]);
        assert_eq!(arn("us-east-1"), "arn:aws:ecs:us-east-1:000000000000:cluster/a");
        assert_eq!(arn("cn-north-1"), "arn:aws-cn:ecs:cn-north-1:000000000000:cluster/a");
        assert_eq!(arn("us-gov-west-1"), "arn:aws-us-gov:ecs:us-gov-west-1:000000000000:cluster/a");
    }
}
