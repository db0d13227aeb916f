//! What runs containers: a small trait, implemented by [`docker`] for real and by [`simulated`] for tests.
//!
//! All calls are idempotent as far as the engine allows (removing what is gone succeeds), and none decides
//! anything: the ECS agent (`services/ecs/agent`) says what to do, and learns what happened from [`RuntimeEvent`]s.

mod details;
pub mod docker;
mod exec;
mod linux;
mod logs;
pub mod simulated;
mod volumes;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

pub use self::details::{ContainerDetails, ContainerStats, MountedAt};
pub use self::exec::{Exec, ExecEnd, ExecInput, ExecOutput, ExecSpec};
pub use self::linux::{Device, IpcNamespace, LinuxOptions, ProcessNamespace, Ulimit};
pub use self::logs::{LogDriver, LogOptions, LogRecord, LogRecords, LogSource, LogsRequest};
pub use self::volumes::{Mount, MountSource, Permissions, VolumeObservation, VolumeSource, VolumeSpec, VolumesFrom};
use crate::time::Timestamp;

/// The label that ties a container, network or volume to the store that knows it.
pub const STORE_LABEL: &str = "localecs.store";
/// What the container is for: `container` (of a task), `pause` (owns the network namespace of a task, or of daemons).
pub const ROLE_LABEL: &str = "localecs.role";
/// How long a volume lives: `task` (gone with its task) or `shared` (stays).
pub const SCOPE_LABEL: &str = "localecs.scope";
/// The container owns the namespace of the daemons of the container instance with this ARN.
pub const DAEMONS_LABEL: &str = "localecs.daemons";
/// At which address of the VPC the task of a pause container finds the daemons of its container instance.
pub const DAEMONS_ADDRESS_LABEL: &str = "localecs.daemons-address";
/// AWS's own labels, as the ECS agent sets them.
pub const TASK_ARN_LABEL: &str = "com.amazonaws.ecs.task-arn";
pub const CLUSTER_LABEL: &str = "com.amazonaws.ecs.cluster";
pub const CONTAINER_NAME_LABEL: &str = "com.amazonaws.ecs.container-name";
pub const FAMILY_LABEL: &str = "com.amazonaws.ecs.task-definition-family";
pub const REVISION_LABEL: &str = "com.amazonaws.ecs.task-definition-version";
/// The name the ECS agent gives a task's pause container.
pub const PAUSE_CONTAINER_NAME: &str = "~internal~ecs~pause";

pub type Result<T, E = RuntimeError> = std::result::Result<T, E>;

/// The engine's name for a container (64 hexadecimal digits on Docker).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub Arc<str>);

impl ContainerId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ContainerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What went wrong, sorted by what the agent says about it. `message` is the engine's own text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// The registry or the engine does not have the image, or could not fetch it.
    /// `manifest` when not even the image's manifest could be had.
    #[error("{message}")]
    Pull { message: String, retryable: bool, manifest: bool },
    /// The container could not be created (bad option, name taken, no such image).
    #[error("{message}")]
    Create { message: String },
    /// The container was created but its process could not be started.
    #[error("{message}")]
    Start { message: String },
    #[error("{message}")]
    Stop { message: String },
    /// A network could not be made, or the container could not be attached to it. `overlap` when its addresses
    /// are taken by another network: choose others.
    #[error("{message}")]
    Network { message: String, overlap: bool },
    /// A volume could not be made or removed.
    #[error("{message}")]
    Volume { message: String },
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    /// The call took too long; whether it had an effect is unknown.
    #[error("timed out after waiting {0:?}")]
    Timeout(Duration),
    /// The engine does not answer: try again when it is back.
    #[error("the container engine does not answer: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Other(String),
}

/// What the engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuntimeInfo {
    /// `docker`, `podman` or `simulated`.
    pub engine: String,
    pub version: String,
    pub api_version: String,
    /// CPUs the engine can use, in whole cores.
    pub cpus: u32,
    pub memory_bytes: u64,
    /// As Docker names it: `x86_64`, `aarch64`.
    pub architecture: String,
    pub operating_system: String,
    /// Whether the addresses of containers can be reached from this process.
    pub routes_to_containers: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ImageInfo {
    /// `sha256:...` of the image's configuration.
    pub id: String,
    /// `sha256:...` of the manifest, where the engine knows one (pulled images only).
    pub digest: Option<String>,
    /// As in OCI: `amd64`, `arm64`; empty when it is not known.
    pub architecture: String,
}

/// What a registry asks for; never logged.
#[derive(Clone)]
pub struct RegistryAuth {
    pub username: String,
    pub password: String,
}

impl std::fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryAuth").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A container port to publish; `host_port` `None` lets the engine choose a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPublication {
    pub container_port: u16,
    pub protocol: Protocol,
    pub host_ip: IpAddr,
    pub host_port: Option<u16>,
}

/// Where a published port ended up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    pub container_port: u16,
    pub protocol: Protocol,
    pub host_ip: IpAddr,
    pub host_port: u16,
}

