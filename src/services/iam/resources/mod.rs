//! IAM's records, and what its operations share.

mod check;
#[cfg(test)]
pub(crate) mod fixtures;
mod instance_profile;
pub mod managed;
pub mod paging;
mod policy;
mod role;
pub mod service_linked;
pub mod tags;

pub use check::{document, name, now, path, path_prefix, url_encoded};
pub use instance_profile::{InstanceProfile, change_profile, find_profile, holding};
pub use policy::{
    AnyPolicy, MAX_VERSIONS, PolicyVersionRecord, StoredPolicy, change_policy, check_size, find_policy, no_version,
    shown_policy, uses,
};
pub use role::{Role, attached, change_role, find_role, protect};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::identity::AccountId;

/// The key of anything in IAM: names are unique in an account, whatever their case and path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IamKey {
    pub account: AccountId,
    /// In lower case.
    pub name: Arc<str>,
}

impl IamKey {
    #[must_use]
    pub fn new(account: AccountId, name: &str) -> Self {
        Self { account, name: name.to_lowercase().into() }
    }

    /// Smaller than all keys of the account.
    #[must_use]
    pub fn first(account: AccountId) -> Self {
        Self { account, name: "".into() }
    }
}

/// The ARN of something with a path: `arn:aws:iam::123456789012:role/path/name`.
fn arn(partition: &str, account: AccountId, kind: &str, path: &str, name: &str) -> String {
    format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
}
