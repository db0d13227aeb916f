//! What a task's containers are given besides their definition: secrets, environment files, the credentials of
//! registries and the secret options of log drivers.
//!
//! It is fetched once, when the task starts and before images are pulled, as the ECS agent does; containers that are
//! started again in place, or later because of dependsOn, get the same. [`resolve`] is a pure function of the state;
//! `fetch` reads the files. The values live in memory until the task is done, and in the engine's configuration of the
//! container.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>

mod env_file;
mod fetch;
mod json_key;
mod permissions;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use api_models::ecs::{self, ContainerDefinition};
use serde::Deserialize;

pub(super) use self::fetch::Configuration;
use self::reference::{Fault, Reference};
use super::reasons;
use crate::runtime::{ContainerSpec, LogDriver, RegistryAuth};
use crate::services::ecs::resources::Task;
use crate::services::sensitive::Sensitive;
use crate::store::State;

/// What the containers of a task are given, by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved(BTreeMap<String, Given>);

/// What one container is given. `Debug` shows names alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Of `secrets`; they win over all other variables.
    secrets: Vec<(String, Sensitive<String>)>,
    /// Of `environmentFiles`, those of the first file first; all other variables win over them.
    files: Vec<(String, Sensitive<String>)>,
    /// Of `logConfiguration.secretOptions`.
    log_options: BTreeMap<String, Sensitive<String>>,
    /// Of `repositoryCredentials`.
    registry: Option<RegistryAuth>,
}

impl Resolved {
    /// Adds what a container is given to what its definition asks for.
    pub(super) fn add_to(&self, container: &str, spec: &mut ContainerSpec) {
        let Some(given) = self.0.get(container) else { return };
        if let LogDriver::Named { options, .. } = &mut spec.log {
            let secret = given.log_options.iter().map(|(name, value)| (name.clone(), value.expose().clone()));
            options.0.extend(secret);
        }
        let environment = &mut spec.environment;
        let position = |environment: &[String], name: &str| {
            environment.iter().position(|variable| variable.split_once('=').is_some_and(|(known, _)| known == name))
        };
        for (name, value) in &given.files {
            if position(environment, name).is_none() {
                environment.push(format!("{name}={}", value.expose()));
            }
        }
        for (name, value) in &given.secrets {
            let variable = format!("{name}={}", value.expose());
            match position(environment, name) {
                Some(place) => environment[place] = variable,
                None => environment.push(variable),
            }
        }
    }

