//! Instance profiles: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_InstanceProfile.html>

use std::sync::Arc;

use api_models::iam::{self, CommonError, NoSuchEntityException, Tag};
use serde::{Deserialize, Serialize};

use super::{IamKey, arn, tags};
use crate::identity::AccountId;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    pub account: AccountId,
    pub partition: String,
    pub path: String,
    pub name: String,
    /// `AIPA` and 17 letters.
    pub id: String,
    pub created_at: Timestamp,
    pub tags: Vec<Tag>,
    /// The name of the role that it holds: one at most.
    pub role: Option<String>,
}

impl Record for InstanceProfile {
    type Key = IamKey;

    fn key(&self) -> IamKey {
        IamKey::new(self.account, &self.name)
    }
}

impl InstanceProfile {
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.partition, self.account, "instance-profile", &self.path, &self.name)
    }

    /// As the API shows it; lists leave out tags.
    #[must_use]
    pub fn shown(&self, state: &State, in_full: bool) -> iam::InstanceProfile {
        let role = self.role.as_ref().and_then(|role| state.roles.get(&IamKey::new(self.account, role)));
        iam::InstanceProfile {
            path: Some(self.path.clone()),
            instance_profile_name: Some(self.name.clone()),
            instance_profile_id: Some(self.id.clone()),
            arn: Some(self.arn()),
            create_date: Some(self.created_at),
            roles: Some(role.into_iter().map(|role| role.shown(false)).collect()),
            tags: tags::shown(&self.tags).filter(|_| in_full),
        }
    }
}

/// The instance profile of that name.
///
/// # Errors
/// NoSuchEntity.
pub fn find_profile<'s>(
    state: &'s State,
    account: AccountId,
    name: &str,
) -> Result<&'s Arc<InstanceProfile>, CommonError> {
    state
        .instance_profiles
        .get(&IamKey::new(account, name))
        .ok_or_else(|| NoSuchEntityException::new(format!("Instance Profile {name} cannot be found.")).into())
}

/// Changes the instance profile of that name.
///
/// # Errors
/// NoSuchEntity, or what `change` says.
pub fn change_profile<T>(
    tx: &mut Transaction,
    account: AccountId,
    name: &str,
    change: impl FnOnce(&mut InstanceProfile) -> Result<T, CommonError>,
) -> Result<T, CommonError> {
    let mut profile = InstanceProfile::clone(find_profile(tx, account, name)?);
    let value = change(&mut profile)?;
    tx.put(profile);
    Ok(value)
}

/// The instance profiles that hold a role.
pub fn holding<'s>(
    state: &'s State,
    account: AccountId,
    role: &'s str,
) -> impl Iterator<Item = &'s Arc<InstanceProfile>> + 's {
    let all =
        state.instance_profiles.range(IamKey::first(account)..).take_while(move |(key, _)| key.account == account);
    let wanted = role.to_lowercase();
    all.map(|(_, profile)| profile)
        .filter(move |profile| profile.role.as_ref().is_some_and(|held| held.to_lowercase() == wanted))
}
