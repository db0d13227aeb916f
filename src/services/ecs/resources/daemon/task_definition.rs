//! Daemon task definitions: what a daemon's task on each managed instance is made from.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DaemonTaskDefinition.html>
//!
//! Sentences marked `(ours)` follow the pattern of ECS's own.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api_models::ecs::{
    self, ClientException, DaemonIpcMode, DaemonPidMode, DaemonTaskDefinitionStatus,
    RegisterDaemonTaskDefinitionRequest, Tag,
};
use serde::{Deserialize, Serialize};

use super::convert;
use crate::identity::Scope;
use crate::services::ecs::resources::lookup::resource_of_arn;
use crate::services::ecs::resources::task_definition::check;
use crate::services::ecs::resources::{Task, TaskDefinition, TaskDefinitionKey, tags};
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// How long a revision stays DELETE_IN_PROGRESS, so that clients see that it does. ECS names no time.
const DELETION_DELAY: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DaemonTaskDefinitionKey {
    pub scope: Scope,
    pub family: Arc<str>,
    pub revision: i32,
}

impl DaemonTaskDefinitionKey {
    #[must_use]
    pub fn arn(&self) -> String {
        self.scope.arn("ecs", &["daemon-task-definition/", &self.family, ":", &self.revision.to_string()])
    }
}

/// The daemon task definition of a daemon's task.
#[must_use]
pub fn key_of_task(task: &Task) -> DaemonTaskDefinitionKey {
    let TaskDefinitionKey { scope, family, revision } = task.task_definition.clone();
    DaemonTaskDefinitionKey { scope, family, revision }
}

/// One revision. Deleted ones are kept, so that a number is never used twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonTaskDefinition {
    pub key: DaemonTaskDefinitionKey,
    pub registered_at: Timestamp,
    pub delete_requested_at: Option<Timestamp>,
    /// What was registered, with ECS's defaults; name, status and times are not in it.
    pub definition: ecs::DaemonTaskDefinition,
    pub tags: Vec<Tag>,
    /// Made when the first task needs it.
    #[serde(skip)]
    runs: OnceLock<Arc<TaskDefinition>>,
}

impl Record for DaemonTaskDefinition {
    type Key = DaemonTaskDefinitionKey;

    fn key(&self) -> DaemonTaskDefinitionKey {
        self.key.clone()
    }
}

impl DaemonTaskDefinition {
    #[must_use]
    pub fn status(&self, now: Timestamp) -> DaemonTaskDefinitionStatus {
        match self.delete_requested_at {
            None => DaemonTaskDefinitionStatus::Active,
            Some(at) if now < at.saturating_add(DELETION_DELAY) => DaemonTaskDefinitionStatus::DeleteInProgress,
            Some(_) => DaemonTaskDefinitionStatus::Deleted,
        }
    }

    /// The task definition that daemon's tasks are run from.
    #[must_use]
    pub fn as_task_definition(&self) -> &Arc<TaskDefinition> {
        self.runs.get_or_init(|| Arc::new(convert::task_definition(self)))
    }

    /// As DescribeDaemonTaskDefinition shows it.
    #[must_use]
    pub fn to_api(&self, now: Timestamp) -> ecs::DaemonTaskDefinition {
        ecs::DaemonTaskDefinition {
            daemon_task_definition_arn: Some(self.key.arn()),
            family: Some(self.key.family.to_string()),
            revision: Some(self.key.revision),
            status: Some(self.status(now)),
            registered_at: Some(self.registered_at),
            delete_requested_at: self.delete_requested_at,
            registered_by: Some(self.key.scope.iam_arn("root")),
            ..self.definition.clone()
        }
    }

    /// As ListDaemonTaskDefinitions shows it.
    #[must_use]
    pub fn to_summary(&self, now: Timestamp) -> ecs::DaemonTaskDefinitionSummary {
        ecs::DaemonTaskDefinitionSummary {
            arn: Some(self.key.arn()),
            registered_at: Some(self.registered_at),
            registered_by: Some(self.key.scope.iam_arn("root")),
            delete_requested_at: self.delete_requested_at,
            status: Some(self.status(now)),
        }
    }
}

