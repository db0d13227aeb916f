//! Which changes of the state are events.

use std::sync::Arc;

use super::Fact;
use crate::store::{Change, State};

/// The event in the change of one record, if it is one: every version of a task or of a container instance is.
/// Records that are only forgotten are none.
pub(super) fn changes(before: &State, after: &State, change: &Change) -> Option<Fact> {
    match change {
        Change::Task(key) => {
            let task = after.tasks.get(key)?;
            let known = before.tasks.get(key).map(|task| task.version);
            (known != Some(task.version)).then(|| Fact::Task(Arc::clone(task)))
        }
        Change::ContainerInstance(key) => {
            let instance = after.container_instances.get(key)?;
            let known = before.container_instances.get(key).map(|instance| instance.version);
            (known != Some(instance.version)).then(|| Fact::ContainerInstance(Arc::clone(instance)))
        }
        _ => None,
    }
}
