//! Secrets as the API shows them.

use std::collections::BTreeMap;

use api_models::Timestamp;
use api_models::secretsmanager::{
    DescribeSecretResponse, GetSecretValueResponse, SecretListEntry, SecretValueEntry, SecretVersionsListEntry, Tag,
};

use super::{Secret, SecretVersion};

/// The key that stands for AWS's own where none was given.
const DEFAULT_KEY: &str = "DefaultEncryptionKey";

impl Secret {
    /// For DescribeSecret, which tells when a marked secret goes (ListSecrets: when it was marked).
    #[must_use]
    pub fn to_api(&self) -> DescribeSecretResponse {
        DescribeSecretResponse {
            arn: Some(self.arn()),
            name: Some(self.key.name.to_string()),
            description: self.description.clone(),
            kms_key_id: self.kms_key_id.clone(),
            last_changed_date: Some(self.changed_at),
            last_accessed_date: self.accessed_on,
            deleted_date: self.deletion.map(|deletion| deletion.due),
            tags: (!self.tags.is_empty()).then(|| tags(&self.tags)),
            version_ids_to_stages: self.stages(),
            created_date: Some(self.created_at),
            ..DescribeSecretResponse::default()
        }
    }

    /// For ListSecrets.
    #[must_use]
    pub fn to_entry(&self) -> SecretListEntry {
        let described = self.to_api();
        SecretListEntry {
            arn: described.arn,
            name: described.name,
            description: described.description,
            kms_key_id: described.kms_key_id,
            last_changed_date: described.last_changed_date,
            last_accessed_date: described.last_accessed_date,
            deleted_date: self.deletion.map(|deletion| deletion.asked_at),
            tags: described.tags,
            secret_versions_to_stages: described.version_ids_to_stages,
            created_date: described.created_date,
            ..SecretListEntry::default()
        }
    }

    /// The labels of each version that has any.
    fn stages(&self) -> Option<BTreeMap<String, Vec<String>>> {
        let labelled = self.versions.iter().filter(|version| !version.stages.is_empty());
        let stages: BTreeMap<_, _> = labelled.map(|version| (version.id.clone(), version.stages.clone())).collect();
        (!stages.is_empty()).then_some(stages)
    }

    /// For GetSecretValue: the value itself.
    #[must_use]
    pub fn value_to_api(&self, version: &SecretVersion) -> GetSecretValueResponse {
        let (secret_string, secret_binary) = version.value.to_api();
        GetSecretValueResponse {
            arn: Some(self.arn()),
            name: Some(self.key.name.to_string()),
            version_id: Some(version.id.clone()),
            secret_binary,
            secret_string,
            version_stages: (!version.stages.is_empty()).then(|| version.stages.clone()),
            created_date: Some(version.created_at),
        }
    }

    /// For BatchGetSecretValue.
    #[must_use]
    pub fn value_to_entry(&self, version: &SecretVersion) -> SecretValueEntry {
        let value = self.value_to_api(version);
        SecretValueEntry {
            arn: value.arn,
            name: value.name,
            version_id: value.version_id,
            secret_binary: value.secret_binary,
            secret_string: value.secret_string,
            version_stages: value.version_stages,
            created_date: value.created_date,
        }
    }

    /// For ListSecretVersionIds.
    #[must_use]
    pub fn version_to_api(&self, version: &SecretVersion) -> SecretVersionsListEntry {
        SecretVersionsListEntry {
            version_id: Some(version.id.clone()),
            version_stages: (!version.stages.is_empty()).then(|| version.stages.clone()),
            last_accessed_date: version.accessed_on,
            created_date: Some(version.created_at),
            kms_key_ids: Some(vec![self.kms_key_id.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned())]),
        }
    }

    /// When something about it was read last, for sorting: never is the oldest.
    #[must_use]
    pub fn accessed_or_never(&self) -> Timestamp {
        self.accessed_on.unwrap_or(Timestamp::EPOCH)
    }
}

#[must_use]
pub fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}
