//! Roles: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api_models::iam::{
    self, AttachedPermissionsBoundary, AttachedPolicy, CommonError, NoSuchEntityException,
    PermissionsBoundaryAttachmentType, Tag, UnmodifiableEntityException,
};
use serde::{Deserialize, Serialize};

use super::{IamKey, arn, tags, url_encoded};
use crate::identity::AccountId;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub account: AccountId,
    pub partition: String,
    /// Begins and ends with a slash.
    pub path: String,
    pub name: String,
    /// `AROA` and 17 letters.
    pub id: String,
    pub description: Option<String>,
    /// In seconds: an hour to twelve.
    pub max_session_duration: i32,
    pub trust_policy: String,
    pub created_at: Timestamp,
    /// The ARN of the policy that bounds what all others allow.
    pub permissions_boundary: Option<String>,
    pub tags: Vec<Tag>,
    /// Policies of its own, by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub attached: BTreeSet<String>,
    /// The service that a service-linked role belongs to.
    pub linked_to: Option<String>,
}

impl Record for Role {
    type Key = IamKey;

    fn key(&self) -> IamKey {
        IamKey::new(self.account, &self.name)
    }
}

impl Role {
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.partition, self.account, "role", &self.path, &self.name)
    }

    /// As the API shows it; lists leave out tags and boundary.
    #[must_use]
    pub fn shown(&self, in_full: bool) -> iam::Role {
        let boundary = self.permissions_boundary.clone().filter(|_| in_full);
        iam::Role {
            path: Some(self.path.clone()),
            role_name: Some(self.name.clone()),
            role_id: Some(self.id.clone()),
            arn: Some(self.arn()),
            create_date: Some(self.created_at),
            assume_role_policy_document: Some(url_encoded(&self.trust_policy)),
            description: self.description.clone(),
            max_session_duration: Some(self.max_session_duration),
            permissions_boundary: boundary.map(|boundary| {
                AttachedPermissionsBoundary {
                    permissions_boundary_type: Some(PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
                    permissions_boundary_arn: Some(boundary),
                }
                .into()
            }),
            tags: tags::shown(&self.tags).filter(|_| in_full),
            ..Default::default()
        }
    }
}

/// The role of that name.
///
/// # Errors
/// NoSuchEntity.
pub fn find_role<'s>(state: &'s State, account: AccountId, name: &str) -> Result<&'s Arc<Role>, CommonError> {
    state
        .roles
        .get(&IamKey::new(account, name))
        .ok_or_else(|| NoSuchEntityException::new(format!("The role with name {name} cannot be found.")).into())
}

/// Changes the role of that name, unless it is a service's own.
///
/// # Errors
/// NoSuchEntity, UnmodifiableEntity, or what `change` says.
pub fn change_role<T>(
    tx: &mut Transaction,
    account: AccountId,
    name: &str,
    change: impl FnOnce(&mut Role) -> Result<T, CommonError>,
) -> Result<T, CommonError> {
    let mut role = Role::clone(find_role(tx, account, name)?);
    protect(&role)?;
    let value = change(&mut role)?;
    tx.put(role);
    Ok(value)
}

/// Refuses changes of a service-linked role.
///
/// # Errors
/// UnmodifiableEntity.
pub fn protect(role: &Role) -> Result<(), CommonError> {
    match role.linked_to {
        None => Ok(()),
        Some(_) => Err(UnmodifiableEntityException::new(format!(
            "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
            role.name
        ))
        .into()),
    }
}

/// The attached policies, as the API shows them.
#[must_use]
pub fn attached(role: &Role, path_prefix: &str) -> Vec<AttachedPolicy> {
    let policies = role.attached.iter().filter_map(|arn| {
        let (_, resource) = arn.split_once(":policy")?;
        let name = resource.rsplit('/').next()?;
        resource
            .starts_with(path_prefix)
            .then(|| AttachedPolicy { policy_name: Some(name.to_owned()), policy_arn: Some(arn.clone()) })
    });
    policies.collect()
}
