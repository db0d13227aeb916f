//! Makes the volumes of a task before its containers, and removes them after it.

use std::collections::BTreeMap;

use super::executor::{Executor, Subject};
use super::observations::{Entry, task_key};
use super::reasons;
use super::volumes::{self, SHARED_SCOPE, Wanted};
use crate::runtime::{ContainerSpec, ROLE_LABEL, Result, RuntimeError, SCOPE_LABEL, TASK_ARN_LABEL, VolumeObservation};
use crate::services::ecs::resources::TaskKey;

impl Executor {
    /// Makes them one after the other: a directory of a file system needs the file system.
    pub(super) async fn make_volumes(&self, subject: Subject<'_>) -> Result<()> {
        let Subject { task, definition, entry } = subject;
        let snapshot = task.managed_volume.as_ref().and_then(|volume| volume.settings.snapshot_id.as_deref());
        if let Some(snapshot) = snapshot {
            entry.change(|observed| observed.volumes.failure = Some(reasons::no_snapshot(snapshot)));
            return Ok(());
        }
        for wanted in volumes::wanted(task, definition, &self.access_points) {
            let made = match &wanted {
                Wanted::Own(spec) => {
                    // Before it is there: an answer that gets lost must not leave it behind.
                    entry.change(|observed| observed.volumes.held.insert(spec.name.clone()));
                    self.runtime.ensure_volume(spec).await.map(|_| ())
                }
                Wanted::Shared(spec) => self.runtime.ensure_volume(spec).await.map(|_| ()),
                Wanted::Existing(name) => match self.runtime.inspect_volume(name).await {
                    Ok(Some(_)) => Ok(()),
                    Ok(None) => {
                        let reason = reasons::no_such_volume(task, name);
                        entry.change(|observed| observed.volumes.failure = Some(reason));
                        return Ok(());
                    }
                    Err(error) => Err(error),
                },
            };
            match made {
                Ok(()) => {}
                Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(task = %task.key.id, %error, "a volume can't be made");
                    entry.change(|observed| observed.volumes.failure = Some(reasons::volume_failed(task, &error)));
                    return Ok(());
                }
            }
        }
        entry.change(|observed| observed.volumes.ready = true);
        Ok(())
    }

    /// Adds what the container mounts.
    pub(super) fn mount(&self, subject: Subject<'_>, name: &str, spec: &mut ContainerSpec) {
        let Subject { task, definition, .. } = subject;
        let Some(container) = super::advance::container_definition(definition, name) else { return };
        spec.mounts = volumes::mounts(task, definition, container, &self.access_points);
        spec.volumes_from = volumes::volumes_from(container, |other| super::spec::host_name(task, other));
    }

    /// Removes the volumes that go with the task; its containers must be gone.
    pub(super) async fn remove_volumes(&self, key: &TaskKey, entry: &Entry) -> Result<()> {
        let (mut names, uncertain) = entry.change(|observed| (observed.volumes.held.clone(), observed.uncertain));
        if uncertain {
            let listed = self.runtime.list_volumes().await?;
            names.extend(listed.into_iter().filter(|volume| owner(volume).as_ref() == Some(key)).map(|v| v.name));
        }
        for name in names {
            self.runtime.remove_volume(&name).await?;
            entry.change(|observed| observed.volumes.held.remove(&name));
        }
        Ok(())
    }

    /// What the engine holds for tasks, by task; at a start. Whatever was in the middle of making one is removed.
    pub(super) async fn volumes_of_tasks(&self) -> Result<BTreeMap<TaskKey, Vec<String>>> {
        for container in self.runtime.list_containers().await? {
            if container.labels.get(ROLE_LABEL).is_some_and(|role| role == "volume") {
                self.runtime.remove_container(&container.id).await?;
            }
        }
        let mut by_task: BTreeMap<TaskKey, Vec<String>> = BTreeMap::new();
        for volume in self.runtime.list_volumes().await? {
            if let Some(key) = owner(&volume) {
                by_task.entry(key).or_default().push(volume.name);
            }
        }
        Ok(by_task)
    }

    /// Removes the store's volumes, all or those that are not shared.
    pub(super) async fn purge_volumes(&self, shared_too: bool) -> Result<()> {
        let mut first_error = None;
        for volume in self.runtime.list_volumes().await? {
            let shared = is_shared(&volume);
            if shared && !shared_too {
                continue;
            }
            match self.runtime.remove_volume(&volume.name).await {
                Ok(()) => {}
                // Somebody else's container may use it, for the name is the user's.
                Err(error @ RuntimeError::Volume { .. }) if shared => {
                    tracing::warn!(volume = volume.name, %error, "the volume stays");
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

fn is_shared(volume: &VolumeObservation) -> bool {
    volume.labels.get(SCOPE_LABEL).is_some_and(|scope| scope == SHARED_SCOPE)
}

/// The task that a volume goes with.
fn owner(volume: &VolumeObservation) -> Option<TaskKey> {
    if is_shared(volume) { None } else { task_key(volume.labels.get(TASK_ARN_LABEL)?) }
}
