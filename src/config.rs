//! What the user can set, after the command line and the environment were read.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::identity::credentials::Credentials;
use crate::identity::{AccountId, Region};
use crate::inside::ContainerEndpoint;
use crate::s3::S3Source;
use crate::services::ecs::access_point::AccessPoint;
use crate::services::ecs::images::PullBehavior;
use crate::services::ecs::network::VpcRange;
use crate::services::ecs::resources::container_instance::addresses::InstanceAddresses;

/// Settings that operations and reconcilers read; fixed while the server runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The account of requests whose access key id is not an account id.
    pub account: AccountId,
    /// The region of requests that are not signed.
    pub region: Region,
    /// How long a stopped task can still be described; about an hour on AWS.
    pub stopped_task_retention: Duration,
    /// The default VPC's addresses: a /16, moved to the next free one when the engine has a network there.
    pub vpc_cidr: String,
    /// The addresses that the default VPC got.
    pub vpc_range: VpcRange,
    /// Where ports of containers are published on the host.
    pub publish_address: IpAddr,
    /// What container instances have addresses of for their tasks' host ports; `None` publishes all on
    /// `publish_address`.
    pub instance_addresses: Option<InstanceAddresses>,
    /// Whether a container instance is made when tasks find none with room.
    pub auto_instances: bool,
    /// What the access points of file systems stand for; others are directories called like them.
    pub access_points: Vec<AccessPoint>,
    /// When images are pulled that are here.
    pub image_pull_behavior: PullBehavior,
    /// A registry (`host:port`) that has the images of Amazon ECR.
    pub ecr_mirror: Option<String>,
    /// How long a pull may take before it counts as failed.
    pub image_pull_timeout: Duration,
    /// How often a failed pull is tried before the task fails.
    pub image_pull_attempts: u32,
    /// The size of a container instance that is registered without `totalResources`.
    pub engine: EngineSize,
    /// Names by which clients may call the server, besides loopback, IP addresses and its own: `localecs.test`,
    /// `.example.com` (and all names under it), `*`. See [`crate::http::guard`].
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call the server, by origin (`http://localhost:3000`), or `*`.
    pub allowed_origins: Vec<String>,
    /// The largest request body in bytes, after decompression; larger ones are refused.
    pub body_limit: usize,
    /// Where environment files are read from.
    pub s3: S3Source,
    /// Whether containers find their metadata and credentials at 169.254.170.2.
    pub task_endpoint: bool,
    /// What AWS_ENDPOINT_URL is in containers.
    pub container_endpoint: ContainerEndpoint,
    /// With access keys, every request must be signed with one of them; `None` accepts all without a look.
    pub verify_signatures: Option<Credentials>,
    /// `http://host:port` of another emulator, which gets the requests for services that LocalECS does not have.
    pub upstream_endpoint: Option<String>,
    /// `host:port` of a Lambda API, which lifecycle hooks of deployments are invoked at.
    pub lambda_endpoint: Option<String>,
    /// Whether roles must exist, be trusted and have the permissions that a task needs of them, as on AWS.
    pub strict_iam: bool,
}

/// What the machine that runs the containers has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineCapacity {
    pub cpus: u32,
    pub memory_mib: u32,
}

impl Default for EngineCapacity {
    /// For when the engine does not answer.
    fn default() -> Self {
        Self { cpus: 4, memory_mib: 8192 }
    }
}

/// How long who needs the engine's size waits for it.
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);

/// What the engine has, once it said so: the server does not wait for that to start.
#[derive(Clone, Debug)]
pub struct EngineSize {
    told: Arc<watch::Sender<Option<EngineCapacity>>>,
}

impl EngineSize {
    /// Not known yet.
    #[must_use]
    pub fn unknown() -> Self {
        Self { told: Arc::new(watch::Sender::new(None)) }
    }

    /// The engine said what it has.
    pub fn tell(&self, capacity: EngineCapacity) {
        self.told.send_replace(Some(capacity));
    }

    /// What it has; waits a moment for an engine that has not answered yet.
    pub async fn get(&self) -> EngineCapacity {
        let mut told = self.told.subscribe();
        match tokio::time::timeout(ENGINE_PATIENCE, told.wait_for(Option::is_some)).await {
            Ok(Ok(capacity)) => capacity.unwrap_or_default(),
            _ => EngineCapacity::default(),
        }
    }
}

impl Default for EngineSize {
    /// Known to be the default size.
    fn default() -> Self {
        let size = Self::unknown();
        size.tell(EngineCapacity::default());
        size
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: AccountId::DEFAULT,
            region: Region::new("us-east-1"),
            stopped_task_retention: Duration::from_secs(3600),
            vpc_cidr: "10.192.0.0/16".to_owned(),
            vpc_range: VpcRange::default(),
            publish_address: IpAddr::from([127, 0, 0, 1]),
            instance_addresses: None,
            auto_instances: false,
            access_points: Vec::new(),
            image_pull_behavior: PullBehavior::default(),
            ecr_mirror: None,
            image_pull_timeout: Duration::from_secs(600),
            image_pull_attempts: 5,
            engine: EngineSize::default(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1024 * 1024,
            s3: S3Source::Nowhere,
            task_endpoint: true,
            container_endpoint: ContainerEndpoint::Own,
            verify_signatures: None,
            upstream_endpoint: None,
            lambda_endpoint: None,
            strict_iam: false,
        }
    }
}
