//! What is known of a container for its own metadata only.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::time::Timestamp;

/// What only a container's own metadata shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ContainerDetails {
    pub name: String,
    /// `sha256:...`
    pub image_id: String,
    pub labels: BTreeMap<String, String>,
    pub created_at: Option<Timestamp>,
    /// Its own addresses; none while it does not run or shares another's.
    pub addresses: Vec<IpAddr>,
    pub mounts: Vec<MountedAt>,
    /// As the engine names it: `json-file`.
    pub log_driver: String,
    pub log_options: BTreeMap<String, String>,
    /// What it has written to its own layer.
    pub written_bytes: u64,
}

/// A volume or a path of the host in a container.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MountedAt {
    /// Of the volume.
    pub name: Option<String>,
    pub source: String,
    pub destination: String,
}

/// What the engine measures of a container, in Docker's own form, which is the one that containers are shown:
/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats>
pub type ContainerStats = bollard::models::ContainerStatsResponse;
