//! Secrets of Secrets Manager by the names that Parameter Store has for them: `/aws/reference/secretsmanager/<secret>`.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html>

use api_models::ssm::{self, ParameterType};
use serde::Serialize;

use crate::identity::Scope;
use crate::services::secretsmanager::resources::{Secret, SecretVersion, pick, usable};
use crate::store::State;

const PREFIX: &str = "/aws/reference/secretsmanager/";

/// The secret that a parameter's name stands for; `None` when it is a name like any other.
#[must_use]
pub fn referenced(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX).filter(|secret| !secret.is_empty())
}

/// The current value of the secret as a parameter; `None` when it has none.
#[must_use]
pub fn secret_as_parameter(state: &State, scope: &Scope, id: &str) -> Option<ssm::Parameter> {
    let secret = usable(state, scope, Some(id)).ok()?;
    let version = pick(secret, None, None).ok()?;
    Some(ssm::Parameter {
        name: Some(format!("{PREFIX}{id}")),
        r#type: Some(ParameterType::SecureString),
        value: Some(version.value.text()?.to_owned()),
        version: Some(0),
        selector: None,
        source_result: source(secret, version),
        last_modified_date: Some(version.created_at),
        arn: Some(secret.arn()),
        data_type: None,
    })
}

/// What GetSecretValue answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Source<'a> {
    #[serde(rename = "ARN")]
    arn: String,
    name: &'a str,
    version_id: &'a str,
    secret_string: Option<&'a str>,
    version_stages: &'a [String],
    created_date: String,
}

fn source(secret: &Secret, version: &SecretVersion) -> Option<String> {
    serde_json::to_string(&Source {
        arn: secret.arn(),
        name: &secret.key.name,
        version_id: &version.id,
        secret_string: version.value.text(),
        version_stages: &version.stages,
        created_date: version.created_at.to_rfc3339(),
    })
    .ok()
}
