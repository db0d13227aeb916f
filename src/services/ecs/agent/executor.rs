//! Performs the effects that [`next_step`](super::next_step) asks for, and notes what came of them.
//!
//! An effect on several containers is performed on all of them at once. The only error that comes out is that the
//! engine does not answer (nothing is known then, so it is tried again); any other becomes an observation.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api_models::ecs;
use futures_util::future::{join, join_all, try_join_all};

use super::advance::{container_definition, is_daemon, uses_awsvpc};
use super::daemons::Daemons;
use super::logs::Logs;
use super::logs::plan::plan;
use super::next_step::Effect;
use super::observations::Entry;
use super::observed::{Image, Seen, SeenState, Slot};
use super::pull::Pulling;
use super::reasons;
use super::spec::{self, Attached};
use super::vpc::Vpc;
use crate::config::Config;
use crate::inside::Inside;
use crate::runtime::{ContainerId, ContainerRuntime, ImageSource, Result, RuntimeError};
use crate::s3::S3Source;
use crate::services::ecs::access_point::AccessPoint;
use crate::services::ecs::network::zone_index;
use crate::services::ecs::resources::{Task, TaskKey};
use crate::time::Clock;

/// How many addresses are tried for a task, or an instance's daemons, before it fails to start.
pub(super) const NETWORK_ATTEMPTS: u32 = 3;

pub(super) struct Executor {
    pub(super) runtime: Arc<dyn ContainerRuntime>,
    pub(super) vpc: Vpc,
    pub(super) daemons: Daemons,
    pub(super) logs: Logs,
    pub(super) clock: Clock,
    pub(super) access_points: Vec<AccessPoint>,
    pub(super) s3: S3Source,
    inside: Arc<Inside>,
    publish_address: IpAddr,
    pub(super) pulling: Pulling,
}

/// A task that something is done for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) task: &'a Task,
    pub(super) definition: &'a ecs::TaskDefinition,
    pub(super) entry: &'a Entry,
}

impl Executor {
    pub(super) fn new(
        runtime: Arc<dyn ContainerRuntime>,
        vpc: Vpc,
        inside: Arc<Inside>,
        logs: Logs,
        clock: Clock,
        config: &Config,
    ) -> Self {
        Self {
            runtime,
            vpc,
            daemons: Daemons::default(),
            logs,
            clock,
            access_points: config.access_points.clone(),
            s3: config.s3.clone(),
            inside,
            publish_address: config.publish_address,
            pulling: Pulling::new(config),
        }
    }

    /// # Errors
    /// The engine does not answer.
    pub(super) async fn perform(&self, subject: Subject<'_>, effect: &Effect) -> Result<()> {
        match effect {
            Effect::Prepare { network, images } => self.prepare(subject, *network, images).await,
            Effect::Pull(names) => self.pull(subject, names).await,
            Effect::MakeVolumes => self.make_volumes(subject).await,
            Effect::Create(names) => each(names, |name| self.create(subject, name)).await,
            Effect::Start(names) => each(names, |name| self.start(subject, name)).await,
            Effect::Stop(containers) => each(containers, |(name, grace)| self.stop(subject, name, *grace)).await,
            Effect::RemovePause => self.remove_pause(&subject.task.key, subject.entry).await,
            Effect::RemoveContainers => self.remove_all(&subject.task.key, subject.entry).await,
            Effect::Wait { .. } => Ok(()),
        }
    }

    async fn prepare(&self, subject: Subject<'_>, network: bool, images: &[Arc<str>]) -> Result<()> {
        let began = self.clock.now();
        let looks = each(images, |name| self.look_for_image(subject, name));
        if network {
            let (network, looks) = join(self.provision(subject), looks).await;
            network?;
            looks?;
        } else {
            looks.await?;
        }
        if !self.configure(subject).await {
            return Ok(());
        }
        // On AWS images are looked for once the network is up.
        let since = if network { self.clock.now() } else { began };
        self.note_pull(subject, since);
        Ok(())
    }

    fn note_pull(&self, subject: Subject<'_>, since: crate::time::Timestamp) {
        let now = self.clock.now();
        subject.entry.change(|observed| {
            observed.pull_started_at = observed.pull_started_at.or(Some(since));
            let done = |(name, image): (&Arc<str>, &Image)| {
                matches!(image, Image::Here { .. }) || observed.containers.contains_key(name)
            };
            if observed.images.iter().all(done) {
                observed.pull_stopped_at = observed.pull_stopped_at.or(Some(now));
            }
        });
    }

    async fn pull(&self, subject: Subject<'_>, names: &[Arc<str>]) -> Result<()> {
        // A task that is stopped waits for no image.
        tokio::select! {
            pulled = each(names, |name| self.pull_one(subject, name)) => pulled?,
            () = subject.entry.stop.notified() => return Ok(()),
        }
        self.note_pull(subject, self.clock.now());
        Ok(())
    }

