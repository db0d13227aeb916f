//! AWS's own managed policies, with their documents: `arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy`.
//!
//! `policies.jsonl.gz` has one policy a line, sorted by name, as
//! <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html> publishes them. It is unpacked
//! when somebody first asks for one. Their unique ids are not published there: they are made up, always the same.

use std::io::Read;
use std::sync::LazyLock;

use api_models::iam::{self, PolicyVersion};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{policy, url_encoded};
use crate::identity::AccountId;
use crate::services::sts::resources::keys;
use crate::store::State;
use crate::time::Timestamp;

static PACKED: &[u8] = include_bytes!("policies.jsonl.gz");

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    if let Err(error) = GzDecoder::new(PACKED).read_to_string(&mut text) {
        tracing::error!(%error, "AWS's managed policies can't be unpacked");
    }
    text
});

/// One of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Managed {
    pub name: String,
    pub path: String,
    created: String,
    updated: String,
    /// `v<number>`
    pub version: String,
    document: Box<RawValue>,
}

/// All of them, sorted by name.
pub fn all() -> impl Iterator<Item = Managed> {
    TEXT.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// The one of that name.
#[must_use]
pub fn find(name: &str) -> Option<Managed> {
    let start = format!("{{\"name\":\"{name}\",");
    let line = TEXT.lines().find(|line| line.starts_with(&start))?;
    serde_json::from_str(line).ok()
}

impl Managed {
    #[must_use]
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::aws:policy{}{}", self.path, self.name)
    }

    #[must_use]
    pub fn document(&self) -> &str {
        self.document.get()
    }

    /// As the API shows it, with what the account attached it to.
    #[must_use]
    pub fn shown(&self, state: &State, account: AccountId, partition: &str) -> iam::Policy {
        let arn = self.arn(partition);
        let (attachments, boundaries) = policy::uses(state, account, &arn);
        iam::Policy {
            policy_name: Some(self.name.clone()),
            policy_id: Some(keys::made_up_id("ANPA", &arn)),
            path: Some(self.path.clone()),
            default_version_id: Some(self.version.clone()),
            attachment_count: Some(attachments),
            permissions_boundary_usage_count: Some(boundaries),
            is_attachable: Some(true),
            create_date: time(&self.created),
            update_date: time(&self.updated),
            arn: Some(arn),
            ..Default::default()
        }
    }

    /// Its only version here, as the API shows it; lists leave out the document.
    #[must_use]
    pub fn shown_version(&self, in_full: bool) -> PolicyVersion {
        PolicyVersion {
            document: in_full.then(|| url_encoded(self.document())),
            version_id: Some(self.version.clone()),
            is_default_version: Some(true),
            create_date: time(&self.updated),
        }
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::iam::policy::PolicyDocument;

    #[test]
    fn what_users_of_ecs_attach_is_there() {
        for (path, name) in [
            ("/service-role/", "AmazonECSTaskExecutionRolePolicy"),
            ("/service-role/", "AmazonEC2ContainerServiceforEC2Role"),
            ("/service-role/", "AmazonEC2ContainerServiceEventsRole"),
            ("/service-role/", "AmazonECSInfrastructureRolePolicyForVolumes"),
            ("/", "AmazonECSInfrastructureRolePolicyForLoadBalancers"),
            ("/", "AmazonECS_FullAccess"),
            ("/", "CloudWatchLogsFullAccess"),
            ("/", "AmazonSSMManagedInstanceCore"),
            ("/", "AdministratorAccess"),
            ("/aws-service-role/", "AmazonECSServiceRolePolicy"),
            ("/aws-service-role/", "AWSApplicationAutoscalingECSServicePolicy"),
        ] {
            let policy = find(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(policy.path, path, "{name}");
            assert_eq!(policy.arn("aws"), format!("arn:aws:iam::aws:policy{path}{name}"));
        }
        assert!(find("Nope").is_none() && find("").is_none());
    }

    #[test]
    fn all_of_them_can_be_evaluated() {
        let mut count = 0;
        for policy in all() {
            count += 1;
            assert!(PolicyDocument::parse(policy.document()).is_ok(), "{}", policy.name);
            assert!(time(&policy.created).is_some() && time(&policy.updated).is_some(), "{}", policy.name);
        }
        assert_eq!(count, TEXT.lines().count());
        assert!(count > 1000);
    }
}
