//! A parameter with its history.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ssm::{ParameterTier, ParameterType};
use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::services::sensitive::Sensitive;
use crate::store::Record;
use crate::time::Timestamp;

/// A parameter is known by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ParameterKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl ParameterKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }
}

/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html>
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub key: ParameterKey,
    pub tags: BTreeMap<String, String>,
    /// 1 to 100, the oldest first. The last one is what the parameter is now.
    pub versions: Vec<ParameterVersion>,
}

/// All of a parameter but its tags belongs to a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterVersion {
    pub number: i64,
    pub kind: Kind,
    pub value: Sensitive<String>,
    pub description: Option<String>,
    /// Of a SecureString, as it was given; there is no KMS.
    pub key_id: Option<String>,
    pub allowed_pattern: Option<String>,
    pub tier: Tier,
    pub data_type: String,
    pub labels: Vec<String>,
    pub modified_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    Standard,
    Advanced,
}

impl Parameter {
    /// `arn:aws:ssm:<region>:<account>:parameter/<name>`; a name that is a path brings its slash.
    #[must_use]
    pub fn arn(&self) -> String {
        let slash = if self.key.name.starts_with('/') { "" } else { "/" };
        self.key.scope.arn("ssm", &["parameter", slash, &self.key.name])
    }

    #[must_use]
    pub fn version(&self, number: i64) -> Option<&ParameterVersion> {
        self.versions.iter().find(|version| version.number == number)
    }
}

impl Kind {
    /// `None` for a type that the API does not have.
    #[must_use]
    pub fn of(kind: &ParameterType) -> Option<Self> {
        match kind {
            ParameterType::String => Some(Self::String),
            ParameterType::StringList => Some(Self::StringList),
            ParameterType::SecureString => Some(Self::SecureString),
            ParameterType::Unrecognized(_) => None,
        }
    }

    #[must_use]
    pub fn to_api(self) -> ParameterType {
        match self {
            Self::String => ParameterType::String,
            Self::StringList => ParameterType::StringList,
            Self::SecureString => ParameterType::SecureString,
        }
    }
}

impl Tier {
    #[must_use]
    pub fn to_api(self) -> ParameterTier {
        match self {
            Self::Standard => ParameterTier::Standard,
            Self::Advanced => ParameterTier::Advanced,
        }
    }
}

impl Record for Parameter {
    type Key = ParameterKey;

    fn key(&self) -> ParameterKey {
        self.key.clone()
    }
}
