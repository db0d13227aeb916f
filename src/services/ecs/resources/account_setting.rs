//! Account settings: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Setting.html>

use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::store::Record;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountSettingKey {
    pub scope: Scope,
    /// The ARN of the user, role or root whose setting it is; `None` for the account's default
    /// (PutAccountSettingDefault).
    pub principal: Option<String>,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSetting {
    pub key: AccountSettingKey,
    pub value: String,
}

impl Record for AccountSetting {
    type Key = AccountSettingKey;

    fn key(&self) -> AccountSettingKey {
        self.key.clone()
    }
}
