//! Parameters as the API shows them.

use api_models::ssm::{self, ParameterHistory, ParameterMetadata};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Kind, Parameter, ParameterVersion, Selected};

impl Parameter {
    /// One version, with its value. A SecureString that is not decrypted shows a cipher text.
    #[must_use]
    pub fn to_api(&self, version: &ParameterVersion, selector: Option<&str>, decrypted: bool) -> ssm::Parameter {
        ssm::Parameter {
            name: Some(self.key.name.to_string()),
            r#type: Some(version.kind.to_api()),
            value: Some(self.value(version, decrypted)),
            version: Some(version.number),
            selector: selector.map(|selector| format!(":{selector}")),
            source_result: None,
            last_modified_date: Some(version.modified_at),
            arn: Some(self.arn()),
            data_type: Some(version.data_type.clone()),
        }
    }

    /// For GetParameterHistory.
    #[must_use]
    pub fn to_history(&self, version: &ParameterVersion, decrypted: bool) -> ParameterHistory {
        ParameterHistory {
            name: Some(self.key.name.to_string()),
            r#type: Some(version.kind.to_api()),
            key_id: version.key_id.clone(),
            last_modified_date: Some(version.modified_at),
            last_modified_user: Some(self.user()),
            description: version.description.clone(),
            value: Some(self.value(version, decrypted)),
            allowed_pattern: version.allowed_pattern.clone(),
            version: Some(version.number),
            labels: Some(version.labels.clone()),
            tier: Some(version.tier.to_api()),
            policies: Some(Vec::new()),
            data_type: Some(version.data_type.clone()),
        }
    }

    /// For DescribeParameters: what it is now, without the value.
    #[must_use]
    pub fn to_metadata(&self) -> ParameterMetadata {
        let mut metadata =
            ParameterMetadata { name: Some(self.key.name.to_string()), arn: Some(self.arn()), ..Default::default() };
        if let Some(version) = self.versions.last() {
            metadata.r#type = Some(version.kind.to_api());
            metadata.key_id.clone_from(&version.key_id);
            metadata.last_modified_date = Some(version.modified_at);
            metadata.last_modified_user = Some(self.user());
            metadata.description.clone_from(&version.description);
            metadata.allowed_pattern.clone_from(&version.allowed_pattern);
            metadata.version = Some(version.number);
            metadata.tier = Some(version.tier.to_api());
            metadata.policies = Some(Vec::new());
            metadata.data_type = Some(version.data_type.clone());
        }
        metadata
    }

    fn value(&self, version: &ParameterVersion, decrypted: bool) -> String {
        match version.kind {
            Kind::SecureString if !decrypted => self.cipher_text(version),
            _ => version.value.expose().clone(),
        }
    }

    /// Something that looks like what KMS makes of a value, always the same. Nothing of the value is in it.
    fn cipher_text(&self, version: &ParameterVersion) -> String {
        let mut bytes = vec![0x01, 0x02, 0x02, 0x00, 0x78];
        for part in 0..5_u8 {
            bytes.extend(Sha256::digest(format!("{}:{}:{part}", self.arn(), version.number)));
        }
        STANDARD.encode(bytes)
    }

    fn user(&self) -> String {
        self.key.scope.iam_arn("root")
    }
}

impl Selected<'_> {
    #[must_use]
    pub fn to_api(&self, decrypted: bool) -> ssm::Parameter {
        self.parameter.to_api(self.version, self.selector, decrypted)
    }
}
