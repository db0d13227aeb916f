//! What RegisterTaskDefinition refuses, in ECS's words, one file for each subject.
//!
//! The rules are pure functions of the request. Each refuses with a ClientException; the first one broken is told, in
//! the order in which ECS looks: family, the containers one by one, what they refer to, the task's size, and at last
//! what Fargate (or another launch type) does not have. Sentences marked `(ours)` follow the pattern of ECS's own:
//! its exact words for the case are not known.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html>

mod containers;
mod dependencies;
pub(super) mod fargate;
mod limits;
mod logging;
mod names;
mod network;
mod platform;
mod secrets;
mod size;
#[cfg(test)]
mod tests;
mod volumes;

use api_models::ecs::{
    ClientException, Compatibility, ContainerDefinition, NetworkMode, OSFamily, RegisterTaskDefinitionRequest,
};

use crate::identity::Scope;

type Checked = Result<(), ClientException>;

/// The most a definition can take, in bytes of JSON.
const MAX_BYTES: usize = 65_536;

/// Checks a request by all rules.
///
/// # Errors
/// ClientException with ECS's sentence for the first rule that is broken.
pub fn validate(input: &RegisterTaskDefinitionRequest, scope: &Scope) -> Result<(), ClientException> {
    let subject = Subject::new(input, scope);
    names::check(&subject)?;
    containers::check(&subject)?;
    limits::check(&subject)?;
    secrets::check(&subject)?;
    logging::check(&subject)?;
    volumes::check(&subject)?;
    network::check(&subject)?;
    dependencies::check(&subject)?;
    size::check(&subject)?;
    platform::check(&subject)?;
    if subject.requires(&Compatibility::Fargate) {
        fargate::check(&subject)?;
    }
    Ok(())
}

/// Whether a valid request keeps all of Fargate's rules, asked for or not.
#[must_use]
pub(super) fn fits_fargate(input: &RegisterTaskDefinitionRequest, scope: &Scope) -> bool {
    fargate::check(&Subject::new(input, scope)).is_ok()
}

/// Whether the tasks run on Windows.
#[must_use]
pub(super) fn is_windows(input: &RegisterTaskDefinitionRequest) -> bool {
    let platform = input.runtime_platform.as_ref();
    platform.and_then(|platform| platform.operating_system_family.as_ref()).is_some_and(|os| *os != OSFamily::Linux)
}

/// The request with what all rules ask of it.
struct Subject<'a> {
    input: &'a RegisterTaskDefinitionRequest,
    containers: &'a [ContainerDefinition],
    /// `bridge` when the request names none.
    mode: NetworkMode,
    scope: &'a Scope,
}

impl<'a> Subject<'a> {
    fn new(input: &'a RegisterTaskDefinitionRequest, scope: &'a Scope) -> Self {
        let mode = input.network_mode.clone().unwrap_or(NetworkMode::Bridge);
        Self { input, containers: list(&input.container_definitions), mode, scope }
    }

    fn requires(&self, compatibility: &Compatibility) -> bool {
        list(&self.input.requires_compatibilities).contains(compatibility)
    }

    fn container(&self, name: &str) -> Option<&'a ContainerDefinition> {
        self.containers.iter().find(|container| container.name.as_deref() == Some(name))
    }

    fn is_windows(&self) -> bool {
        is_windows(self.input)
    }

    fn has_execution_role(&self) -> bool {
        self.input.execution_role_arn.as_deref().is_some_and(|role| !role.is_empty())
    }
}

fn refuse<T>(message: impl Into<String>) -> Result<T, ClientException> {
    Err(ClientException::new(message))
}

/// `message` unless `valid`.
fn ensure(valid: bool, message: impl FnOnce() -> String) -> Checked {
    if valid { Ok(()) } else { refuse(message()) }
}

/// A list that is not there has nothing in it.
fn list<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}

fn text(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn name(container: &ContainerDefinition) -> &str {
    text(&container.name)
}
