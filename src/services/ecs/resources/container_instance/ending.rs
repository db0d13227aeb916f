//! The end of container instances, and of the tasks on them.

use api_models::ecs::TaskStopCode;

use super::{ContainerInstance, ContainerInstanceKey};
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus};
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// The tasks on the instance that are not STOPPED.
#[must_use]
pub fn live_tasks(state: &State, instance: &ContainerInstanceKey) -> Vec<TaskKey> {
    tasks_of(state, &instance.cluster())
        .filter(|task| task.container_instance.as_ref() == Some(instance))
        .filter(|task| task.last_status != TaskStatus::Stopped)
        .map(|task| task.key.clone())
        .collect()
}

/// Has all tasks on the instance stop that are not on their way already, for this reason.
pub fn stop_tasks(
    tx: &mut Transaction,
    instance: &ContainerInstanceKey,
    code: &TaskStopCode,
    reason: &str,
    now: Timestamp,
) {
    for key in live_tasks(tx, instance) {
        tx.update(&key, |task: &mut Task| {
            let stops = task.desired_status != TaskStatus::Stopped;
            if stops {
                task.desired_status = TaskStatus::Stopped;
                task.stop_code = Some(code.clone());
                task.stopped_reason = Some(reason.to_owned());
                task.stopping_at = task.stopping_at.or(Some(now));
                task.version += 1;
            }
            stops
        });
    }
}

/// Its EC2 instance is terminated: the instance is INACTIVE, and its tasks stop, in ECS's words. Returns what it was;
/// `None` when there is none, or it was INACTIVE already.
pub fn terminate(tx: &mut Transaction, key: &ContainerInstanceKey, now: Timestamp) -> Option<ContainerInstance> {
    let instance = tx.container_instances.get(key).filter(|instance| instance.status != "INACTIVE")?;
    let instance = ContainerInstance::clone(instance);
    let id = instance.ec2_instance_id.as_deref().unwrap_or(&key.id);
    stop_tasks(tx, key, &TaskStopCode::TerminationNotice, &format!("Host EC2 (instance {id}) terminated."), now);
    deregister(tx, key);
    Some(instance)
}

/// Its EC2 instance is stopped: nothing is left of its tasks, and its agent is gone until it is started again. Returns
/// whether there is such an instance.
pub fn stop(tx: &mut Transaction, key: &ContainerInstanceKey, now: Timestamp) -> bool {
    let Some(instance) = tx.container_instances.get(key).filter(|instance| instance.status != "INACTIVE") else {
        return false;
    };
    let id = instance.ec2_instance_id.clone().unwrap_or_else(|| key.id.to_string());
    stop_tasks(tx, key, &TaskStopCode::TerminationNotice, &format!("Host EC2 (instance {id}) stopped."), now);
    connect(tx, key, false)
}

/// Its agent loses its connection, or has it again. Without one, tasks go on as they are, and ECS neither places tasks there
/// nor learns how those fare that are there, nor can it stop them. Returns whether there is such an instance.
pub fn connect(tx: &mut Transaction, key: &ContainerInstanceKey, connected: bool) -> bool {
    let mut found = false;
    tx.update(key, |instance: &mut ContainerInstance| {
        found = instance.status != "INACTIVE";
        let changes = found && instance.agent_connected != connected;
        if changes {
            instance.agent_connected = connected;
            instance.version += 1;
        }
        changes
    });
    found
}

/// Makes the instance INACTIVE; its tasks are the caller's business.
pub fn deregister(tx: &mut Transaction, key: &ContainerInstanceKey) {
    tx.update(key, |instance: &mut ContainerInstance| {
        let changes = instance.status != "INACTIVE";
        if changes {
            "INACTIVE".clone_into(&mut instance.status);
            instance.status_reason = None;
            instance.version += 1;
        }
        changes
    });
}
