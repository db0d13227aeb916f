//! The network namespace that all daemons of a container instance share, and who uses it.
//!
//! A container owns it, as a task's pause container owns the task's. It comes with the first of the instance's daemon
//! tasks and goes with the last one, so it outlives each of them. The engine's labels are its only record.
//!
//! Its address on the VPC's network stays the same for as long as anybody counts on it: other tasks of the instance, which
//! have a route to it, may live longer than one daemon and its successor.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::executor::{Executor, NETWORK_ATTEMPTS, Subject};
use super::observations::Entry;
use super::observed::{Seen, SeenState, Slot};
use super::{reasons, spec};
use crate::identity::{Arn, Region, Scope};
use crate::runtime::{ContainerId, ContainerObservation, DAEMONS_LABEL, Result, RuntimeError};
use crate::services::ecs::network::index_of_zone;
use crate::services::ecs::resources::{ContainerInstanceKey, Origin, Task, TaskKey};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute};

/// The namespaces of all instances.
#[derive(Default)]
pub(super) struct Daemons(Mutex<Known>);

#[derive(Default)]
struct Known {
    instances: BTreeMap<ContainerInstanceKey, Instance>,
    /// The other tasks that have a route to the daemons of their instance.
    routes: BTreeMap<TaskKey, ContainerInstanceKey>,
}

#[derive(Default)]
struct Instance {
    /// Held by who makes or removes the namespace: there is never more than one.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The container that owns the namespace.
    owner: Option<Seen>,
    /// A call was given up: the engine may hold an owner that is not known here.
    uncertain: bool,
    /// The daemon tasks in it.
    members: BTreeSet<TaskKey>,
    /// How many tasks have a route to it.
    routes: usize,
}

impl Instance {
    fn owner_id(&self) -> Option<&ContainerId> {
        self.owner.as_ref()?.id.as_ref()
    }

    /// Takes in what is known now of the owner. One that ended does not run again.
    fn note(&mut self, news: Seen) {
        let ended = |seen: &Seen| !seen.is_created() && !seen.is_running();
        let late = self.owner.as_ref().is_some_and(|owner| owner.id == news.id && ended(owner));
        if !late {
            self.owner = Some(news);
        }
    }
}

impl Daemons {
    fn of<T>(&self, instance: &ContainerInstanceKey, act: impl FnOnce(&mut Instance) -> T) -> T {
        act(self.0.lock().instances.entry(instance.clone()).or_default())
    }

    /// Waits for the others who make or remove this instance's namespace.
    async fn turn(&self, instance: &ContainerInstanceKey) -> OwnedMutexGuard<()> {
        let turn = self.of(instance, |known| known.turn.clone());
        turn.lock_owned().await
    }

    /// Says of the task that it has a route to the instance's daemons.
    fn route(&self, task: &TaskKey, instance: &ContainerInstanceKey) {
        let mut known = self.0.lock();
        if known.routes.insert(task.clone(), instance.clone()).is_none() {
            known.instances.entry(instance.clone()).or_default().routes += 1;
        }
    }

    /// The task needs no route any more; returns the instance where it had one.
    fn unroute(&self, task: &TaskKey) -> Option<ContainerInstanceKey> {
        let mut known = self.0.lock();
        let instance = known.routes.remove(task)?;
        if let Some(known) = known.instances.get_mut(&instance) {
            known.routes = known.routes.saturating_sub(1);
        }
        Some(instance)
    }

    /// Calls `release` if nobody counts on the instance's address any more; nobody begins to meanwhile.
    fn forget(&self, instance: &ContainerInstanceKey, release: impl FnOnce()) {
        let mut known = self.0.lock();
        if let Some(found) = known.instances.get(instance) {
            if !found.members.is_empty() || found.routes > 0 {
                return;
            }
            // Not while somebody has a turn, or waits for one. They get it under this lock.
            if Arc::strong_count(&found.turn) == 1 {
                known.instances.remove(instance);
            }
        }
        release();
    }

    /// The owners that are known now.
    pub(super) fn owners(&self) -> Vec<(ContainerInstanceKey, ContainerId)> {
        let known = self.0.lock();
        let owner = |(key, known): (&ContainerInstanceKey, &Instance)| Some((key.clone(), known.owner_id()?.clone()));
        known.instances.iter().filter_map(owner).collect()
    }

