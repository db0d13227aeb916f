//! Containers on Docker Engine (20.10 and newer) or Podman, over their Docker-compatible API.
//!
//! - `connect`: finding the engine and agreeing on an API version;
//! - `create`, `linux`, `containers`, `observe`, `logs`: containers; `networks`; `volumes`; `images`, `pause`: images;
//! - `archive`: what is put into containers and images;
//! - `events`, `inspections`: the event stream; `exec`: commands inside containers;
//! - `details`: what a container's metadata shows of it; `link_local`: the address at which it finds that;
//! - `reach`: whether addresses of containers can be reached from here;
//! - `errors`, `limits`: what calls may say and how long they may take;
//! - [`doctor`]: what could be wrong with the engine, for people.
//!
//! Whatever it makes carries the label [`STORE_LABEL`] with the store's id, and it touches nothing that does not.
//! See <https://docs.docker.com/reference/api/engine/version/v1.41/>.

mod archive;
mod connect;
mod containers;
mod create;
mod details;
pub mod doctor;
mod errors;
mod events;
mod exec;
mod images;
mod inspections;
mod limits;
mod link_local;
mod linux;
mod listen;
mod logs;
mod networks;
mod observe;
mod pause;
mod reach;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::SystemVersion;
use bollard::query_parameters::ListNetworksOptions;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use self::connect::{ConnectOptions, Endpoint, OLDEST_API};
use self::errors::{CallError, within};
pub use self::link_local::{ADDRESS as LINK_LOCAL_ADDRESS, LinkLocal, NETWORK as LINK_LOCAL_NETWORK};
pub use self::listen::own_container;
pub use self::reach::is_own_address;
use super::{
    ContainerDetails, ContainerId, ContainerObservation, ContainerRuntime, ContainerSpec, ContainerStats, Exec,
    ExecSpec, Exit, ImageInfo, LogRecords, LogsRequest, NetworkSpec, RegistryAuth, Result, RuntimeEvent, RuntimeInfo,
    STORE_LABEL, VolumeObservation, VolumeSpec,
};
use crate::time::stopwatch;

/// Runs the containers of one store on an engine. Its task that reads the engine's events ends when it is dropped.
pub struct DockerRuntime {
    engine: Arc<Engine>,
    tokio: Handle,
    /// The task that reads events; started for the first subscriber.
    reader: Mutex<Option<AbortHandle>>,
}

/// The engine, and what is remembered about it.
struct Engine {
    docker: Docker,
    endpoint: Endpoint,
    /// What it said when it was found.
    version: SystemVersion,
    store: Arc<str>,
    pause: pause::PauseImage,
    /// Containers that were seen with this store's label.
    ours: Mutex<HashSet<ContainerId>>,
    /// Containers that the engine said ran out of memory, since they were last started.
    out_of_memory: Mutex<HashSet<ContainerId>>,
    making_networks: tokio::sync::Mutex<()>,
    making_volumes: tokio::sync::Mutex<()>,
    subscribers: events::Subscribers,
}

/// An engine that answered.
pub struct FoundEngine(connect::Connection);

impl DockerRuntime {
    /// [`DockerRuntime::find`] and [`DockerRuntime::of`] in one.
    ///
    /// # Errors
    /// As [`DockerRuntime::find`].
    pub async fn connect(store_id: &str, options: &ConnectOptions) -> Result<Self> {
        Ok(Self::of(Self::find(options).await?, store_id))
    }

    /// Finds the engine, in one round trip when the first place to look is right. To be called within Tokio.
    ///
    /// # Errors
    /// [`Unavailable`](super::RuntimeError::Unavailable) when no engine answers, with all that was tried.
    pub async fn find(options: &ConnectOptions) -> Result<FoundEngine> {
        let found = connect::connect(options).await?;
        tracing::debug!(
            endpoint = %found.endpoint,
            version = found.version.version.as_deref().unwrap_or_default(),
            api_version = found.version.api_version.as_deref().unwrap_or_default(),
            "connected to the container engine"
        );
        Ok(FoundEngine(found))
    }

    /// The runtime of one store on an engine. To be called within Tokio.
    #[must_use]
    pub fn of(FoundEngine(found): FoundEngine, store_id: &str) -> Self {
        Self {
            engine: Arc::new(Engine {
                docker: found.docker,
                endpoint: found.endpoint,
                version: found.version,
                store: Arc::from(store_id),
                pause: pause::PauseImage::default(),
                ours: Mutex::default(),
                out_of_memory: Mutex::default(),
                making_networks: tokio::sync::Mutex::default(),
                making_volumes: tokio::sync::Mutex::default(),
                subscribers: events::Subscribers::default(),
            }),
            tokio: Handle::current(),
            reader: Mutex::default(),
        }
    }

    /// How the engine is reached.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.engine.endpoint
    }
}

