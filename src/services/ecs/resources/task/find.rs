//! From what a request calls a task to its record, and the tasks of a cluster.

use std::sync::Arc;

use api_models::ecs::{CommonError, InvalidParameterException};

use super::{Task, TaskKey};
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::lookup::id_in_cluster;
use crate::store::State;

/// The lengths an id can have: 32 hexadecimal digits, or a UUID from before 2019.
const ID_LENGTHS: [usize; 2] = [32, 36];

/// What a request calls a task.
#[derive(Clone, Debug)]
pub enum Named<'a> {
    Found(&'a Arc<Task>),
    /// No such task in the cluster; the ARN to say so with.
    Missing {
        arn: String,
    },
}

/// Looks up a task by its id or ARN.
///
/// # Errors
/// InvalidParameterException for what can't be either.
pub fn find_task<'a>(state: &'a State, cluster: &ClusterKey, named: &str) -> Result<Named<'a>, CommonError> {
    let Some(id) = id_in_cluster(cluster, "task", named)? else {
        return Ok(Named::Missing { arn: named.to_owned() });
    };
    check_id("taskId", id)?;
    let key = TaskKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: id.into() };
    Ok(match state.tasks.get(&key) {
        Some(task) => Named::Found(task),
        None if named.starts_with("arn:") => Named::Missing { arn: named.to_owned() },
        None => Named::Missing { arn: key.arn() },
    })
}

/// Checks the length of an id; `what` is the name it has in ECS's message.
///
/// # Errors
/// InvalidParameterException when no id has that length.
pub fn check_id(what: &str, id: &str) -> Result<(), InvalidParameterException> {
    if ID_LENGTHS.contains(&id.chars().count()) {
        return Ok(());
    }
    Err(InvalidParameterException::new(format!("{what} length should be one of [32,36]")))
}

/// The tasks of a cluster with an id greater than `after`, stopped ones too, by id.
pub fn tasks_after<'a>(
    state: &'a State,
    cluster: &ClusterKey,
    after: Option<&str>,
) -> impl Iterator<Item = &'a Arc<Task>> + use<'a> {
    let scope = &cluster.scope;
    // No id begins with a NUL, and no cluster's name has one: these bounds hold this cluster's tasks alone.
    let key = |cluster: String, id: String| TaskKey { scope: scope.clone(), cluster: cluster.into(), id: id.into() };
    let first = key(cluster.name.to_string(), after.map(|id| format!("{id}\0")).unwrap_or_default());
    let end = key(format!("{}\0", cluster.name), String::new());
    state.tasks.range(first..end).map(|(_, task)| task)
}