/// How a container is connected.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ContainerNetwork {
    /// The engine's default bridge.
    #[default]
    Bridge,
    Host,
    None,
    /// A network made by [`ContainerRuntime::ensure_network`], at this address.
    Attached {
        network: String,
        address: Ipv4Addr,
    },
    /// The network namespace of another container.
    Container(ContainerId),
}

/// All the agent asks of a new container. What is `None` or empty is left to the image or the engine.
#[derive(Clone, PartialEq, Default)]
pub struct ContainerSpec {
    pub name: String,
    pub image: ImageSource,
    pub entry_point: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    /// `NAME=value`
    pub environment: Vec<String>,
    pub working_directory: Option<String>,
    pub user: Option<String>,
    pub hostname: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Relative weight (Docker's CpuShares).
    pub cpu_shares: Option<i64>,
    /// Hard limit in billionths of a CPU (Docker's NanoCpus).
    pub nano_cpus: Option<i64>,
    /// Hard limit in bytes: beyond it the container is killed.
    pub memory_bytes: Option<i64>,
    /// Soft limit in bytes.
    pub memory_reservation_bytes: Option<i64>,
    pub network: ContainerNetwork,
    pub publish: Vec<PortPublication>,
    pub stop_timeout: Option<Duration>,
    /// `None`: it has none, whatever its image says.
    pub health_check: Option<HealthCheck>,
    pub linux: LinuxOptions,
    pub log: LogDriver,
    pub mounts: Vec<Mount>,
    pub volumes_from: Vec<VolumesFrom>,
}

/// Without the environment, which has secrets in it.
impl std::fmt::Debug for ContainerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContainerSpec")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("entry_point", &self.entry_point)
            .field("command", &self.command)
            .field("labels", &self.labels)
            .field("network", &self.network)
            .field("publish", &self.publish)
            .field("linux", &self.linux)
            .finish_non_exhaustive()
    }
}

/// A command that the engine runs inside the container every now and then.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// As Docker takes it: `CMD` and the words of a command, `CMD-SHELL` and a line for the container's shell, or `NONE`.
    pub command: Vec<String>,
    pub interval: Duration,
    pub timeout: Duration,
    /// So many failures in a row make it unhealthy.
    pub retries: u32,
    /// Failures count from then on.
    pub start_period: Duration,
}

impl HealthCheck {
    /// Whether it says that there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.command.first().is_none_or(|word| word == "NONE")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// An image by the name a task definition gives.
    Reference(String),
    /// The built-in image of the pause container; the runtime makes it when it is missing.
    Pause,
}

impl Default for ImageSource {
    fn default() -> Self {
        Self::Reference(String::new())
    }
}

/// What is known of a container, as read from the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerObservation {
    pub id: ContainerId,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub image_id: String,
    pub state: ObservedState,
    /// The published ports; empty until it runs.
    pub ports: Vec<PublishedPort>,
    /// Its own address on the network it was attached to; `None` when it shares another's or is not running.
    pub address: Option<IpAddr>,
    pub mac_address: Option<String>,
    pub health: ObservedHealth,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedState {
    Created,
    Running { started_at: Option<Timestamp> },
    Exited(Exit),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub exit_code: i32,
    /// Killed because it went over its memory limit.
    pub oom_killed: bool,
    /// The engine's own complaint, if the process never ran.
    pub error: Option<String>,
    /// When it was started the last time; a container that is started again has another.
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// The verdict of a container's health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ObservedHealth {
    /// It has none.
    #[default]
    None,
    Starting,
    Healthy,
    Unhealthy,
}

/// A network that tasks in awsvpc mode live on. All zones' subnets are ranges of one such network, so that tasks
/// in different subnets reach each other, as they do in a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    pub name: String,
    /// CIDR, such as `10.192.0.0/16`.
    pub cidr: String,
    pub gateway: Ipv4Addr,
    pub labels: BTreeMap<String, String>,
}

/// News from the engine about a container of this store.
#[derive(Clone, Debug, PartialEq)]
pub enum RuntimeEvent {
    /// Something about the container changed; this is what holds now.
    Changed(Box<ContainerObservation>),
    Removed {
        id: ContainerId,
        labels: BTreeMap<String, String>,
    },
    /// Events may have been missed (the engine was away): list the containers anew.
    Resync,
}

