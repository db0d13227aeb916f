//! Pure: what a task's record becomes once it is known how its containers fare.
//!
//! It is run on the newest record inside the transaction that writes it, so a StopTask that came in between is not
//! lost, and running it again changes nothing.

use api_models::ecs::{self, ContainerDefinition, IpcMode, NetworkMode, PidMode, TaskStopCode};

use super::observed::{Image, ObservedTask, Seen, SeenState};
use super::{order, ports, reasons, restart, volumes};
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::{
    AttachmentStatus, Container, DAEMON_BRIDGE, NetworkAttachment, Task, TaskStatus,
};
use crate::time::Timestamp;

/// Brings `task` up to date with `observed`; returns whether anything changed. Statuses in which nothing is waited
/// for are passed in one go.
pub(super) fn advance(
    task: &mut Task,
    definition: &ecs::TaskDefinition,
    observed: &ObservedTask,
    now: Timestamp,
) -> bool {
    if task.last_status == TaskStatus::Stopped {
        return false;
    }
    let before = task.clone();
    pull_times(task, observed);
    network(task, observed, now);
    volumes::attach(task, observed);
    containers(task, definition, observed, now);
    if task.desired_status != TaskStatus::Stopped {
        // One that waits in vain may be waited for by another.
        while let Some((index, reason)) = order::hopeless(task, definition, observed, now) {
            let container = &mut task.containers[index];
            container.exit_code = Some(reasons::DEPENDENCY_FAILED_EXIT_CODE);
            stopped(container, Some(reason));
        }
        if let Some((code, reason)) = why_stop(task, observed) {
            task.desired_status = TaskStatus::Stopped;
            task.stop_code = Some(code);
            task.stopped_reason = Some(reason);
            // Those that were to be started again have ended now.
            containers(task, definition, observed, now);
        }
    }
    status(task, definition, observed, now);
    let changed = *task != before;
    if changed {
        task.version += 1;
    }
    changed
}

fn pull_times(task: &mut Task, observed: &ObservedTask) {
    task.pull_started_at = task.pull_started_at.or(observed.pull_started_at);
    task.pull_stopped_at = task.pull_stopped_at.or(observed.pull_stopped_at);
}

fn network(task: &mut Task, observed: &ObservedTask, now: Timestamp) {
    let Some(attachment) = &mut task.attachment else { return };
    let Some(Seen { id, state: SeenState::Running { address: Some(address), mac_address, .. }, .. }) = &observed.pause
    else {
        return;
    };
    if attachment.status == AttachmentStatus::Deleted {
        return;
    }
    attachment.status = AttachmentStatus::Attached;
    attachment.address = Some(*address);
    attachment.mac_address = mac_address.clone().or(attachment.mac_address.take());
    attachment.pause.clone_from(id);
    task.connectivity_at = task.connectivity_at.or(Some(now));
}

fn containers(task: &mut Task, definition: &ecs::TaskDefinition, observed: &ObservedTask, now: Timestamp) {
    for index in 0..task.containers.len() {
        container(task, index, definition, observed, now);
    }
}

fn container(task: &mut Task, index: usize, definition: &ecs::TaskDefinition, observed: &ObservedTask, now: Timestamp) {
    let restarts = restart::is_due(task, &task.containers[index], definition, observed);
    let container = &mut task.containers[index];
    let name = container.name.clone();
    if let Some(Image::Here { digest: Some(digest) }) = observed.images.get(&name)
        && container.image_digest.is_none()
    {
        container.image_digest = Some(digest.clone());
    }
    let Some(seen) = observed.containers.get(&name) else { return };
    if container.last_status == TaskStatus::Stopped {
        return;
    }
    if seen.has_run() && seen.id.is_some() {
        container.runtime_id.clone_from(&seen.id);
    }
    // One that ended keeps the last verdict on it.
    if seen.is_running() || seen.health != ObservedHealth::None {
        container.health = seen.health;
    }
    if seen.has_run() {
        started(container, seen.started_at(), now);
    }
    match &seen.state {
        SeenState::Created => {}
        SeenState::Running { ports, .. } => {
            container.last_status = TaskStatus::Running;
            let mode = definition.network_mode.as_ref();
            let published = match (mode, observed.pause.as_ref().map(|pause| &pause.state)) {
                (Some(NetworkMode::Awsvpc), Some(SeenState::Running { ports, .. })) => ports,
                _ => ports,
            };
            if let Some(own) = container_definition(definition, &name) {
                container.network_bindings = ports::bindings(own, mode, published);
            }
        }
        SeenState::Exited(_) if restarts => container.last_status = TaskStatus::Running,
        SeenState::Exited(exit) => {
            container.exit_code = Some(exit.exit_code);
            stopped(container, reasons::exit_reason(exit));
        }
        SeenState::Failed(reason) => stopped(container, Some(reason.clone())),
        SeenState::Vanished => stopped(container, Some(reasons::VANISHED.to_owned())),
    }
}

/// Notes that it runs, or ran, since `engine_started_at`.
fn started(container: &mut Container, engine_started_at: Option<Timestamp>, now: Timestamp) {
    let again = match (container.engine_started_at, engine_started_at) {
        (Some(before), Some(this)) => this > before,
        _ => false,
    };
    if again {
        container.restart_count += 1;
    } else if container.started_at.is_some() {
        return;
    }
    container.started_at = Some(now);
    container.engine_started_at = engine_started_at;
}

fn stopped(container: &mut Container, reason: Option<String>) {
    container.last_status = TaskStatus::Stopped;
    container.reason = reason;
}