    /// Takes in news of an owner; returns the tasks that are concerned.
    pub(super) fn news(&self, instance: &ContainerInstanceKey, news: &Seen) -> Vec<TaskKey> {
        let mut known = self.0.lock();
        match known.instances.get_mut(instance) {
            Some(known) if known.owner_id() == news.id.as_ref() => {
                known.note(news.clone());
                known.members.iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The engine does not have this owner any more; returns the tasks that are concerned.
    pub(super) fn gone(&self, instance: &ContainerInstanceKey, id: &ContainerId) -> Vec<TaskKey> {
        let mut known = self.0.lock();
        match known.instances.get_mut(instance) {
            Some(known) if known.owner_id() == Some(id) => {
                known.owner = None;
                known.members.iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The instance whose daemons' namespace the container with these labels owns.
pub(super) fn instance(labels: &BTreeMap<String, String>) -> Option<ContainerInstanceKey> {
    let arn = Arn::parse(labels.get(DAEMONS_LABEL)?).ok()?;
    let (kind, rest) = arn.typed_resource()?;
    let (cluster, id) = rest.split_once('/')?;
    let scope = Scope::new(arn.account.parse().ok()?, Region::new(arn.region));
    let of_ecs = arn.service == "ecs" && kind == "container-instance";
    of_ecs.then(|| ContainerInstanceKey { scope, cluster: cluster.into(), id: id.into() })
}

impl Executor {
    /// Puts a daemon's task into the namespace of its instance's daemons, which is made unless it is there.
    pub(super) async fn join_daemons(&self, subject: Subject<'_>) -> Result<()> {
        let Subject { task, entry, .. } = subject;
        let Some(instance) = &task.container_instance else {
            let reason = "ContainerNetworkingError: a daemon runs on container instances only".to_owned();
            entry.change(|observed| observed.network_failure = Some(reason));
            return Ok(());
        };
        let _turn = self.daemons.turn(instance).await;
        self.daemons.of(instance, |known| known.members.insert(task.key.clone()));
        entry.change(|observed| observed.among_daemons_of = Some(Box::new(instance.clone())));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.try_namespace(instance, entry).await {
                Ok(Some(owner)) => {
                    entry.change(|observed| observed.take(Slot::Pause, owner));
                    return Ok(());
                }
                Ok(None) => return Ok(()),
                Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
                Err(error) => error,
            };
            let network = matches!(error, RuntimeError::Network { .. });
            if network {
                // The network is gone, or something that is not of this store has the address.
                self.vpc.forget().await;
                self.vpc.avoid(instance);
            }
            if matches!(error, RuntimeError::Timeout(_)) {
                self.daemons.of(instance, |known| known.uncertain = true);
            }
            if !network || attempt == NETWORK_ATTEMPTS {
                tracing::warn!(instance = %instance.id, %error, "the instance's daemons get no network");
                entry.change(|observed| observed.network_failure = Some(reasons::network_failed(&error)));
                return Ok(());
            }
        }
    }

    /// The running owner of the namespace; `None` when the task was told why there is none.
    async fn try_namespace(&self, instance: &ContainerInstanceKey, entry: &Entry) -> Result<Option<Seen>> {
        if let Some(owner) = self.daemons.of(instance, |known| known.owner.clone()) {
            if owner.is_running() {
                return Ok(Some(owner));
            }
            // It died, and those who were in it end.
            self.remove_owner(instance).await?;
        }
        self.vpc.ensure().await?;
        let Some(address) = self.address_of_daemons(instance) else {
            entry.change(|observed| observed.network_failure = Some(reasons::subnet_full(&instance.id)));
            return Ok(None);
        };
        let id = self.runtime.create_container(&spec::daemons(instance, self.vpc.name(), address)).await?;
        self.daemons.of(instance, |known| known.note(Seen::created(id.clone())));
        let seen = Seen::from(&self.runtime.start_container(&id).await?);
        // What an event said meanwhile is newer.
        let owner = self.daemons.of(instance, |known| {
            known.note(seen);
            known.owner.clone()
        });
        match owner {
            Some(owner) if owner.is_running() => Ok(Some(owner)),
            _ => Err(RuntimeError::Start { message: "the daemons' pause container ended at once".to_owned() }),
        }
    }

    /// Takes the task out of its instance's daemons; the last one takes the namespace with it.
    pub(super) async fn leave_daemons(&self, task: &TaskKey, entry: &Entry) -> Result<()> {
        let Some(instance) = entry.change(|observed| observed.among_daemons_of.clone()) else { return Ok(()) };
        let turn = self.daemons.turn(&instance).await;
        if self.daemons.of(&instance, |known| known.members.iter().all(|member| member == task)) {
            self.remove_owner(&instance).await?;
        }
        self.daemons.of(&instance, |known| known.members.remove(task));
        drop(turn);
        self.release_daemons(&instance);
        entry.change(|observed| {
            observed.pause = None;
            observed.among_daemons_of = None;
        });
        Ok(())
    }

    /// To be called in one's turn.
    async fn remove_owner(&self, instance: &ContainerInstanceKey) -> Result<()> {
        let (owner, uncertain) = self.daemons.of(instance, |known| (known.owner_id().cloned(), known.uncertain));
        let mut ids: Vec<_> = owner.into_iter().collect();
        if uncertain {
            let listed = self.runtime.list_containers().await?;
            ids.extend(
                listed.into_iter().filter(|it| self::instance(&it.labels).as_ref() == Some(instance)).map(|it| it.id),
            );
        }
        for id in &ids {
            self.runtime.remove_container(id).await?;
        }
        self.daemons.of(instance, |known| (known.owner, known.uncertain) = (None, false));
        Ok(())
    }

    /// Where a task in awsvpc mode finds the daemons of its instance, now or later; `None` where there can't be any.
    pub(super) fn route_to_daemons(&self, task: &Task) -> Option<Ipv4Addr> {
        let instance = task.container_instance.as_ref()?;
        let managed = self.vpc.state().container_instances.get(instance)?.origin == Origin::Managed;
        if !managed {
            return None;
        }
        self.daemons.route(&task.key, instance);
        self.address_of_daemons(instance)
    }

    /// The task holds nothing on the engine any more: its address is free, and so may be that of its instance's daemons.
    pub(super) fn release(&self, task: &TaskKey) {
        self.vpc.release(task);
        if let Some(instance) = self.daemons.unroute(task) {
            self.release_daemons(&instance);
        }
    }

    fn release_daemons(&self, instance: &ContainerInstanceKey) {
        self.daemons.forget(instance, || self.vpc.release(instance));
    }

    /// The address of the instance's daemons, in the instance's zone; `None` when there is none left. The VPC's network is
    /// there.
    fn address_of_daemons(&self, instance: &ContainerInstanceKey) -> Option<Ipv4Addr> {
        let state = self.vpc.state();
        let zone = state.container_instances.get(instance).and_then(|found| attribute(found, ZONE_ATTRIBUTE));
        self.vpc.take(instance, zone.and_then(index_of_zone).unwrap_or(0))
    }

    /// Takes in an owner that the engine lists, which has `members` if LocalECS was started since it was made. One that
    /// nobody is in is removed.
    pub(super) async fn adopt_daemons(
        &self,
        instance: &ContainerInstanceKey,
        found: &ContainerObservation,
        members: Vec<TaskKey>,
    ) -> Result<Vec<TaskKey>> {
        let _turn = self.daemons.turn(instance).await;
        let seen = Seen::from(found);
        let (wanted, members) = self.daemons.of(instance, |known| {
            known.members.extend(members);
            if known.owner.is_none() && !known.members.is_empty() {
                known.owner = Some(Seen::created(found.id.clone()));
            }
            let wanted = known.owner_id() == Some(&found.id);
            if wanted {
                known.note(seen.clone());
            }
            (wanted, known.members.iter().cloned().collect())
        });
        if !wanted {
            tracing::debug!(instance = %instance.id, container = %found.id, "a network namespace of no daemons is removed");
            self.runtime.remove_container(&found.id).await?;
            return Ok(Vec::new());
        }
        if let SeenState::Running { address: Some(address), .. } = seen.state {
            self.vpc.claim(instance, address);
        }
        Ok(members)
    }

    /// After a start of LocalECS: the task has a route to its instance's daemons at that address.
    pub(super) fn adopt_route(&self, task: &TaskKey, instance: &ContainerInstanceKey, address: Ipv4Addr) {
        self.daemons.route(task, instance);
        self.vpc.claim(instance, address);
    }
}
