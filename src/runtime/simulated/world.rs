//! The simulated engine as a plain state machine: calls and times in, events out. Nothing in it waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::container::{Action, Address, Container, Made, Network, Stage};
use super::faults::Planned;
use super::network::Networks;
use super::script::Script;
use super::shared_texts::SharedTexts;
use super::volumes::Volumes;
use super::{PAUSE_IMAGE, is_missing};
use crate::ids::IdSource;
use crate::runtime::{
    CONTAINER_NAME_LABEL, ContainerId, ContainerNetwork, ContainerObservation, ContainerSpec, Exit, Fault, ImageSource,
    ObservedHealth, Result, RuntimeError, RuntimeEvent, STORE_LABEL, TASK_ARN_LABEL,
};
use crate::time::Timestamp;

/// The exit code of a process that SIGKILL ended.
const KILLED: i32 = 137;

/// A container's place in the order of creation.
type Place = u64;

#[derive(Debug, Default)]
pub(super) struct World {
    containers: BTreeMap<Place, Box<Container>>,
    /// What containers have in common.
    texts: SharedTexts,
    by_id: HashMap<ContainerId, Place>,
    by_name: HashMap<Arc<str>, Place>,
    /// What is due when; the second part of the key keeps what is due at once in order.
    timers: BTreeMap<(Timestamp, u64), (Place, Action)>,
    /// The last number given, to a container or a timer.
    count: u64,
    pub(super) networks: Networks,
    pub(super) volumes: Volumes,
    subscribers: Vec<(Arc<str>, mpsc::UnboundedSender<RuntimeEvent>)>,
    pub(super) pull_faults: Planned,
    create_faults: Planned,
    start_faults: Planned,
    pub(super) gone: bool,
}

/// Where a call that takes time stands.
pub(super) enum Progress<T> {
    Done(T),
    /// Look again when this resolves, in whatever way.
    Wait(oneshot::Receiver<()>),
}

