//! A secret with all its versions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::services::sensitive::Sensitive;
use crate::store::Record;
use crate::time::Timestamp;

/// A secret is known by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl SecretKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }
}

/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub key: SecretKey,
    /// The six characters that the ARN ends with: another secret of the same name has others.
    pub suffix: String,
    pub description: Option<String>,
    /// As it was given; there is no KMS.
    pub kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// The resource policy, a JSON document; kept and answered.
    pub policy: Option<String>,
    /// In the order in which they were made.
    pub versions: Vec<SecretVersion>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// The day (UTC) on which a value was last read.
    pub accessed_on: Option<Timestamp>,
    pub deletion: Option<Deletion>,
}

/// It was asked to delete the secret, and it can be restored until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub asked_at: Timestamp,
    pub due: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretVersion {
    pub id: String,
    /// Staging labels; without any it is deprecated.
    pub stages: Vec<String>,
    pub value: SecretValue,
    pub created_at: Timestamp,
    pub accessed_on: Option<Timestamp>,
}

/// What is secret. `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretValue {
    Text(Sensitive<String>),
    /// In Base64.
    Binary(Sensitive<String>),
}

impl Secret {
    /// `arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>`
    #[must_use]
    pub fn arn(&self) -> String {
        self.key.scope.arn("secretsmanager", &["secret:", &self.key.name, "-", &self.suffix])
    }

    #[must_use]
    pub fn version(&self, id: &str) -> Option<&SecretVersion> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that has this staging label.
    #[must_use]
    pub fn staged(&self, stage: &str) -> Option<&SecretVersion> {
        self.versions.iter().find(|version| version.has(stage))
    }
}

impl SecretVersion {
    #[must_use]
    pub fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|label| label == stage)
    }
}

/// The beginning of the day in UTC: Secrets Manager tells no more of an access than its day.
#[must_use]
pub fn day(time: Timestamp) -> Timestamp {
    let day = i64::try_from(Duration::from_secs(24 * 3600).as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.as_millis().div_euclid(day) * day)
}

impl Record for Secret {
    type Key = SecretKey;

    fn key(&self) -> SecretKey {
        self.key.clone()
    }
}