impl Drop for DockerRuntime {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.get_mut().take() {
            reader.abort();
        }
    }
}

impl Engine {
    fn is_podman(&self) -> bool {
        connect::engine_name(&self.version) == "podman"
    }

    /// The label filter that shows this store's objects only.
    fn store_filter(&self) -> String {
        format!("{STORE_LABEL}={}", self.store)
    }

    async fn info(&self) -> Result<RuntimeInfo> {
        let (info, version, networks) = tokio::try_join!(
            within(limits::INSPECT, self.docker.info()),
            within(limits::INSPECT, self.docker.version()),
            within(limits::LIST, self.docker.list_networks(None::<ListNetworksOptions>)),
        )
        .map_err(CallError::other)?;
        let situation = reach::Situation {
            engine_is_local: self.endpoint.is_local(),
            engine_os: info.os_type.as_deref().unwrap_or_default(),
            gateways: reach::gateways(&networks),
        };
        Ok(RuntimeInfo {
            engine: connect::engine_name(&version).to_owned(),
            routes_to_containers: reach::routes_to_containers(&situation, is_own_address),
            version: version.version.unwrap_or_default(),
            api_version: version.api_version.unwrap_or_default(),
            cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1),
            memory_bytes: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
            architecture: info.architecture.unwrap_or_default(),
            operating_system: info.operating_system.unwrap_or_default(),
        })
    }
}

/// In the form the engine's filters have: several values for each name.
fn filters<const N: usize>(pairs: [(&str, String); N]) -> HashMap<String, Vec<String>> {
    let mut filters: HashMap<String, Vec<String>> = HashMap::new();
    for (name, value) in pairs {
        filters.entry(name.to_owned()).or_default().push(value);
    }
    filters
}

#[async_trait]
impl ContainerRuntime for DockerRuntime {
    async fn info(&self) -> Result<RuntimeInfo> {
        self.engine.info().await
    }

    async fn inspect_image(&self, reference: &str, _labels: &BTreeMap<String, String>) -> Result<Option<ImageInfo>> {
        self.engine.inspect_image(reference).await
    }

    async fn pull_image(
        &self,
        reference: &str,
        _labels: &BTreeMap<String, String>,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo> {
        self.engine.pull_image(reference, platform, auth).await
    }

    async fn tag_image(&self, reference: &str, name: &str) -> Result<()> {
        self.engine.tag_image(reference, name).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        self.engine.create_container(spec).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<ContainerObservation> {
        self.engine.start_container(id).await
    }

    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<Option<Exit>> {
        self.engine.stop_container(id, grace).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<()> {
        self.engine.remove_container(id).await
    }

    async fn inspect_container(&self, id: &ContainerId) -> Result<Option<ContainerObservation>> {
        self.engine.inspect(id.as_str()).await
    }

    async fn container_details(&self, id: &ContainerId) -> Result<Option<ContainerDetails>> {
        self.engine.container_details(id).await
    }

    fn container_stats(&self, id: &ContainerId) -> BoxStream<'static, Result<ContainerStats>> {
        self.engine.container_stats(id)
    }

    fn link_local(&self) -> Option<LinkLocal> {
        // An engine on another machine has its addresses there.
        self.engine.endpoint.is_local().then(|| LinkLocal(self.engine.clone()))
    }

    async fn list_containers(&self) -> Result<Vec<ContainerObservation>> {
        self.engine.list_containers().await
    }

    async fn logs(&self, id: &ContainerId, request: &LogsRequest) -> Result<LogRecords> {
        self.engine.logs(id, request).await
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<Exec> {
        self.engine.clone().exec(id, spec).await
    }

    async fn put_file(&self, id: &ContainerId, path: &str, content: &[u8]) -> Result<()> {
        self.engine.put_file(id, path, content).await
    }

    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<()> {
        self.engine.ensure_network(spec).await
    }

    async fn remove_network(&self, name: &str) -> Result<()> {
        self.engine.remove_network(name).await
    }

    async fn list_networks(&self) -> Result<Vec<(String, String)>> {
        self.engine.list_networks().await
    }

    async fn ensure_volume(&self, spec: &VolumeSpec) -> Result<VolumeObservation> {
        self.engine.ensure_volume(spec).await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeObservation>> {
        self.engine.inspect_volume(name).await
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        self.engine.remove_volume(name).await
    }

    async fn list_volumes(&self) -> Result<Vec<VolumeObservation>> {
        self.engine.list_volumes().await
    }

    fn subscribe(&self) -> mpsc::UnboundedReceiver<RuntimeEvent> {
        let receiver = self.engine.subscribers.add();
        let mut reader = self.reader.lock();
        if reader.is_none() {
            let task = self.tokio.spawn(events::run(self.engine.clone(), stopwatch()));
            *reader = Some(task.abort_handle());
        }
        receiver
    }
}