impl World {
    /// When something happens next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// Has everything happen that is due, in order, each at its own time.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now
        {
            let (timer, (place, action)) = entry.remove_entry();
            if let Some(container) = self.containers.get_mut(&place) {
                container.timers.retain(|other| *other != timer);
                self.act(place, action, timer.0);
            }
        }
    }

    fn act(&mut self, place: Place, action: Action, at: Timestamp) {
        let Some(container) = self.containers.get_mut(&place) else { return };
        let code = match action {
            Action::Start => return self.finish_start(place, at),
            Action::Health(health) => {
                container.health = health;
                return self.announce(place);
            }
            Action::End => container.made.script().exit_code,
            Action::Terminate => container.made.script().stop_exit_code,
            Action::Kill | Action::OutOfMemory => KILLED,
        };
        self.exit(place, code, action == Action::OutOfMemory, at);
    }

    fn set_timer(&mut self, place: Place, at: Timestamp, action: Action) {
        self.count += 1;
        let timer = (at, self.count);
        self.timers.insert(timer, (place, action));
        if let Some(container) = self.containers.get_mut(&place) {
            container.timers.push(timer);
        }
    }

    fn cancel_timers(&mut self, place: Place) {
        if let Some(container) = self.containers.get_mut(&place) {
            for timer in container.timers.drain(..) {
                self.timers.remove(&timer);
            }
        }
    }

    /// Tells the container's store how it stands.
    fn announce(&mut self, place: Place) {
        let Some(container) = self.containers.get(&place) else { return };
        let store = container.store.clone();
        let observation = container.observe();
        self.send(&store, &RuntimeEvent::Changed(Box::new(observation)));
    }

    fn send(&mut self, store: &str, event: &RuntimeEvent) {
        if self.gone {
            return;
        }
        self.subscribers.retain(|(theirs, sender)| **theirs != *store || sender.send(event.clone()).is_ok());
    }

    pub(super) fn subscribe(&mut self, store: &Arc<str>) -> mpsc::UnboundedReceiver<RuntimeEvent> {
        let (sender, receiver) = mpsc::unbounded_channel();
        // An engine that is gone says nothing; its return begins with a Resync anyway.
        if !self.gone {
            let _ = sender.send(RuntimeEvent::Resync);
        }
        self.subscribers.push((store.clone(), sender));
        receiver
    }

    /// The container `id`, if it exists and belongs to `store`.
    fn place(&self, store: &str, id: &ContainerId) -> Option<Place> {
        let place = *self.by_id.get(id)?;
        (&*self.containers.get(&place)?.store == store).then_some(place)
    }

    fn existing(&mut self, store: &str, id: &ContainerId) -> Option<(Place, &mut Container)> {
        let place = self.place(store, id)?;
        Some((place, self.containers.get_mut(&place)?))
    }

    pub(super) fn create(&mut self, store: &Arc<str>, spec: &ContainerSpec, ids: &IdSource) -> Result<ContainerId> {
        if let Some(other) = self.by_name.get(spec.name.as_str()).and_then(|place| self.containers.get(place)) {
            let same = spec.labels.iter().all(|(name, value)| other.made.labels.get(name) == Some(value.as_str()));
            if same && other.store == *store {
                return Ok(other.id.clone());
            }
            return Err(RuntimeError::Create {
                message: format!(
                    "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to remove (or \
                     rename) that container to be able to reuse that name.",
                    spec.name, other.id
                ),
            });
        }
        let image = match &spec.image {
            ImageSource::Reference(reference) => reference.as_str(),
            ImageSource::Pause => PAUSE_IMAGE,
        };
        if is_missing(image) {
            return Err(RuntimeError::Create { message: format!("No such image: {image}") });
        }
        if let Some(message) = self.create_faults.take(image, "the simulated engine could not create the container") {
            return Err(RuntimeError::Create { message });
        }
        let script = Script::parse(&spec.labels).map_err(|message| RuntimeError::Create { message })?;
        if let Some(message) = &script.create_error {
            return Err(RuntimeError::Create { message: message.clone() });
        }
        if let ContainerNetwork::Container(owner) = &spec.network
            && self.place(store, owner).is_none()
        {
            return Err(RuntimeError::Create { message: format!("No such container: {owner}") });
        }
        self.count += 1;
        let place = self.count;
        let mut labels = spec.labels.clone();
        labels.insert(STORE_LABEL.to_owned(), store.to_string());
        let labels = self.texts.share_labels(&labels);
        let id = ContainerId(ids.hex(64).into());
        let made = Made::new(spec, labels, image, script, &mut self.texts);
        self.by_id.insert(id.clone(), place);
        self.by_name.insert(made.name.clone(), place);
        self.containers.insert(place, Box::new(Container::new(id.clone(), store.clone(), made)));
        Ok(id)
    }

    /// The container whose output is read.
    pub(super) fn printer(&mut self, store: &str, id: &ContainerId) -> Result<&mut Container> {
        let found = self.existing(store, id).map(|(_, container)| container);
        found.ok_or_else(|| RuntimeError::NoSuchContainer(id.to_string()))
    }

    /// Begins a start, unless one is on its way or it runs already.
    pub(super) fn begin_start(&mut self, store: &str, id: &ContainerId, now: Timestamp) -> Result<()> {
        let (place, container) =
            self.existing(store, id).ok_or_else(|| RuntimeError::NoSuchContainer(id.to_string()))?;
        if !container.is_running() && !container.starting {
            container.starting = true;
            container.start_error = None;
            let at = now.saturating_add(container.made.script().start_delay);
            self.set_timer(place, at, Action::Start);
        }
        Ok(())
    }

    /// How the start that was begun went.
    pub(super) fn started(&mut self, store: &str, id: &ContainerId) -> Progress<Result<ContainerObservation>> {
        let Some((_, container)) = self.existing(store, id) else {
            return Progress::Done(Err(RuntimeError::NoSuchContainer(id.to_string())));
        };
        match &container.start_error {
            _ if container.starting => wait(container),
            Some(error) => Progress::Done(Err(error.clone())),
            None => Progress::Done(Ok(container.observe())),
        }
    }

    fn finish_start(&mut self, place: Place, at: Timestamp) {
        let connected = self.connect(place);
        let Some(container) = self.containers.get_mut(&place) else { return };
        container.starting = false;
        container.waiters.clear();
        match connected {
            Ok(()) => {
                container.stage = Stage::Running { started_at: at };
                let check = container.made.health_interval;
                if check.is_some() {
                    container.health = ObservedHealth::Starting;
                }
                let script = container.made.script();
                let (healthy, unhealthy) = match check {
                    // A check that nothing is said about passes the first time.
                    Some(interval) if !script.has_health() => (Some(interval), None),
                    Some(_) => (script.healthy_after, script.unhealthy_after),
                    None => (None, None),
                };
                let timers = [
                    (script.run_for, Action::End),
                    (script.oom_after, Action::OutOfMemory),
                    (healthy, Action::Health(ObservedHealth::Healthy)),
                    (unhealthy, Action::Health(ObservedHealth::Unhealthy)),
                ];
                for (after, action) in timers {
                    if let Some(after) = after {
                        self.set_timer(place, at.saturating_add(after), action);
                    }
                }
            }
            // As on Docker: it is as if it had never been asked to start.
            Err(error) => container.start_error = Some(error),
        }
        self.announce(place);
    }

    /// Gives a container that starts its address and ports.
    fn connect(&mut self, place: Place) -> Result<()> {
        let Some(container) = self.containers.get(&place) else { return Ok(()) };
        let fail = |message| Err(RuntimeError::Start { message });
        let default = "OCI runtime create failed: the simulated process could not be started";
        if let Some(message) = self.start_faults.take(&container.made.image, default) {
            return fail(message);
        }
        if let Some(message) = &container.made.script().start_error {
            return fail(message.clone());
        }
        let address = match &container.made.network {
            Network::Bridge => Some(Address::Bridge(self.networks.attach_bridge()?)),
            Network::Attached(network, address) => {
                self.networks.attach(network, *address)?;
                Some(Address::Network(network.clone(), *address))
            }
            Network::Container(owner) => {
                match self.place(&container.store, owner).and_then(|owner| self.containers.get(&owner)) {
                    Some(owner) if owner.is_running() => None,
                    Some(_) => return fail(format!("cannot join network of a non running container: {owner}")),
                    None => return fail(format!("No such container: {owner}")),
                }
            }
            Network::Nothing => None,
        };
        // Who shares another's network, or has none, has nothing to publish.
        let publish = if address.is_some() { &*container.made.publish } else { &[] };
        let ports = self.networks.publish(publish);
        let endpoint = format!("{} ({})", container.made.name, container.id);
        let Some(container) = self.containers.get_mut(&place) else { return Ok(()) };
        container.address = address;
        match ports {
            Ok(ports) => container.ports = ports,
            Err(message) => {
                self.disconnect(place);
                return fail(format!(
                    "driver failed programming external connectivity on endpoint {endpoint}: {message}"
                ));
            }
        }
        Ok(())
    }

    fn disconnect(&mut self, place: Place) {
        let Some(container) = self.containers.get_mut(&place) else { return };
        self.networks.release(&std::mem::take(&mut container.ports));
        match container.address.take() {
            Some(Address::Bridge(address)) => self.networks.detach_bridge(address),
            Some(Address::Network(network, address)) => self.networks.detach(&network, address),
            None => {}
        }
    }

    /// Ends a container that runs; nothing if it does not.
    fn exit(&mut self, place: Place, exit_code: i32, oom_killed: bool, at: Timestamp) {
        if !self.containers.get(&place).is_some_and(|container| container.is_running()) {
            return;
        }
        self.cancel_timers(place);
        self.disconnect(place);
        if let Some(container) = self.containers.get_mut(&place) {
            let started_at = match container.stage {
                Stage::Running { started_at } => Some(started_at),
                Stage::Created | Stage::Exited(_) => None,
            };
            container.lives.extend(started_at.map(|started_at| (started_at, at)));
            let finished_at = Some(at);
            container.stage = Stage::Exited(Exit { exit_code, oom_killed, error: None, started_at, finished_at });
            container.waiters.clear();
        }
        self.announce(place);
    }

    /// How a stop goes on; `asked` says whether SIGTERM was sent, and is set when it is.
    pub(super) fn stop(
        &mut self,
        store: &str,
        id: &ContainerId,
        grace: Duration,
        now: Timestamp,
        asked: &mut bool,
    ) -> Progress<Option<Exit>> {
        let Some((place, container)) = self.existing(store, id) else { return Progress::Done(None) };
        match &container.stage {
            _ if container.starting => wait(container),
            Stage::Created | Stage::Exited(_) => Progress::Done(container.exit().cloned()),
            Stage::Running { .. } if *asked => wait(container),
            Stage::Running { .. } => {
                *asked = true;
                let Script { ignore_term, stop_delay, .. } = *container.made.script();
                if !ignore_term {
                    self.set_timer(place, now.saturating_add(stop_delay), Action::Terminate);
                }
                self.set_timer(place, now.saturating_add(grace), Action::Kill);
                self.settle(now);
                self.stop(store, id, grace, now, asked)
            }
        }
    }

    /// In Docker's words, when it does not.
    pub(super) fn require_running(&self, store: &str, id: &ContainerId) -> Result<()> {
        let container = self.place(store, id).and_then(|place| self.containers.get(&place));
        match container {
            Some(container) if container.is_running() => Ok(()),
            Some(_) => Err(RuntimeError::Other(format!("Container {id} is not running"))),
            None => Err(RuntimeError::NoSuchContainer(id.to_string())),
        }
    }

    /// Done when it does not run.
    pub(super) fn ended(&mut self, store: &str, id: &ContainerId) -> Progress<()> {
        match self.existing(store, id) {
            Some((_, container)) if container.is_running() => wait(container),
            _ => Progress::Done(()),
        }
    }

    pub(super) fn remove(&mut self, store: &str, id: &ContainerId, now: Timestamp) {
        let Some(place) = self.place(store, id) else { return };
        self.exit(place, KILLED, false, now);
        self.cancel_timers(place);
        if let Some(container) = self.containers.remove(&place) {
            self.by_id.remove(&container.id);
            self.by_name.remove(&container.made.name);
            let Container { id, made, store, .. } = *container;
            self.send(&store, &RuntimeEvent::Removed { id, labels: made.labels.to_map() });
            self.texts.give_back(made.labels);
        }
    }

    pub(super) fn remove_volume(&mut self, store: &str, name: &str) -> Result<()> {
        let mut containers = self.containers.values();
        let user = containers.find(|container| container.made.volumes.iter().any(|mounted| mounted == name));
        let user = user.map(|container| container.id.as_str());
        self.volumes.remove(store, name, user)
    }

    pub(super) fn inspect(&self, store: &str, id: &ContainerId) -> Option<ContainerObservation> {
        self.containers.get(&self.place(store, id)?).map(|container| container.observe())
    }

    pub(super) fn list(&self, store: &str) -> Vec<ContainerObservation> {
        self.containers
            .values()
            .filter(|container| &*container.store == store)
            .map(|container| container.observe())
            .collect()
    }

    pub(super) fn inject(&mut self, store: &str, fault: Fault, now: Timestamp) -> Result<()> {
        match fault {
            Fault::PullFails { image, message, times } => self.pull_faults.plan(image, message, times),
            Fault::CreateFails { image, message, times } => self.create_faults.plan(image, message, times),
            Fault::StartFails { image, message, times } => self.start_faults.plan(image, message, times),
            Fault::Exit { container, exit_code } => {
                let place = self.find_running(store, &container)?;
                self.exit(place, exit_code, false, now);
            }
            Fault::OutOfMemory { container } => {
                let place = self.find_running(store, &container)?;
                self.exit(place, KILLED, true, now);
            }
            Fault::Health { container, health } => {
                let place = self.find_running(store, &container)?;
                self.act(place, Action::Health(health), now);
            }
            Fault::EngineGone => {
                self.gone = true;
                // Calls that wait for a container learn that nobody answers.
                self.containers.values_mut().for_each(|container| container.waiters.clear());
            }
            Fault::EngineBack => {
                if std::mem::take(&mut self.gone) {
                    self.subscribers.retain(|(_, sender)| sender.send(RuntimeEvent::Resync).is_ok());
                }
            }
            Fault::Clear => {
                self.pull_faults.clear();
                self.create_faults.clear();
                self.start_faults.clear();
            }
        }
        Ok(())
    }

    /// The running container that a fault names: by its id, its name, or as `<task id>/<name in the task>`.
    fn find_running(&self, store: &str, named: &str) -> Result<Place> {
        let by_task = |container: &Container| {
            let label = |name: &str| container.made.labels.get(name).unwrap_or_default();
            named.split_once('/').is_some_and(|(task, name)| {
                label(CONTAINER_NAME_LABEL) == name && label(TASK_ARN_LABEL).rsplit('/').next() == Some(task)
            })
        };
        let by_name = self.by_name.get(named).copied();
        self.place(store, &ContainerId(named.into()))
            .or(by_name)
            .or_else(|| self.containers.iter().find(|(_, container)| by_task(container)).map(|(place, _)| *place))
            .filter(|place| {
                self.containers.get(place).is_some_and(|found| &*found.store == store && found.is_running())
            })
            .ok_or_else(|| RuntimeError::NoSuchContainer(format!("{named} (running)")))
    }
}

fn wait<T>(container: &mut Container) -> Progress<T> {
    let (sender, receiver) = oneshot::channel();
    container.waiters.push(sender);
    Progress::Wait(receiver)
}
