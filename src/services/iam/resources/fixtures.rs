//! Roles for tests.

use std::collections::BTreeSet;

use super::Role;
use crate::testing::{ACCOUNT, START};

/// The role of that name in the tests' account, which this service may assume, with these policies of its own.
pub(crate) fn role(name: &str, service: &str, policies: &[&str]) -> Role {
    let inline = policies.iter().enumerate().map(|(index, policy)| (index.to_string(), (*policy).to_owned()));
    Role {
        account: ACCOUNT.parse().expect("12 digits"),
        partition: "aws".to_owned(),
        path: "/".to_owned(),
        name: name.to_owned(),
        id: "AROAEXAMPLEEXAMPLE".to_owned(),
        description: None,
        max_session_duration: 3600,
        trust_policy: format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}}}"#
        ),
        created_at: START,
        permissions_boundary: None,
        tags: Vec::new(),
        inline: inline.collect(),
        attached: BTreeSet::new(),
        linked_to: None,
    }
}
