//! The engine's events, and what its list of containers says after a start or a break.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::daemons;
use super::observations::owner;
use super::observed::{Seen, SeenState, Slot};
use super::reconciler::Agent;
use crate::reconcile::Waker;
use crate::runtime::{ContainerId, ContainerObservation, DAEMONS_ADDRESS_LABEL, ObservedState, Result, RuntimeEvent};
use crate::services::ecs::resources::{ContainerInstanceKey, TaskKey, TaskStatus};
use crate::store::State;

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
    if let Some(instance) = daemons::instance(&observation.labels) {
        let seen = Seen::from(observation);
        for task in agent.executor.daemons.news(&instance, &seen) {
            let Some(entry) = agent.observations.get(&task) else { continue };
            if entry.change(|observed| observed.take(Slot::Pause, seen.clone())) {
                waker.wake(task);
            }
        }
        return;
    }
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
    if let Some(instance) = daemons::instance(labels) {
        for task in agent.executor.daemons.gone(&instance, id) {
            let Some(entry) = agent.observations.get(&task) else { continue };
            if entry.change(|observed| observed.gone(&Slot::Pause, id)) {
                waker.wake(task);
            }
        }
        return;
    }
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
    let owners = agent.executor.daemons.owners();
    let listed = agent.executor.runtime.list_containers().await?;
    let found: HashSet<ContainerId> = listed.iter().map(|container| container.id.clone()).collect();
    let mut keys = BTreeSet::new();
    let first = !agent.is_ready();
    let (mut networks, mut namespaces) = (Vec::new(), Vec::new());
    for container in &listed {
        if let Some(instance) = daemons::instance(&container.labels) {
            namespaces.push((instance, container));
            continue;
        }
        let Some((key, slot)) = owner(&container.labels) else { continue };
        let seen = Seen::from(container);
        if slot == Slot::Pause {
            let daemons = container.labels.get(DAEMONS_ADDRESS_LABEL).and_then(|address| address.parse().ok());
            networks.push((key.clone(), daemons));
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
                let state = SeenState::Vanished;
                observed.take(slot, Seen { id: None, state, health: Default::default() });
            } else {
                observed.gone(&slot, &id);
            }
        });
        keys.insert(key);
    }
    let state = agent.shared.store.snapshot();
    if !networks.is_empty() || !namespaces.is_empty() {
        if let Err(error) = agent.executor.vpc.ensure().await {
            tracing::warn!(%error, "the default VPC's network can't be had");
        }
        for (key, daemons) in networks {
            let instance = state.tasks.get(&key).and_then(|task| task.container_instance.as_ref());
            if let (Some(instance), Some(daemons)) = (instance, daemons) {
                agent.executor.adopt_route(&key, instance, daemons);
            }
            let address = agent.observations.get(&key).and_then(|entry| entry.change(|observed| observed.address()));
            if let Some(address) = address {
                agent.executor.vpc.claim(&key, address);
            }
        }
    }
    for (instance, id) in owners.iter().filter(|(_, id)| !found.contains(id)) {
        agent.executor.daemons.gone(instance, id);
    }
    for (instance, container) in namespaces {
        // Afterwards each knows for itself that it is in.
        let members = if first { members(&state, &instance, &keys) } else { Vec::new() };
        for key in agent.executor.adopt_daemons(&instance, container, members).await? {
            agent.observations.entry(&key).change(|observed| {
                observed.among_daemons_of = Some(Box::new(instance.clone()));
                observed.take(Slot::Pause, Seen::from(container))
            });
            keys.insert(key);
        }
    }
    if first {
        lost_namespaces(agent, &state, &keys);
        tracing::debug!(containers = listed.len(), "the engine's containers are known");
        agent.set_ready();
    }
    // Newer: what was written before the agent was ready woke nobody.
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

/// The tasks of an instance's daemons that have containers on the engine.
fn members(state: &State, instance: &ContainerInstanceKey, found: &BTreeSet<TaskKey>) -> Vec<TaskKey> {
    let tasks = found.iter().filter_map(|key| state.tasks.get(key));
    let own = tasks.filter(|task| task.daemon.is_some() && task.container_instance.as_ref() == Some(instance));
    own.filter(|task| task.last_status != TaskStatus::Stopped).map(|task| task.key.clone()).collect()
}

/// Daemons whose containers are there, but not the namespace that they were in.
fn lost_namespaces(agent: &Agent, state: &State, found: &BTreeSet<TaskKey>) {
    let tasks = found.iter().filter_map(|key| state.tasks.get(key));
    for task in tasks.filter(|task| task.daemon.is_some() && task.last_status != TaskStatus::Stopped) {
        agent.observations.entry(&task.key).change(|observed| {
            if observed.pause.is_none() && observed.ids().next().is_some() {
                let lost = Seen { id: None, state: SeenState::Vanished, health: Default::default() };
                observed.take(Slot::Pause, lost);
            }
        });
    }
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
