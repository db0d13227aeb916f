//! An engine in memory whose containers do what their Docker labels say, at the times the injected clock shows.
//!
//! It needs neither Docker nor an image, and the same seed gives the same run. Without labels a container runs until
//! it is stopped. Times are written `500ms`, `10s`, `1.5s`, `2m` or `1h`; all but the pull's count from the start.
//!
//! | label | the container |
//! |---|---|
//! | `sim.pull-time=2s` | has an image that must be pulled each time, which takes that long |
//! | `sim.pull-error=<message>` | has an image that can't be pulled |
//! | `sim.create-error=<message>` | can't be created |
//! | `sim.start-delay=500ms` | takes that long to start |
//! | `sim.start-error=<message>` | can't be started |
//! | `sim.run-for=10s` | exits by itself after that time |
//! | `sim.exit-code=1` | exits with this code when it exits by itself (0) |
//! | `sim.oom-after=5s` | is killed for its memory use after that time (137) |
//! | `sim.ignore-term=true` | is deaf to SIGTERM: only SIGKILL ends it (137) |
//! | `sim.stop-delay=3s` | takes that long to end after SIGTERM |
//! | `sim.stop-exit-code=0` | exits with this code after SIGTERM (143) |
//! | `sim.healthy-after=10s` | its health check passes from then on |
//! | `sim.unhealthy-after=30s` | its health check fails from then on |
//! | `sim.stdout=<lines>` | prints these lines when it starts |
//! | `sim.stderr=<lines>` | prints these lines to stderr when it starts |
//! | `sim.print-every=1s` | prints its lines again each time that long |
//!
//! A health check of which no label speaks passes after its interval; a container without one has no health.
//!
//! A command inside a container (ECS Exec) is a shell of four commands at a terminal: `echo`, `exit`, `sleep` and
//! `stty`; any program is that shell, but for those whose name begins with `missing`.
//!
//! A label that begins with `sim.` and is not in the table is an error. Every image is there, except those whose name
//! begins with `missing/`: no registry has them. [`Fault`]s make more go wrong.

mod container;
mod engine;
mod exec;
mod faults;
mod logs;
mod network;
#[cfg(test)]
mod properties;
mod script;
mod shared_texts;
#[cfg(test)]
mod tests;
mod volumes;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use engine::SimulatedEngine;
use futures_util::stream::{self, BoxStream, StreamExt};
use script::Script;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use world::{Progress, World};

use super::{
    ContainerDetails, ContainerId, ContainerObservation, ContainerRuntime, ContainerSpec, ContainerStats, Exec,
    ExecSpec, Exit, Fault, ImageInfo, LogRecords, LogsRequest, NetworkSpec, RegistryAuth, Result, RuntimeError,
    RuntimeEvent, RuntimeInfo, STORE_LABEL, VolumeObservation, VolumeSpec,
};
use crate::ids::IdSource;
use crate::time::{Clock, Timestamp};

/// Images that no registry has.
const MISSING: &str = "missing/";
const PAUSE_IMAGE: &str = "localecs/pause";
/// The size of the machine the engine pretends to be: large enough for any test.
const CPUS: u32 = 192;
const MEMORY_BYTES: u64 = 768 << 30;

/// The client of one store of a [`SimulatedEngine`]. The engine lives as long as any of its clients.
#[derive(Clone, Debug)]
pub struct SimulatedRuntime {
    engine: SimulatedEngine,
    store: Arc<str>,
}

impl SimulatedRuntime {
    /// A client with an engine of its own. To be called inside a Tokio runtime.
    #[must_use]
    pub fn new(store_id: &str, clock: Clock, ids: IdSource) -> Self {
        SimulatedEngine::new(clock, ids).runtime(store_id)
    }

    /// Runs `call`, unless the engine is gone.
    fn call<T>(&self, call: impl FnOnce(&mut World, Timestamp) -> Result<T>) -> Result<T> {
        self.engine.with(|world, now| {
            if world.gone {
                return Err(RuntimeError::Unavailable("the simulated engine is gone (fault engineGone)".to_owned()));
            }
            call(world, now)
        })
    }

    /// Asks how something goes until it is done.
    async fn finish<T>(&self, mut ask: impl FnMut(&mut World, Timestamp) -> Progress<T>) -> Result<T> {
        loop {
            match self.call(|world, now| Ok(ask(world, now)))? {
                Progress::Done(value) => return Ok(value),
                // Whether it was sent to or dropped: something changed.
                Progress::Wait(change) => drop(change.await),
            }
        }
    }
}

