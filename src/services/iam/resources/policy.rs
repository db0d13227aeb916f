//! Managed policies, a customer's and AWS's: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html>

use std::sync::Arc;

use api_models::iam::{
    self, CommonError, InvalidInputException, LimitExceededException, NoSuchEntityException, PolicyVersion, Tag,
};
use serde::{Deserialize, Serialize};

use super::managed::{self, Managed};
use super::{IamKey, arn, tags, url_encoded};
use crate::identity::{AccountId, Arn};
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// The most versions that a policy can have at a time.
pub const MAX_VERSIONS: usize = 5;

/// A customer's policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPolicy {
    pub account: AccountId,
    pub partition: String,
    pub path: String,
    pub name: String,
    /// `ANPA` and 17 letters.
    pub id: String,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub tags: Vec<Tag>,
    /// Oldest first; never empty.
    pub versions: Vec<PolicyVersionRecord>,
    /// The number of the version that counts.
    pub default_version: u32,
    /// The number of the last version that was made.
    pub last_version: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersionRecord {
    pub number: u32,
    pub document: String,
    pub created_at: Timestamp,
}

impl Record for StoredPolicy {
    type Key = IamKey;

    fn key(&self) -> IamKey {
        IamKey::new(self.account, &self.name)
    }
}

impl StoredPolicy {
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.partition, self.account, "policy", &self.path, &self.name)
    }

    /// The version called `v<number>`.
    #[must_use]
    pub fn version(&self, id: &str) -> Option<&PolicyVersionRecord> {
        let number: u32 = id.strip_prefix('v')?.parse().ok()?;
        self.versions.iter().find(|version| version.number == number)
    }

    /// The document that counts.
    #[must_use]
    pub fn document(&self) -> &str {
        let version = self.versions.iter().find(|version| version.number == self.default_version);
        version.map_or("", |version| &version.document)
    }

    /// As the API shows it; lists leave out description and tags.
    #[must_use]
    pub fn shown(&self, state: &State, in_full: bool) -> iam::Policy {
        let (attachments, boundaries) = uses(state, self.account, &self.arn());
        iam::Policy {
            policy_name: Some(self.name.clone()),
            policy_id: Some(self.id.clone()),
            arn: Some(self.arn()),
            path: Some(self.path.clone()),
            default_version_id: Some(format!("v{}", self.default_version)),
            attachment_count: Some(attachments),
            permissions_boundary_usage_count: Some(boundaries),
            is_attachable: Some(true),
            description: self.description.clone().filter(|_| in_full),
            create_date: Some(self.created_at),
            update_date: Some(self.updated_at),
            tags: tags::shown(&self.tags).filter(|_| in_full),
        }
    }

    /// A version as the API shows it; lists leave out the document.
    #[must_use]
    pub fn shown_version(&self, version: &PolicyVersionRecord, in_full: bool) -> PolicyVersion {
        PolicyVersion {
            document: in_full.then(|| url_encoded(&version.document)),
            version_id: Some(format!("v{}", version.number)),
            is_default_version: Some(version.number == self.default_version),
            create_date: Some(version.created_at),
        }
    }
}

/// A policy of either kind.
#[derive(Clone, Debug)]
pub enum AnyPolicy {
    Stored(Arc<StoredPolicy>),
    Managed(Managed),
}

/// The policy with that ARN.
///
/// # Errors
/// InvalidInput when it is no policy's ARN, NoSuchEntity.
pub fn find_policy(state: &State, account: AccountId, policy_arn: &str) -> Result<AnyPolicy, CommonError> {
    let missing = || CommonError::from(NoSuchEntityException::new(format!("Policy {policy_arn} was not found.")));
    let invalid = || CommonError::from(InvalidInputException::new(format!("ARN {policy_arn} is not valid.")));
    let arn = Arn::parse(policy_arn).map_err(|_| invalid())?;
    let resource = arn.resource.strip_prefix("policy/").filter(|_| arn.service == "iam" && arn.region.is_empty());
    let name = resource.and_then(|resource| resource.rsplit('/').next()).ok_or_else(invalid)?;
    if arn.account == "aws" {
        return managed::find(name)
            .filter(|found| found.arn(arn.partition) == policy_arn)
            .map(AnyPolicy::Managed)
            .ok_or_else(missing);
    }
    let found = state.policies.get(&IamKey::new(account, name));
    found.filter(|policy| policy.arn() == policy_arn).cloned().map(AnyPolicy::Stored).ok_or_else(missing)
}

/// Any policy as the API shows it, in full.
#[must_use]
pub fn shown_policy(state: &State, account: AccountId, policy: &AnyPolicy, partition: &str) -> iam::Policy {
    match policy {
        AnyPolicy::Stored(policy) => policy.shown(state, true),
        AnyPolicy::Managed(managed) => managed.shown(state, account, partition),
    }
}

/// Changes a customer's policy.
///
/// # Errors
/// NoSuchEntity (AWS's own cannot be changed), or what `change` says.
pub fn change_policy<T>(
    tx: &mut Transaction,
    account: AccountId,
    policy_arn: &str,
    change: impl FnOnce(&mut StoredPolicy) -> Result<T, CommonError>,
) -> Result<T, CommonError> {
    match find_policy(tx, account, policy_arn)? {
        AnyPolicy::Stored(policy) => {
            let mut policy = StoredPolicy::clone(&policy);
            let value = change(&mut policy)?;
            tx.put(policy);
            Ok(value)
        }
        AnyPolicy::Managed(_) => Err(InvalidInputException::new(format!(
            "Policy {policy_arn} is an AWS managed policy, which cannot be changed."
        ))
        .into()),
    }
}

/// How many roles have the policy attached, and how many have it as their boundary.
#[must_use]
pub fn uses(state: &State, account: AccountId, policy_arn: &str) -> (i32, i32) {
    let roles = state.roles.range(IamKey::first(account)..).take_while(|(key, _)| key.account == account);
    roles.fold((0, 0), |(attachments, boundaries), (_, role)| {
        let is_boundary = role.permissions_boundary.as_deref() == Some(policy_arn);
        (attachments + i32::from(role.attached.contains(policy_arn)), boundaries + i32::from(is_boundary))
    })
}

/// A version that a policy does not have.
#[must_use]
pub fn no_version(policy_arn: &str, id: &str) -> CommonError {
    let message = format!("Policy {policy_arn} version {id} does not exist or is not attachable.");
    NoSuchEntityException::new(message).into()
}

/// The largest document of a managed policy, without white space.
const MAX_SIZE: usize = 6144;

/// Checks a document's size.
///
/// # Errors
/// LimitExceeded.
pub fn check_size(document: &str) -> Result<(), CommonError> {
    if document.chars().filter(|letter| !letter.is_whitespace()).count() <= MAX_SIZE {
        return Ok(());
    }
    Err(LimitExceededException::new(format!("Cannot exceed quota for PolicySize: {MAX_SIZE}")).into())
}