    /// The secret options of the container's log driver.
    pub(super) fn log_options(&self, container: &str) -> impl Iterator<Item = (&str, &str)> {
        let options = self.0.get(container).map(|given| &given.log_options).into_iter().flatten();
        options.map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    /// What the container's image is pulled with.
    pub(super) fn registry_auth(&self, container: &str) -> Option<&RegistryAuth> {
        self.0.get(container)?.registry.as_ref()
    }
}

/// Whether there is anything to fetch.
#[must_use]
pub(super) fn is_wanted(task: &Task, definition: &ecs::TaskDefinition) -> bool {
    let wants = |container: &ContainerDefinition| {
        !list(&container.secrets).is_empty()
            || !files_of(task, container).is_empty()
            || container.repository_credentials.is_some()
            || container.log_configuration.as_ref().is_some_and(|log| !list(&log.secret_options).is_empty())
    };
    list(&definition.container_definitions).iter().any(wants)
}

/// Everything but the files, from what Secrets Manager and Parameter Store hold now.
///
/// # Errors
/// Why the task can't start, in ECS's words.
pub(super) fn resolve(state: &State, task: &Task, definition: &ecs::TaskDefinition) -> Result<Resolved, String> {
    let mut resolved = Resolved::default();
    let mut faults = Vec::new();
    for container in list(&definition.container_definitions) {
        let name = container.name.clone().unwrap_or_default();
        resolved.0.insert(name, given(state, task, container, &mut faults));
    }
    match reason(task, &faults) {
        None => Ok(resolved),
        Some(reason) => Err(reason),
    }
}

fn given(state: &State, task: &Task, container: &ContainerDefinition, faults: &mut Vec<Fault>) -> Given {
    let mut given = Given::default();
    let mut value = |secret: &ecs::Secret| {
        let reference = Reference::parse(secret.value_from.as_deref().unwrap_or_default(), &task.key.scope);
        match reference.and_then(|reference| reference.read(state)) {
            Ok(value) => Some((secret.name.clone().unwrap_or_default(), Sensitive::new(value))),
            Err(fault) => {
                // Several containers may want the same.
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
                None
            }
        }
    };
    given.secrets = list(&container.secrets).iter().filter_map(&mut value).collect();
    if let Some(log) = &container.log_configuration {
        given.log_options = list(&log.secret_options).iter().filter_map(&mut value).collect();
    }
    let credentials = container.repository_credentials.as_ref().and_then(|of| of.credentials_parameter.as_deref());
    if let Some(id) = credentials {
        match registry_auth(state, task, id) {
            Ok(auth) => given.registry = Some(auth),
            Err(message) => faults.push(Fault::Registry { message }),
        }
    }
    given
}

/// The secret that a registry's credentials lie in.
#[derive(Deserialize)]
struct AuthData {
    #[serde(alias = "Username")]
    username: Option<String>,
    #[serde(alias = "Password")]
    password: Option<String>,
}

fn registry_auth(state: &State, task: &Task, id: &str) -> Result<RegistryAuth, String> {
    let text = reference::secret_text(state, &task.key.scope, id)
        .map_err(|error| format!("asm fetching secret from the service for {id}: {error}"))?
        .unwrap_or_default();
    if text.is_empty() {
        return Err("asm fetching authorization data: empty secrets value".to_owned());
    }
    let data: AuthData = serde_json::from_str(&text)
        .map_err(|_| "asm fetching authorization data: unable to unmarshal secret value, invalid schema".to_owned())?;
    let field = |value: Option<String>, name: &str| {
        let malformed = || format!("asm fetching {name}: AuthorizationData is malformed, empty field");
        value.filter(|text| !text.is_empty()).ok_or_else(malformed)
    };
    Ok(RegistryAuth { username: field(data.username, "username")?, password: field(data.password, "password")? })
}

/// The reason of a task that something is missing for. Fargate tells the first, the ECS agent all of a kind.
fn reason(task: &Task, faults: &[Fault]) -> Option<String> {
    let missing: Vec<&str> = faults.iter().filter_map(Fault::parameter).collect();
    let first = faults.iter().find(|fault| fault.parameter().is_none());
    if reasons::is_fargate(task) {
        const HEAD: &str =
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
        return Some(match (first, missing.is_empty()) {
            (Some(fault), _) => format!("{HEAD}: {}", fault.on_fargate()),
            (None, false) => format!(
                "{HEAD}: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: {}",
                missing.join(",")
            ),
            (None, true) => return None,
        });
    }
    let told: Vec<String> = faults.iter().filter_map(Fault::on_an_instance).collect();
    if !told.is_empty() {
        return Some(told.join(";"));
    }
    let region = faults.iter().find_map(Fault::region)?;
    Some(format!(
        "fetching secret data from SSM Parameter Store in {region}: invalid parameters: {}",
        missing.join(",")
    ))
}

/// The ARNs of a container's environment files; an override's in place of the definition's.
fn files_of<'a>(task: &'a Task, container: &'a ContainerDefinition) -> &'a [ecs::EnvironmentFile] {
    let overrides = task.overrides.container_overrides.iter().flatten();
    let given =
        overrides.filter(|given| given.name == container.name).find_map(|given| given.environment_files.as_ref());
    given.map(Vec::as_slice).filter(|files| !files.is_empty()).unwrap_or_else(|| list(&container.environment_files))
}

fn list<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}