#[async_trait]
impl ContainerRuntime for SimulatedRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        self.call(|_, _| {
            Ok(RuntimeInfo {
                engine: "simulated".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                api_version: "1.41".to_owned(),
                cpus: CPUS,
                memory_bytes: MEMORY_BYTES,
                architecture: std::env::consts::ARCH.to_owned(),
                operating_system: "LocalECS simulation".to_owned(),
                routes_to_containers: false,
            })
        })
    }

    async fn inspect_image(&self, reference: &str, labels: &BTreeMap<String, String>) -> Result<Option<ImageInfo>> {
        self.call(|world, _| {
            // A pull that is to fail must come to pass, so the image can't be here already. So with a script that is
            // wrong, which the pull then says.
            let absent = is_missing(reference)
                || world.pull_faults.awaits(reference)
                || Script::parse(labels).map_or(true, |script| script.pulls());
            Ok((!absent).then(|| image_info(reference)))
        })
    }

    async fn pull_image(
        &self,
        reference: &str,
        labels: &BTreeMap<String, String>,
        _platform: Option<&str>,
        _auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo> {
        let script = Script::parse(labels).map_err(|message| RuntimeError::Pull {
            message,
            retryable: false,
            manifest: true,
        })?;
        self.call(|_, _| Ok(()))?;
        let clock = self.engine.clock();
        clock.sleep_until(clock.now().saturating_add(script.pull_time)).await;
        self.call(|world, _| {
            if let Some(message) = world.pull_faults.take(reference, "the simulated registry does not answer") {
                return Err(RuntimeError::Pull { message, retryable: true, manifest: true });
            }
            if let Some(message) = script.pull_error {
                return Err(RuntimeError::Pull { message, retryable: false, manifest: true });
            }
            if is_missing(reference) {
                let message = format!(
                    "pull access denied for {}, repository does not exist or may require 'docker login': denied: \
                     requested access to the resource is denied",
                    repository(reference)
                );
                return Err(RuntimeError::Pull { message, retryable: false, manifest: true });
            }
            Ok(image_info(reference))
        })
    }

    async fn tag_image(&self, _reference: &str, _name: &str) -> Result<()> {
        // Every image is there under every name.
        self.call(|_, _| Ok(()))
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        self.call(|world, _| world.create(&self.store, spec, self.engine.ids()))
    }

    async fn start_container(&self, id: &ContainerId) -> Result<ContainerObservation> {
        self.call(|world, now| world.begin_start(&self.store, id, now))?;
        self.finish(|world, _| world.started(&self.store, id)).await?
    }

    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<Option<Exit>> {
        let mut asked = false;
        self.finish(|world, now| world.stop(&self.store, id, grace, now, &mut asked)).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.call(|world, now| {
            world.remove(&self.store, id, now);
            Ok(())
        })
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<Option<ContainerObservation>> {
        self.call(|world, _| Ok(world.inspect(&self.store, id)))
    }

    async fn container_details(&self, id: &ContainerId) -> Result<Option<ContainerDetails>> {
        let seen = self.inspect_container(id).await?;
        Ok(seen.map(|seen| ContainerDetails {
            name: seen.name,
            image_id: seen.image_id,
            labels: seen.labels,
            addresses: seen.address.into_iter().collect(),
            ..ContainerDetails::default()
        }))
    }

    /// Nothing runs, so there is nothing to measure.
    fn container_stats(&self, _id: &ContainerId) -> BoxStream<'static, Result<ContainerStats>> {
        stream::empty().boxed()
    }

    async fn list_containers(&self) -> Result<Vec<ContainerObservation>> {
        self.call(|world, _| Ok(world.list(&self.store)))
    }

    async fn logs(&self, id: &ContainerId, request: &LogsRequest) -> Result<LogRecords> {
        self.read_logs(id, request)
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<Exec> {
        self.call(|world, _| world.require_running(&self.store, id))?;
        Ok(exec::start(self.clone(), id.clone(), spec))
    }

    async fn put_file(&self, id: &ContainerId, _path: &str, _content: &[u8]) -> Result<()> {
        self.call(|world, _| world.printer(&self.store, id).map(|_| ()))
    }

    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<()> {
        let mut spec = spec.clone();
        spec.labels.insert(STORE_LABEL.to_owned(), self.store.to_string());
        self.call(|world, _| world.networks.ensure(&spec))
    }

    async fn remove_network(&self, name: &str) -> Result<()> {
        self.call(|world, _| world.networks.remove(&self.store, name))
    }

    async fn list_networks(&self) -> Result<Vec<(String, String)>> {
        self.call(|world, _| {
            Ok(world.networks.list(&self.store).map(|spec| (spec.name.clone(), spec.cidr.clone())).collect())
        })
    }

    async fn ensure_volume(&self, spec: &VolumeSpec) -> Result<VolumeObservation> {
        self.call(|world, _| world.volumes.ensure(&self.store, spec))
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeObservation>> {
        self.call(|world, _| Ok(world.volumes.get(name).cloned()))
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.call(|world, _| world.remove_volume(&self.store, name))
    }

    async fn list_volumes(&self) -> Result<Vec<VolumeObservation>> {
        self.call(|world, _| Ok(world.volumes.of_store(&self.store).cloned().collect()))
    }

    fn subscribe(&self) -> mpsc::UnboundedReceiver<RuntimeEvent> {
        self.engine.with(|world, _| world.subscribe(&self.store))
    }

    fn inject(&self, fault: Fault) -> Result<()> {
        self.engine.with(|world, now| world.inject(&self.store, fault, now))
    }
}

fn is_missing(image: &str) -> bool {
    image.starts_with(MISSING)
}

/// The name of an image without its tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        // A colon before the last slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

fn image_id(reference: &str) -> String {
    hash("image", reference)
}

fn image_info(reference: &str) -> ImageInfo {
    // A reference by digest says itself which manifest it means.
    let digest = reference.split_once('@').map_or_else(|| hash("manifest", reference), |(_, digest)| digest.to_owned());
    // Which machine it was built for is not known: it runs on any.
    ImageInfo { id: image_id(reference), digest: Some(digest), architecture: String::new() }
}

/// The same made-up hash for the same image each time.
fn hash(kind: &str, reference: &str) -> String {
    let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(reference).finalize();
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}
