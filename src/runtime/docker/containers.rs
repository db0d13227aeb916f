//! Starting, stopping, removing and looking at containers of this store.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::body_full;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::create::whole_seconds;
use super::errors::{CallError, within};
use super::observe::observation;
use super::{Engine, archive, filters, limits};
use crate::runtime::{ContainerId, ContainerObservation, Exit, ObservedState, Result, RuntimeError, STORE_LABEL};
use crate::time::{real_sleep, stopwatch};

/// How many containers are looked at in one go: enough to hide the round trips, few enough not to flood the engine.
const INSPECTIONS: usize = 16;

impl Engine {
    pub(super) async fn start_container(&self, id: &ContainerId) -> Result<ContainerObservation> {
        self.require_ours(id).await?;
        within(limits::START, self.docker.start_container(id.as_str(), None::<StartContainerOptions>)).await.map_err(
            |error| match no_such_container(&error) {
                true => RuntimeError::NoSuchContainer(id.to_string()),
                false => error.starting(),
            },
        )?;
        self.inspect(id.as_str()).await?.ok_or_else(|| RuntimeError::NoSuchContainer(id.to_string()))
    }

    pub(super) async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<Option<Exit>> {
        if !self.is_ours(id).await? {
            return Ok(None);
        }
        let seconds = whole_seconds(grace);
        let options = StopContainerOptionsBuilder::new().t(i32::try_from(seconds).unwrap_or(i32::MAX)).build();
        let limit = grace + limits::STOP;
        match within(limit, self.docker.stop_container(id.as_str(), Some(options))).await {
            Ok(()) => {}
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.stopping()),
        }
        Ok(self.inspect(id.as_str()).await?.and_then(|seen| match seen.state {
            ObservedState::Exited(exit) => Some(exit),
            ObservedState::Created | ObservedState::Running { .. } => None,
        }))
    }

    pub(super) async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        if !self.is_ours(id).await? {
            return Ok(());
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match within(limits::REMOVE, self.docker.remove_container(id.as_str(), Some(options))).await {
            Ok(()) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) if error.is_conflict() => self.removed_by_others(id, error).await?,
            Err(error) => return Err(error.other()),
        }
        self.forget(id);
        Ok(())
    }

    pub(super) async fn put_file(&self, id: &ContainerId, path: &str, content: &[u8]) -> Result<()> {
        self.require_ours(id).await?;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let archive = archive::file(path.trim_start_matches('/'), content);
        let put = self.docker.upload_to_container(id.as_str(), Some(options), body_full(archive));
        within(limits::INSPECT, put).await.map_err(|error| match no_such_container(&error) {
            true => RuntimeError::NoSuchContainer(id.to_string()),
            false => error.other(),
        })
    }

    /// "removal of container ... is already in progress": it is as good as gone, but its name and address are not
    /// free until it is.
    async fn removed_by_others(&self, id: &ContainerId, conflict: CallError) -> Result<()> {
        let waited = stopwatch();
        while waited() < limits::REMOVAL_BY_OTHERS {
            if self.inspect(id.as_str()).await?.is_none() {
                return Ok(());
            }
            real_sleep(limits::POLL).await;
        }
        Err(conflict.other())
    }

    /// A container of this store, by id or name.
    pub(super) async fn inspect(&self, id_or_name: &str) -> Result<Option<ContainerObservation>> {
        Ok(self.look(id_or_name).await?.filter(|seen| self.owns(&seen.labels)))
    }

    /// Any container, by id or name.
    pub(super) async fn look(&self, id_or_name: &str) -> Result<Option<ContainerObservation>> {
        // It becomes part of a path: names that Docker would not give are not asked for.
        if id_or_name.is_empty() || !id_or_name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
            return Ok(None);
        }
        let waited = stopwatch();
        let inspected = loop {
            match within(limits::INSPECT, self.docker.inspect_container(id_or_name, None)).await {
                Ok(inspected) => break inspected,
                Err(error) if error.is_not_found() => return Ok(None),
                // Podman has states of its own (`stopped`, `initialized`) on the way to those Docker has.
                Err(CallError::Other(message))
                    if message.contains("unknown variant") && waited() < limits::PASSING_STATE =>
                {
                    real_sleep(limits::POLL).await;
                }
                Err(error) => return Err(error.other()),
            }
        };
        let Some(mut seen) = observation(inspected) else {
            return Err(RuntimeError::Other(format!(
                "the engine's description of container {id_or_name} is incomplete"
            )));
        };
        if self.owns(&seen.labels) {
            self.remember(&seen.id);
            self.correct_oom(&mut seen);
        }
        Ok(Some(seen))
    }

    pub(super) fn owns(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.get(STORE_LABEL).map(String::as_str) == Some(&*self.store)
    }

    pub(super) async fn list_containers(&self) -> Result<Vec<ContainerObservation>> {
        let options =
            ListContainersOptionsBuilder::new().all(true).filters(&filters([("label", self.store_filter())])).build();
        let found = within(limits::LIST, self.docker.list_containers(Some(options))).await.map_err(CallError::other)?;
        // The list tells neither exit codes nor times, so each is looked at; one that went meanwhile is left out.
        stream::iter(found.into_iter().filter_map(|summary| summary.id))
            .map(|id| async move { self.inspect(&id).await })
            .buffered(INSPECTIONS)
            .try_filter_map(async |seen| Ok(seen))
            .try_collect()
            .await
    }

    pub(super) async fn require_ours(&self, id: &ContainerId) -> Result<()> {
        if self.is_ours(id).await? { Ok(()) } else { Err(RuntimeError::NoSuchContainer(id.to_string())) }
    }

    /// Whether it carries this store's label; asks the engine only about ids that no call or event has shown yet.
    async fn is_ours(&self, id: &ContainerId) -> Result<bool> {
        if self.ours.lock().contains(id) {
            return Ok(true);
        }
        Ok(self.inspect(id.as_str()).await?.is_some())
    }

    pub(super) fn remember(&self, id: &ContainerId) {
        let mut ours = self.ours.lock();
        if !ours.contains(id) {
            ours.insert(id.clone());
        }
    }

    pub(super) fn forget(&self, id: &ContainerId) {
        self.ours.lock().remove(id);
        self.out_of_memory.lock().remove(id);
    }

    /// The engine hears of an exit and of the memory running out on two channels; when the exit comes first, its
    /// record of the container lacks the reason. The event does not.
    fn correct_oom(&self, seen: &mut ContainerObservation) {
        if let ObservedState::Exited(exit) = &mut seen.state
            && exit.exit_code == 137
            && self.out_of_memory.lock().contains(&seen.id)
        {
            exit.oom_killed = true;
        }
    }
}

/// A start can fail with 404 for want of the container or of something it needs (its network).
fn no_such_container(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status: 404, message } if message.to_lowercase().contains("no such container")
        && !message.to_lowercase().contains("network"))
}
