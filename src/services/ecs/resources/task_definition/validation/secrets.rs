//! What is fetched before a container starts: secrets, environment files, registry credentials.

use std::collections::BTreeSet;

use api_models::ecs::{ContainerDefinition, Secret};

use super::{Checked, Subject, ensure, list, refuse, text};
use crate::identity::{AccountId, Arn};

const MAX_ENVIRONMENT_FILES: usize = 10;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    for container in subject.containers {
        let log_secrets = container.log_configuration.as_ref().map(|log| list(&log.secret_options)).unwrap_or_default();
        let secrets = list(&container.secrets);
        if !(secrets.is_empty() && log_secrets.is_empty() || subject.has_execution_role()) {
            return refuse(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            );
        }
        unique_names(container, secrets)?;
        for secret in secrets.iter().chain(log_secrets) {
            own_account(subject, secret)?;
        }
        ensure(container.repository_credentials.is_none() || subject.has_execution_role(), || {
            "Private repository authentication requires that the task definition specify a value for executionRoleArn."
                .into()
        })?;
        environment_files(container)?;
    }
    Ok(())
}

fn unique_names(container: &ContainerDefinition, secrets: &[Secret]) -> Checked {
    if secrets.is_empty() {
        return Ok(());
    }
    let mut names: BTreeSet<&str> = list(&container.environment).iter().map(|pair| text(&pair.name)).collect();
    for secret in secrets {
        let name = text(&secret.name);
        ensure(!name.is_empty(), || "Secret.name should not be null or empty.".into())?; // (ours)
        ensure(names.insert(name), || {
            format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{name}'."
            )
        })?;
    }
    Ok(())
}

/// Parameters can't be those of another account. The account LocalECS answers for when nobody names one is nobody's:
/// definitions that carry the ARNs of a real account pass there.
fn own_account(subject: &Subject<'_>, secret: &Secret) -> Checked {
    let Ok(arn) = Arn::parse(text(&secret.value_from)) else { return Ok(()) };
    let account = subject.scope.account;
    if arn.service != "ssm" || account == AccountId::DEFAULT || arn.account == account.to_string() {
        return Ok(());
    }
    refuse(format!(
        "The Systems Manager parameter ARN has a different account ID than the current account. The current account ID \
         is {account} and the ARN account ID is {}. Cross-account access for ARNs is not currently supported.",
        arn.account
    ))
}

fn environment_files(container: &ContainerDefinition) -> Checked {
    let files = list(&container.environment_files);
    ensure(files.len() <= MAX_ENVIRONMENT_FILES, || {
        "The maximum number of environment files was exceeded. Specify ten or less and try again.".into()
    })?;
    for file in files {
        ensure(is_s3_arn(text(&file.value)), || "Invalid arn syntax.".into())?;
        // (ours)
        ensure(text(&file.value).ends_with(".env"), || "The environment file must have a .env file extension.".into())?;
    }
    Ok(())
}

/// `arn:aws:s3:::bucket/key`
pub(super) fn is_s3_arn(text: &str) -> bool {
    Arn::parse(text).is_ok_and(|arn| arn.service == "s3" && arn.resource.contains('/'))
}