/// An engine that runs containers for one store (whose id every container, network and volume carries).
#[async_trait]
pub trait ContainerRuntime: Send + Sync + 'static {
    /// # Errors
    /// [`RuntimeError::Unavailable`] when the engine does not answer.
    async fn info(&self) -> Result<RuntimeInfo>;

    /// What the engine has under the name `reference`, without asking any registry. `labels` are those of the
    /// container that wants the image: the simulated runtime reads its script there, others ignore them.
    async fn inspect_image(&self, reference: &str, labels: &BTreeMap<String, String>) -> Result<Option<ImageInfo>>;

    /// Fetches the image once (the caller tries again); progress goes to the log. `labels` as in
    /// [`ContainerRuntime::inspect_image`]. `platform` (`linux/arm64`) chooses among the images of one name; the
    /// engine's own otherwise.
    async fn pull_image(
        &self,
        reference: &str,
        labels: &BTreeMap<String, String>,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo>;

    /// Gives an image of the engine one more name, which must have no digest.
    async fn tag_image(&self, reference: &str, name: &str) -> Result<()>;

    /// Creates a container. The store's label is added by the runtime. If one of that name exists already (a call
    /// whose answer was lost), its id is returned.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId>;

    /// Starts it and returns what is then known of it: ports and address are filled in when it still runs. Starting
    /// a running container succeeds.
    async fn start_container(&self, id: &ContainerId) -> Result<ContainerObservation>;

    /// Sends the stop signal, kills after `grace`, and returns how it ended. Stopping a stopped container returns
    /// its exit; one that was never started or is gone has none.
    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<Option<Exit>>;

    /// Removes it, running or not, with its anonymous volumes. One that is gone is fine.
    async fn remove_container(&self, id: &ContainerId) -> Result<()>;

    async fn inspect_container(&self, id: &ContainerId) -> Result<Option<ContainerObservation>>;

    /// What its metadata shows; `None` when there is no such container.
    async fn container_details(&self, id: &ContainerId) -> Result<Option<ContainerDetails>>;

    /// What it uses, once a second for as long as the stream is kept and the container is there.
    fn container_stats(&self, id: &ContainerId) -> BoxStream<'static, Result<ContainerStats>>;

    /// The address at which containers reach this process; `None` where they can't, or there are none.
    fn link_local(&self) -> Option<docker::LinkLocal> {
        None
    }

    /// Every container of this store, stopped ones too.
    async fn list_containers(&self) -> Result<Vec<ContainerObservation>>;

    /// What a container printed, and with `follow` what it prints. Fails where the driver that keeps its output can't
    /// be read.
    async fn logs(&self, id: &ContainerId, request: &LogsRequest) -> Result<LogRecords>;

    /// Runs a command inside a running container, at a terminal of its own.
    ///
    /// # Errors
    /// [`RuntimeError::NoSuchContainer`], or [`RuntimeError::Other`] with the engine's words when it does not run. A
    /// command that can't be run is none: it ends as [`ExecEnd::NotStarted`].
    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<Exec>;

    /// Puts a file that everybody may read into a container, running or not; directories above it are made. `path` is
    /// absolute, of at most 100 bytes.
    async fn put_file(&self, id: &ContainerId, path: &str, content: &[u8]) -> Result<()>;

    /// Makes the network unless it exists. Idempotent by name.
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<()>;

    /// Removes a network by name; one that is gone is fine.
    async fn remove_network(&self, name: &str) -> Result<()>;

    /// The names and CIDRs of this store's networks.
    async fn list_networks(&self) -> Result<Vec<(String, String)>>;

    /// Makes the volume unless one of that name exists; then it is left as it is, whoever made it.
    async fn ensure_volume(&self, spec: &VolumeSpec) -> Result<VolumeObservation>;

    /// The volume of that name, whoever made it.
    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeObservation>>;

    /// Removes a volume of this store with all that is in it; one that is gone, or somebody else's, is left alone.
    ///
    /// # Errors
    /// [`RuntimeError::Volume`] while a container uses it.
    async fn remove_volume(&self, name: &str) -> Result<()>;

    /// Every volume of this store, by name.
    async fn list_volumes(&self) -> Result<Vec<VolumeObservation>>;

    /// The events from now on. The first thing a new subscriber gets is [`RuntimeEvent::Resync`].
    fn subscribe(&self) -> mpsc::UnboundedReceiver<RuntimeEvent>;

    /// Injects a fault, where the runtime can be told to fail.
    ///
    /// # Errors
    /// [`RuntimeError::Other`] on a runtime whose containers fail on their own account only.
    fn inject(&self, fault: Fault) -> Result<()> {
        let _ = fault;
        Err(RuntimeError::Other("faults can only be injected into the simulated runtime (--runtime simulated)".into()))
    }
}

/// A failure to act out (simulated runtime only).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fault {
    /// Pulls of images whose name contains `image` fail; the next `times`, or all.
    PullFails {
        image: String,
        message: Option<String>,
        times: Option<u32>,
    },
    CreateFails {
        image: String,
        message: Option<String>,
        times: Option<u32>,
    },
    StartFails {
        image: String,
        message: Option<String>,
        times: Option<u32>,
    },
    /// The running container ends with this code.
    Exit {
        container: String,
        exit_code: i32,
    },
    /// The running container is killed for its memory use.
    OutOfMemory {
        container: String,
    },
    /// The running container's health check changes its verdict.
    Health {
        container: String,
        health: ObservedHealth,
    },
    /// The engine does not answer until [`Fault::EngineBack`].
    EngineGone,
    EngineBack,
    /// All faults that are still waiting to happen are forgotten.
    Clear,
}