    async fn create(&self, subject: Subject<'_>, name: &Arc<str>) -> Result<()> {
        let Some(container) = container_definition(subject.definition, name) else {
            let reason = "CannotCreateContainerError: the task definition has no such container".to_owned();
            subject.entry.change(|observed| observed.take(Slot::Container(name.clone()), Seen::failed(None, reason)));
            return Ok(());
        };
        let pause = subject.entry.change(|observed| observed.pause.as_ref().and_then(|pause| pause.id.clone()));
        let log = match plan(subject.task, container) {
            Ok(plan) => plan.driver(),
            Err(message) => {
                let seen = Seen::failed(None, reasons::log_options_refused(subject.task, &message));
                subject.entry.change(|observed| observed.take(Slot::Container(name.clone()), seen));
                return Ok(());
            }
        };
        let reach = self.inside.reach().await;
        let mut spec =
            spec::container(subject.task, subject.definition, container, pause.as_ref(), self.publish_address, &reach);
        self.mount(subject, name, &mut spec);
        if let Some(reference) = subject.entry.change(|observed| observed.references.get(name).cloned()) {
            spec.image = ImageSource::Reference(reference);
        }
        spec.log = log;
        if let Some(given) = subject.entry.given() {
            given.add_to(name, &mut spec);
        }
        let routed = match self.route(subject, name, &mut spec).await {
            Ok(routed) => routed,
            Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
            Err(error) => Err(reasons::create_failed(&error)),
        };
        if let Err(reason) = routed {
            subject.entry.change(|observed| observed.take(Slot::Container(name.clone()), Seen::failed(None, reason)));
            return Ok(());
        }
        let seen = match self.runtime.create_container(&spec).await {
            Ok(id) => Seen::created(id),
            Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
            Err(error) => {
                self.note_doubt(subject.entry, &error);
                Seen::failed(None, reasons::create_failed(&error))
            }
        };
        subject.entry.change(|observed| observed.take(Slot::Container(name.clone()), seen));
        Ok(())
    }

    async fn start(&self, subject: Subject<'_>, name: &Arc<str>) -> Result<()> {
        let slot = Slot::Container(name.clone());
        let Some(id) = subject.entry.change(|observed| observed.seen(&slot).and_then(|seen| seen.id.clone())) else {
            return Ok(());
        };
        let again = subject.entry.change(|observed| observed.seen(&slot).is_some_and(|seen| !seen.is_created()));
        let Subject { task, definition, entry } = subject;
        if let Err(reason) = self.logs.prepare(task, definition, name, &id).await {
            entry.change(|observed| observed.take(slot, Seen::failed(Some(id), reason)));
            return Ok(());
        }
        let configured = match self.configure_router(subject, name, &id).await {
            Ok(configured) => configured,
            Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
            Err(error) => Err(reasons::start_failed(&error)),
        };
        if let Err(reason) = configured {
            entry.change(|observed| observed.take(slot, Seen::failed(Some(id), reason)));
            return Ok(());
        }
        let seen = match self.runtime.start_container(&id).await {
            Ok(observation) => {
                self.logs.follow(task, definition, name, &id);
                Seen::from(&observation)
            }
            Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
            Err(RuntimeError::NoSuchContainer(_)) => {
                subject.entry.change(|observed| observed.gone(&slot, &id));
                return Ok(());
            }
            Err(error) if again => {
                tracing::warn!(container = %id, %error, "the container can't be started again");
                subject.entry.change(|observed| observed.given_up.insert(name.clone()));
                return Ok(());
            }
            Err(error) => Seen::failed(Some(id), reasons::start_failed(&error)),
        };
        subject.entry.change(|observed| observed.take(slot, seen));
        Ok(())
    }

    async fn stop(&self, subject: Subject<'_>, name: &Arc<str>, grace: Duration) -> Result<()> {
        let slot = Slot::Container(name.clone());
        let Some(id) = subject.entry.change(|observed| observed.seen(&slot).and_then(|seen| seen.id.clone())) else {
            return Ok(());
        };
        match self.runtime.stop_container(&id, grace).await {
            Ok(Some(exit)) => {
                subject.entry.change(|observed| {
                    let health = observed.seen(&slot).map(|seen| seen.health).unwrap_or_default();
                    observed.take(slot, Seen { id: Some(id), state: SeenState::Exited(exit), health })
                });
                Ok(())
            }
            Ok(None) => {
                subject.entry.change(|observed| observed.gone(&slot, &id));
                Ok(())
            }
            Err(error @ RuntimeError::Unavailable(_)) => Err(error),
            Err(error) => {
                // Removing kills as well, and what can't be removed either is tried again from here.
                tracing::warn!(container = %id, %error, "the container does not stop; removing it");
                self.runtime.remove_container(&id).await?;
                subject.entry.change(|observed| observed.gone(&slot, &id));
                Ok(())
            }
        }
    }

