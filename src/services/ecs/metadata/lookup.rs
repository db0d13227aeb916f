//! Whom a request of a container means. Pure.

use api_models::ecs::LaunchType;

use super::route::Of;
use crate::services::ecs::resources::{Container, Task, TaskStatus};
use crate::store::State;

/// A task of this store, and the container that is meant, if one is.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) task: &'a Task,
    pub(super) container: Option<&'a Container>,
}

/// The id in a container's own paths: the name that a hosted task has for it, elsewhere one that nothing else shows.
pub(super) fn endpoint_id(task: &Task, container: &Container) -> String {
    if task.is_hosted() { task.fargate_id(container) } else { container.id.clone() }
}

pub(super) fn is_fargate(task: &Task) -> bool {
    task.launch_type == Some(LaunchType::Fargate)
}

pub(super) fn find<'a>(state: &'a State, of: &Of) -> Option<Found<'a>> {
    match of {
        Of::Endpoint(id) => state.tasks.values().find_map(|task| {
            // Comparing is cheaper than making every container's id.
            let may_be = |container: &&Container| {
                *container.id == **id || id.starts_with(&*task.key.id) && *id == task.fargate_id(container)
            };
            let container = task.containers.iter().filter(may_be).find(|container| endpoint_id(task, container) == *id);
            container.map(|container| Found { task, container: Some(container) })
        }),
        Of::Credentials(id) => {
            let task = state.tasks.values().find(|task| {
                task.credentials_id.as_deref() == Some(&**id) && task.last_status != TaskStatus::Stopped
            })?;
            Some(Found { task, container: None })
        }
        Of::Source { address, container } => {
            let task = state.tasks.values().find(|task| {
                task.last_status != TaskStatus::Stopped
                    && task.attachment.as_ref().is_some_and(|attachment| attachment.address == Some(*address))
            })?;
            let container = match container {
                None => None,
                Some(id) => Some(task.containers.iter().find(|container| {
                    let runtime_id = task.container_runtime_id(container);
                    runtime_id.is_some_and(|runtime_id| runtime_id == *id)
                })?),
            };
            Some(Found { task, container })
        }
    }
}
