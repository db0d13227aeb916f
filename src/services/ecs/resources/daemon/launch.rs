//! From a daemon's revision to what its tasks have in common.

use std::sync::Arc;

use api_models::ecs::{CommonError, Compatibility, ContainerImage};

use super::{DaemonLink, DaemonRevision};
use crate::services::ecs::images;
use crate::services::ecs::resources::reservation::Needs;
use crate::services::ecs::resources::service::Phase;
use crate::services::ecs::resources::{Blueprint, TaskRequest};
use crate::store::State;

/// How the revision's tasks are to be launched; `None` when its task definition is gone.
///
/// # Errors
/// In ECS's words, when the parts don't go together. It is asked before they are accepted.
pub fn launch(state: &State, revision: &DaemonRevision) -> Result<Option<Blueprint>, CommonError> {
    let daemon = &revision.key.daemon;
    let Some(definition) = state.daemon_task_definitions.get(&revision.task_definition) else { return Ok(None) };
    let request = TaskRequest {
        enable_ecs_managed_tags: revision.enable_ecs_managed_tags,
        enable_execute_command: revision.enable_execute_command,
        group: Some(daemon.group()),
        started_by: Some(format!("daemon/{}", daemon.name)),
        daemon: Some(DaemonLink { name: daemon.name.clone(), revision: revision.key.id.clone(), settled: false }),
        tags: revision.propagated_tags.clone().unwrap_or_default(),
        ..TaskRequest::default()
    };
    let launch = Compatibility::ManagedInstances;
    let mut blueprint = request.blueprint(&daemon.cluster(), definition.as_task_definition(), &launch, None)?;
    blueprint.images.clone_from(&revision.images);
    Ok(Some(blueprint))
}

/// What a task of the revision takes of its instance.
#[must_use]
pub fn needs(state: &State, revision: &DaemonRevision) -> Needs {
    let definition = state.daemon_task_definitions.get(&revision.task_definition);
    let of = |definition: &Arc<super::DaemonTaskDefinition>| {
        Needs::of(&definition.as_task_definition().definition, &Default::default())
    };
    definition.map(of).unwrap_or_default()
}

/// The revision's images, with the digests that its tasks got them by as far as these are known.
#[must_use]
pub fn images_of(state: &State, revision: &DaemonRevision) -> Vec<ContainerImage> {
    let Some(definition) = state.daemon_task_definitions.get(&revision.task_definition) else {
        return revision.images.clone();
    };
    let definition = &definition.as_task_definition().definition;
    let begun = match revision.images.is_empty() {
        true => images::unresolved(definition),
        false => revision.images.clone(),
    };
    let phases = [Phase::Live, Phase::Ended, Phase::Settled];
    let keys = phases.into_iter().flat_map(|phase| state.daemon_tasks.of(&revision.key.daemon, phase));
    let mut own = keys
        .filter_map(|key| state.tasks.get(&key))
        .filter(|task| task.daemon.as_ref().is_some_and(|link| link.revision == revision.key.id));
    own.find_map(|task| images::resolve(&begun, definition, task)).unwrap_or(begun)
}