/// Why a task that should run can't.
fn why_stop(task: &Task, observed: &ObservedTask) -> Option<(TaskStopCode, String)> {
    if let Some(reason) = &observed.network_failure {
        return Some((TaskStopCode::TaskFailedToStart, reason.clone()));
    }
    if let Some(reason) = &observed.volumes.failure {
        return Some((TaskStopCode::TaskFailedToStart, reason.clone()));
    }
    if let Some(reason) = &observed.configuration_failure {
        return Some((TaskStopCode::TaskFailedToStart, reason.clone()));
    }
    let mut exited = false;
    for container in task.containers.iter().filter(|container| container.last_status == TaskStatus::Stopped) {
        if !container.essential {
            continue;
        }
        let failure = match observed.containers.get(&container.name).map(|seen| &seen.state) {
            Some(SeenState::Failed(reason)) => Some(reason),
            // It waited in vain.
            None | Some(SeenState::Created) if container.runtime_id.is_none() => container.reason.as_ref(),
            _ => None,
        };
        match failure {
            Some(reason) => {
                return Some((TaskStopCode::TaskFailedToStart, reasons::task_failed_to_start(task, reason)));
            }
            None => exited = true,
        }
    }
    // The namespaces of the others go with it.
    let pause_ended = observed.pause.as_ref().is_some_and(|pause| !pause.is_running() && pause.has_run());
    let all_ended = task.containers.iter().all(|container| container.last_status == TaskStatus::Stopped);
    (exited || pause_ended || all_ended)
        .then(|| (TaskStopCode::EssentialContainerExited, reasons::ESSENTIAL_CONTAINER_EXITED.to_owned()))
}

fn status(task: &mut Task, definition: &ecs::TaskDefinition, observed: &ObservedTask, now: Timestamp) {
    // Containers that failed do not keep a task from running: they are not essential, or it stops anyway.
    let all_started = task.containers.iter().all(|container| container.last_status != TaskStatus::Pending);
    let any_ran = observed.containers.values().any(Seen::has_run);
    let ended = failed_to_start(task) || task.execution_stopped_at.is_some();
    if all_started && any_ran && !ended {
        // What was pulled before LocalECS was started again is not known any more.
        task.pull_started_at = task.pull_started_at.or(Some(now));
        task.pull_stopped_at = task.pull_stopped_at.or(Some(now));
        task.started_at = task.started_at.or(Some(now));
    }
    if task.desired_status != TaskStatus::Stopped {
        let lacks_network = uses_awsvpc(definition) && observed.address().is_none();
        let status = if lacks_network || volumes::lacks_attachment(task) {
            TaskStatus::Provisioning
        } else if all_started {
            TaskStatus::Running
        } else {
            TaskStatus::Pending
        };
        task.last_status = task.last_status.max(status);
        return;
    }
    task.stopping_at = task.stopping_at.or(Some(now));
    if observed.containers.values().any(Seen::is_running) {
        task.last_status = task.last_status.max(TaskStatus::Stopping);
        return;
    }
    for container in &mut task.containers {
        // Never started, or not observed since: either way it does not run.
        container.last_status = TaskStatus::Stopped;
    }
    task.execution_stopped_at = task.execution_stopped_at.or(Some(now));
    if task.attachment.is_some() && observed.pause.as_ref().is_some_and(|pause| pause.id.is_some()) {
        task.last_status = task.last_status.max(TaskStatus::Deprovisioning);
        return;
    }
    if let Some(attachment) = &mut task.attachment {
        detached(attachment);
    }
    volumes::detach(task);
    task.last_status = TaskStatus::Stopped;
    task.stopped_at = Some(now);
}

fn failed_to_start(task: &Task) -> bool {
    task.stop_code == Some(TaskStopCode::TaskFailedToStart)
}

fn detached(attachment: &mut NetworkAttachment) {
    attachment.status = AttachmentStatus::Deleted;
    attachment.pause = None;
}

pub(super) fn uses_awsvpc(definition: &ecs::TaskDefinition) -> bool {
    definition.network_mode == Some(NetworkMode::Awsvpc)
}

/// Whether it is a daemon's: its containers are in the network namespace of the daemons of their instance.
pub(super) fn is_daemon(definition: &ecs::TaskDefinition) -> bool {
    definition.network_mode.as_ref().is_some_and(|mode| mode.as_str() == DAEMON_BRIDGE)
}

/// Whether the containers of the task have one network namespace, and so one localhost.
pub(super) fn shares_network(definition: &ecs::TaskDefinition) -> bool {
    uses_awsvpc(definition) || is_daemon(definition)
}

/// Whether the task waits for its pause container, which holds what the others share: the network in awsvpc mode and
/// of daemons, processes or memory where the mode of those is `task`.
pub(super) fn lacks_pause(definition: &ecs::TaskDefinition, observed: &ObservedTask) -> bool {
    if uses_awsvpc(definition) {
        return observed.address().is_none();
    }
    let shares = is_daemon(definition)
        || definition.pid_mode == Some(PidMode::Task)
        || definition.ipc_mode == Some(IpcMode::Task);
    shares && !observed.pause.as_ref().is_some_and(Seen::is_running)
}

pub(super) fn container_definition<'a>(
    definition: &'a ecs::TaskDefinition,
    name: &str,
) -> Option<&'a ContainerDefinition> {
    definition.container_definitions.iter().flatten().find(|container| container.name.as_deref() == Some(name))
}
