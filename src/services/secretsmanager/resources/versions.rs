//! Pure: which version has which staging label.
//!
//! A label is on one version at a time. When AWSCURRENT moves, AWSPREVIOUS goes to the version it left.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>

use std::time::Duration;

use api_models::secretsmanager::ResourceExistsException;

use super::{Secret, SecretValue, SecretVersion};
use crate::time::Timestamp;

pub const CURRENT: &str = "AWSCURRENT";
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// Versions without a label go when there are more than that, and they are older than [`KEPT_AT_LEAST`].
const KEPT_VERSIONS: usize = 100;
const KEPT_AT_LEAST: Duration = Duration::from_secs(24 * 3600);

/// A version that a request wants made.
#[derive(Clone, Debug)]
pub struct VersionWanted {
    pub id: String,
    pub value: SecretValue,
    /// AWSCURRENT when empty.
    pub stages: Vec<String>,
}

/// What is to be done for a request that wants a version of this id: `true` to make it, `false` when it is there.
///
/// # Errors
/// ResourceExistsException when there is one of this id with another value.
pub fn wanted_version(secret: &Secret, wanted: &VersionWanted) -> Result<bool, ResourceExistsException> {
    match secret.version(&wanted.id) {
        None => Ok(true),
        Some(present) if present.value == wanted.value => Ok(false),
        Some(_) => Err(ResourceExistsException::new(format!(
            "You can't use ClientRequestToken {} because that value is already in use for a version of secret {}.",
            wanted.id,
            secret.arn()
        ))),
    }
}

impl Secret {
    /// Adds a version and moves its labels to it. The first version of a secret is AWSCURRENT whatever is asked.
    pub fn add_version(&mut self, wanted: VersionWanted, now: Timestamp) {
        let VersionWanted { id, value, mut stages } = wanted;
        let first = self.versions.is_empty();
        if stages.is_empty() || first && !stages.iter().any(|stage| stage == CURRENT) {
            stages.push(CURRENT.to_owned());
        }
        let version = SecretVersion { id: id.clone(), stages: Vec::new(), value, created_at: now, accessed_on: None };
        self.versions.push(version);
        for stage in stages {
            self.attach(&stage, &id);
        }
        self.forget_old_versions(now);
        self.changed_at = now;
    }

    /// Attaches a label to a version, and takes it from the one that had it.
    pub fn attach(&mut self, stage: &str, id: &str) {
        let before = self.staged(stage).map(|version| version.id.clone());
        if before.as_deref() == Some(id) {
            return;
        }
        self.detach(stage);
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
        }
        if let (CURRENT, Some(before)) = (stage, before) {
            self.attach(PREVIOUS, &before);
        }
        // A version is not both at once.
        if stage == CURRENT
            && let Some(version) = self.versions.iter_mut().find(|version| version.id == id)
        {
            version.stages.retain(|label| label != PREVIOUS);
        }
    }

    /// Takes a label from the version that has it.
    pub fn detach(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|label| label != stage);
        }
    }

    fn forget_old_versions(&mut self, now: Timestamp) {
        let mut surplus = self.versions.len().saturating_sub(KEPT_VERSIONS);
        let limit = now.saturating_sub(KEPT_AT_LEAST);
        self.versions.retain(|version| {
            let goes = surplus > 0 && version.stages.is_empty() && version.created_at < limit;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{AccountId, Region, Scope};
    use crate::services::secretsmanager::resources::SecretKey;
    use crate::services::sensitive::Sensitive;
    use crate::testing::START;

    fn secret() -> Secret {
        let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
        Secret {
            key: SecretKey::new(&scope, "db"),
            suffix: "AbCdEf".into(),
            description: None,
            kms_key_id: None,
            tags: BTreeMap::new(),
            policy: None,
            versions: Vec::new(),
            created_at: START,
            changed_at: START,
            accessed_on: None,
            deletion: None,
        }
    }

    const PENDING: &str = "AWSPENDING";

    fn wanted(id: &str, stages: &[&str]) -> VersionWanted {
        let value = SecretValue::Text(Sensitive::new(format!("value of {id}")));
        VersionWanted { id: id.into(), value, stages: stages.iter().map(|stage| (*stage).to_owned()).collect() }
    }

    fn stages(secret: &Secret) -> Vec<(&str, Vec<&str>)> {
        secret
            .versions
            .iter()
            .map(|version| (&*version.id, version.stages.iter().map(String::as_str).collect()))
            .collect()
    }

    #[test]
    fn the_label_of_the_version_before_follows() {
        let mut secret = secret();
        secret.add_version(wanted("1", &[PENDING]), START);
        assert_eq!(stages(&secret), [("1", vec![PENDING, CURRENT])], "the first is current whatever is asked");
        secret.add_version(wanted("2", &[]), START);
        secret.add_version(wanted("3", &[]), START);
        assert_eq!(stages(&secret), [("1", vec![PENDING]), ("2", vec![PREVIOUS]), ("3", vec![CURRENT])]);
        secret.add_version(wanted("4", &[PENDING, "blue"]), START);
        assert_eq!(
            stages(&secret),
            [("1", vec![]), ("2", vec![PREVIOUS]), ("3", vec![CURRENT]), ("4", vec![PENDING, "blue"])]
        );
        // Back to the one before.
        secret.attach(CURRENT, "2");
        assert_eq!(stages(&secret)[1..3], [("2", vec![CURRENT]), ("3", vec![PREVIOUS])]);
    }

    #[test]
    fn the_same_id_with_the_same_value_is_no_new_version() {
        let mut secret = secret();
        secret.add_version(wanted("1", &[]), START);
        assert_eq!(wanted_version(&secret, &wanted("1", &[])).ok(), Some(false));
        assert_eq!(wanted_version(&secret, &wanted("2", &[])).ok(), Some(true));
        let other = VersionWanted { value: SecretValue::Binary(Sensitive::new("AA==".into())), ..wanted("1", &[]) };
        let error = wanted_version(&secret, &other).expect_err("another value");
        assert!(error.to_string().contains("ClientRequestToken 1 because that value is already in use"), "{error}");
    }

    #[test]
    fn old_versions_without_a_label_go() {
        let mut secret = secret();
        for number in 0..150 {
            secret.add_version(wanted(&number.to_string(), &[]), START);
        }
        assert_eq!(secret.versions.len(), 150, "those of the last day stay");
        let later = START.saturating_add(Duration::from_secs(25 * 3600));
        secret.add_version(wanted("new", &[]), later);
        assert_eq!(secret.versions.len(), KEPT_VERSIONS);
        assert!(secret.version("149").is_some_and(|version| version.has(PREVIOUS)));
    }

    #[test]
    fn debug_does_not_show_values() {
        let mut secret = secret();
        secret.add_version(wanted("1", &[]), START);
        assert!(!format!("{secret:?}").contains("value of"), "{secret:?}");
    }
}