/// The revisions of all families of an account and region, by family and number; with `family`, of that one.
pub fn revisions<'a>(
    state: &'a State,
    scope: &Scope,
    family: Option<&str>,
) -> impl Iterator<Item = &'a Arc<DaemonTaskDefinition>> + use<'a> {
    let key =
        |family: &str, revision| DaemonTaskDefinitionKey { scope: scope.clone(), family: family.into(), revision };
    let bounds = match family {
        Some(family) => key(family, 0)..=key(family, i32::MAX),
        None => key("", 0)..=key("\u{10ffff}", i32::MAX),
    };
    state.daemon_task_definitions.range(bounds).map(|(_, definition)| definition)
}

/// The key of `family:revision` or of an ARN; `None` when it has no revision, or is of another account or region.
#[must_use]
pub fn key_of(scope: &Scope, named: &str) -> Option<DaemonTaskDefinitionKey> {
    let (family, revision) = name_of(scope, named)?.split_once(':')?;
    let revision = revision.parse().ok().filter(|revision| *revision > 0)?;
    Some(DaemonTaskDefinitionKey { scope: scope.clone(), family: family.into(), revision })
}

fn name_of<'a>(scope: &Scope, named: &'a str) -> Option<&'a str> {
    if named.starts_with("arn:") { resource_of_arn(scope, named, "daemon-task-definition") } else { Some(named) }
}

/// The revision that is named; the latest ACTIVE one when only the family is.
#[must_use]
pub fn find<'a>(state: &'a State, scope: &Scope, named: &str) -> Option<&'a Arc<DaemonTaskDefinition>> {
    let name = name_of(scope, named)?;
    if name.contains(':') {
        return state.daemon_task_definitions.get(&key_of(scope, named)?);
    }
    revisions(state, scope, Some(name)).filter(|it| it.delete_requested_at.is_none()).last()
}

/// What a request registers, checked by the rules of task definitions and with ECS's defaults.
///
/// # Errors
/// ClientException in ECS's words for the first rule that is broken.
pub fn prepare(
    mut input: RegisterDaemonTaskDefinitionRequest,
    scope: &Scope,
) -> Result<(String, ecs::DaemonTaskDefinition, Vec<Tag>), ClientException> {
    check(&convert::request(&input), scope)?;
    let of_logs = |volume: &ecs::DaemonVolume| volume.log_driver_volume_configuration.is_some();
    if input.volumes.iter().flatten().any(of_logs) {
        // (ours)
        return Err(ClientException::new(
            "logDriverVolumeConfiguration is not supported: containers' logs are the local engine's.",
        ));
    }
    if matches!(input.pid_mode, Some(DaemonPidMode::Unrecognized(_))) {
        return Err(ClientException::new("pidMode should be one of [none,shared]")); // (ours)
    }
    if matches!(input.ipc_mode, Some(DaemonIpcMode::Unrecognized(_))) {
        return Err(ClientException::new("ipcMode should be one of [none,shared]")); // (ours)
    }
    let tags = input.tags.take().unwrap_or_default();
    tags::validate(&tags).map_err(|error| ClientException::new(error.message.unwrap_or_default()))?;
    let mut containers = input.container_definitions.unwrap_or_default();
    for container in &mut containers {
        container.cpu.get_or_insert(0);
        container.essential.get_or_insert(true);
    }
    let definition = ecs::DaemonTaskDefinition {
        task_role_arn: input.task_role_arn,
        execution_role_arn: input.execution_role_arn,
        container_definitions: Some(containers),
        volumes: Some(input.volumes.unwrap_or_default()),
        cpu: input.cpu,
        memory: input.memory,
        pid_mode: Some(input.pid_mode.unwrap_or(DaemonPidMode::None)),
        ipc_mode: Some(input.ipc_mode.unwrap_or(DaemonIpcMode::None)),
        ..ecs::DaemonTaskDefinition::default()
    };
    Ok((input.family.unwrap_or_default(), definition, tags))
}

/// Adds the next revision of a family.
pub fn register(
    tx: &mut Transaction,
    scope: &Scope,
    (family, definition, tags): (String, ecs::DaemonTaskDefinition, Vec<Tag>),
    now: Timestamp,
) -> DaemonTaskDefinitionKey {
    let latest = revisions(tx, scope, Some(&family)).last().map_or(0, |latest| latest.key.revision);
    let key = DaemonTaskDefinitionKey { scope: scope.clone(), family: family.into(), revision: latest + 1 };
    let delete_requested_at = None;
    let runs = OnceLock::new();
    tx.put(DaemonTaskDefinition { key: key.clone(), registered_at: now, delete_requested_at, definition, tags, runs });
    key
}