    /// Gives the task its pause container: in awsvpc mode at an address of its subnet; a daemon's task the one it shares.
    async fn provision(&self, subject: Subject<'_>) -> Result<()> {
        if is_daemon(subject.definition) {
            return self.join_daemons(subject).await;
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.try_provision(subject).await {
                Ok(()) => return Ok(()),
                Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
                Err(error) => error,
            };
            self.remove(subject.entry, Slot::Pause).await?;
            let network = matches!(error, RuntimeError::Network { .. });
            if network {
                // The network is gone, or something that is not of this store has the address.
                self.vpc.forget().await;
                self.vpc.avoid(&subject.task.key);
            }
            if !network || attempt == NETWORK_ATTEMPTS {
                tracing::warn!(task = %subject.task.key.id, %error, "the task gets no network");
                self.note_doubt(subject.entry, &error);
                let reason = match uses_awsvpc(subject.definition) {
                    true => reasons::network_failed(&error),
                    false => reasons::create_failed(&error),
                };
                subject.entry.change(|observed| observed.network_failure = Some(reason));
                return Ok(());
            }
            tracing::debug!(task = %subject.task.key.id, %error, "trying another address");
        }
    }

    async fn try_provision(&self, subject: Subject<'_>) -> Result<()> {
        let Subject { task, definition, entry } = subject;
        // One of an earlier attempt may have another address.
        self.remove(entry, Slot::Pause).await?;
        let mut own_address = None;
        if uses_awsvpc(definition) {
            self.vpc.ensure().await?;
            let subnet = task.attachment.as_ref().map_or("", |attachment| &*attachment.subnet_id);
            own_address = self.vpc.take(&task.key, zone_index(subnet));
            if own_address.is_none() {
                entry.change(|observed| observed.network_failure = Some(reasons::subnet_full(subnet)));
                return Ok(());
            }
        }
        let daemons = own_address.and_then(|_| self.route_to_daemons(task));
        let attached = own_address.map(|address| Attached { network: self.vpc.name(), address, daemons });
        let spec = spec::pause(task, definition, attached, self.publish_address);
        let id = self.runtime.create_container(&spec).await?;
        entry.change(|observed| observed.take(Slot::Pause, Seen::created(id.clone())));
        let observation = self.runtime.start_container(&id).await?;
        let mut seen = Seen::from(&observation);
        if let SeenState::Running { address: seen_address, .. } = &mut seen.state {
            // Some engines tell the address a moment later than they give it.
            *seen_address = seen_address.or(own_address);
        }
        if seen.is_running() {
            entry.change(|observed| observed.take(Slot::Pause, seen));
            Ok(())
        } else {
            Err(RuntimeError::Start { message: "the pause container ended at once".to_owned() })
        }
    }

    async fn remove_pause(&self, task: &TaskKey, entry: &Entry) -> Result<()> {
        match entry.change(|observed| observed.among_daemons_of.is_some()) {
            true => self.leave_daemons(task, entry).await,
            false => self.remove(entry, Slot::Pause).await,
        }
    }

    async fn remove(&self, entry: &Entry, slot: Slot) -> Result<()> {
        let id = entry.change(|observed| observed.seen(&slot).and_then(|seen| seen.id.clone()));
        if let Some(id) = id {
            self.remove_by_id(&id).await?;
        }
        entry.change(|observed| match slot {
            Slot::Pause => observed.pause = None,
            Slot::Container(name) => {
                observed.containers.remove(&name);
            }
        });
        Ok(())
    }

    /// Removes everything the engine holds for a task, known or not.
    pub(super) async fn remove_all(&self, key: &TaskKey, entry: &Entry) -> Result<()> {
        let observed = entry.read();
        let (mut first, mut pause): (Vec<ContainerId>, Vec<ContainerId>) = (Vec::new(), Vec::new());
        if observed.uncertain {
            for found in self.runtime.list_containers().await? {
                match super::observations::owner(&found.labels) {
                    Some((owner, Slot::Pause)) if owner == *key => pause.push(found.id),
                    Some((owner, Slot::Container(_))) if owner == *key => first.push(found.id),
                    _ => {}
                }
            }
        }
        let shares_pause = observed.among_daemons_of.is_some();
        for (slot, id) in observed.ids().filter(|(slot, _)| *slot != Slot::Pause || !shares_pause) {
            let list = if slot == Slot::Pause { &mut pause } else { &mut first };
            if !list.contains(id) {
                list.push(id.clone());
            }
        }
        // The owner of the namespace last.
        for ids in [first, pause] {
            try_join_all(ids.iter().map(|id| self.remove_by_id(id))).await?;
        }
        self.leave_daemons(key, entry).await?;
        self.remove_volumes(key, entry).await?;
        entry.change(|observed| *observed = super::observed::ObservedTask::default());
        Ok(())
    }

    async fn remove_by_id(&self, id: &ContainerId) -> Result<()> {
        self.logs.drain(id).await;
        self.runtime.remove_container(id).await?;
        self.logs.forget(id).await;
        Ok(())
    }

    /// A call that was given up may have had its effect.
    fn note_doubt(&self, entry: &Entry, error: &RuntimeError) {
        if matches!(error, RuntimeError::Timeout(_)) {
            entry.change(|observed| observed.uncertain = true);
        }
    }
}

/// Runs `act` on all of `items` at once, each to its end.
async fn each<'a, T, F: Future<Output = Result<()>>>(items: &'a [T], act: impl Fn(&'a T) -> F) -> Result<()> {
    match items {
        [one] => act(one).await,
        items => join_all(items.iter().map(act)).await.into_iter().collect(),
    }
}
