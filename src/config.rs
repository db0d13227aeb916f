//! What the user can set, after the command line and the environment were read.

use std::net::IpAddr;
use std::time::Duration;

use crate::identity::credentials::Credentials;
use crate::identity::{AccountId, Region};

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
    /// Where ports of containers are published on the host.
    pub publish_address: IpAddr,
    /// How long a pull may take before it counts as failed.
    pub image_pull_timeout: Duration,
    /// How often a failed pull is tried before the task fails.
    pub image_pull_attempts: u32,
    /// The size of a container instance that is registered without `totalResources`.
    pub engine: EngineCapacity,
    /// Names by which clients may call the server, besides loopback, IP addresses and its own: `localecs.test`,
    /// `.example.com` (and all names under it), `*`. See [`crate::http::guard`].
    pub allowed_hosts: Vec<String>,
    /// Web pages that may call the server, by origin (`http://localhost:3000`), or `*`.
    pub allowed_origins: Vec<String>,
    /// The largest request body in bytes, after decompression; larger ones are refused.
    pub body_limit: usize,
    /// With access keys, every request must be signed with one of them; `None` accepts all without a look.
    pub verify_signatures: Option<Credentials>,
}

/// What the machine that runs the containers has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineCapacity {
    pub cpus: u32,
    pub memory_mib: u32,
}

impl Default for EngineCapacity {
    /// For when the engine did not answer yet.
    fn default() -> Self {
        Self { cpus: 4, memory_mib: 8192 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: AccountId::DEFAULT,
            region: Region::new("us-east-1"),
            stopped_task_retention: Duration::from_secs(3600),
            vpc_cidr: "10.192.0.0/16".to_owned(),
            publish_address: IpAddr::from([127, 0, 0, 1]),
            image_pull_timeout: Duration::from_secs(600),
            image_pull_attempts: 5,
            engine: EngineCapacity::default(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1024 * 1024,
            verify_signatures: None,
        }
    }
}
