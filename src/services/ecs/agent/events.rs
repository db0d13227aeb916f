//! The engine's events, and what its list of containers says after a start or a break.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::observations::owner;
use super::observed::{Seen, Slot};
use super::reconciler::Agent;
use crate::reconcile::Waker;
use crate::runtime::{ContainerId, ContainerObservation, ObservedState, Result, RuntimeEvent};
use crate::services::ecs::resources::{TaskKey, TaskStatus};

/// Between attempts to list the containers of an engine that does not answer.
const LIST_AGAIN: Duration = Duration::from_millis(500);

/// Follows the engine until its runtime is dropped.
pub(super) async fn follow(
    agent: Arc<Agent>,
    waker: Waker<TaskKey>,
    mut events: mpsc::UnboundedReceiver<RuntimeEvent>,
) {
    // Whether the containers are to be listed; they stay so until the engine answers.
    let mut behind = false;
    loop {
        let event = tokio::select! {
            event = events.recv() => match event {
                Some(event) => Some(event),
                None => return,
            },
            () = agent.shared.clock.sleep(LIST_AGAIN), if behind => None,
        };
        match event {
            Some(RuntimeEvent::Changed(observation)) => changed(&agent, &waker, &observation),
            Some(RuntimeEvent::Removed { id, labels }) => removed(&agent, &waker, &id, &labels),
            Some(RuntimeEvent::Resync) => behind = true,
            None => {}
        }
        if behind {
            match resync(&agent, &waker).await {
                Ok(()) => behind = false,
                Err(error) => tracing::debug!(%error, "the containers could not be listed"),
            }
        }
    }
}

fn changed(agent: &Agent, waker: &Waker<TaskKey>, observation: &ContainerObservation) {
    let Some((key, slot)) = owner(&observation.labels) else { return };
    if matches!(observation.state, ObservedState::Running { .. }) {
        agent.executor.logs.runs(&observation.id);
    }
    // A task without an entry has been dealt with.
    let Some(entry) = agent.observations.get(&key) else { return };
    if entry.change(|observed| observed.take(slot, Seen::from(observation))) {
        waker.wake(key);
    }
}

fn removed(agent: &Agent, waker: &Waker<TaskKey>, id: &ContainerId, labels: &BTreeMap<String, String>) {
    let Some((key, slot)) = owner(labels) else { return };
    let Some(entry) = agent.observations.get(&key) else { return };
    if entry.change(|observed| observed.gone(&slot, id)) {
        waker.wake(key);
    }
}

/// Compares what is known with the engine's list: adopts what runs, notes what is gone, and has everything looked at
/// that is not as it should be.
async fn resync(agent: &Agent, waker: &Waker<TaskKey>) -> Result<()> {
    let known = known(agent);
    let listed = agent.executor.runtime.list_containers().await?;
    let found: HashSet<ContainerId> = listed.iter().map(|container| container.id.clone()).collect();
    let mut keys = BTreeSet::new();
    let first = !agent.is_ready();
    let mut networks = Vec::new();
    for container in &listed {
        let Some((key, slot)) = owner(&container.labels) else { continue };
        let seen = Seen::from(container);
        if slot == Slot::Pause {
            networks.push(key.clone());
        }
        agent.observations.entry(&key).change(|observed| observed.take(slot, seen));
        keys.insert(key);
    }
    if first {
        for (key, names) in agent.executor.volumes_of_tasks().await? {
            agent.observations.entry(&key).change(|observed| observed.volumes.held.extend(names));
            keys.insert(key);
        }
    }
    for (key, slot, id) in known.into_iter().filter(|(_, _, id)| !found.contains(id)) {
        let entry = agent.observations.entry(&key);
        entry.change(|observed| {
            // After a restart only the record knows that it ran.
            if first && observed.seen(&slot).is_none() {
                let state = super::observed::SeenState::Vanished;
                observed.take(slot, Seen { id: None, state, health: Default::default() });
            } else {
                observed.gone(&slot, &id);
            }
        });
        keys.insert(key);
    }
    if !networks.is_empty() {
        if let Err(error) = agent.executor.vpc.ensure().await {
            tracing::warn!(%error, "the default VPC's network can't be had");
        }
        for key in networks {
            let address = agent.observations.get(&key).and_then(|entry| entry.change(|observed| observed.address()));
            if let Some(address) = address {
                agent.executor.vpc.claim(&key, address);
            }
        }
    }
    if first {
        tracing::debug!(containers = listed.len(), "the engine's containers are known");
        agent.set_ready();
    }
    let state = agent.shared.store.snapshot();
    // Also those that have ended: what they printed while nobody read may not be stored.
    for container in listed.iter().filter(|container| container.state != ObservedState::Created) {
        let Some((key, Slot::Container(name))) = owner(&container.labels) else { continue };
        let Some(task) = state.tasks.get(&key) else { continue };
        if let Some(record) = task.definition(&state) {
            agent.executor.logs.follow(task, &record.definition, &name, &container.id);
        }
    }
    let unfinished = state.tasks.values().filter(|task| task.last_status != TaskStatus::Stopped);
    keys.extend(unfinished.map(|task| task.key.clone()));
    keys.into_iter().for_each(|key| waker.wake(key));
    Ok(())
}

/// The containers that were known before the list was asked for; those made meanwhile need not be in it.
fn known(agent: &Agent) -> Vec<(TaskKey, Slot, ContainerId)> {
    if agent.is_ready() {
        let all = agent.observations.all();
        let ids = |(key, entry): &(TaskKey, Arc<super::observations::Entry>)| {
            let observed = entry.read();
            observed.ids().map(|(slot, id)| (key.clone(), slot, id.clone())).collect::<Vec<_>>()
        };
        return all.iter().flat_map(ids).collect();
    }
    let state = agent.shared.store.snapshot();
    let unfinished = state.tasks.values().filter(|task| task.last_status != TaskStatus::Stopped);
    let mut known = Vec::new();
    for task in unfinished {
        for container in task.containers.iter().filter(|container| container.last_status == TaskStatus::Running) {
            if let Some(id) = &container.runtime_id {
                known.push((task.key.clone(), Slot::Container(container.name.clone()), id.clone()));
            }
        }
        if let Some(id) = task.attachment.as_ref().and_then(|attachment| attachment.pause.clone()) {
            known.push((task.key.clone(), Slot::Pause, id));
        }
    }
    known
}
