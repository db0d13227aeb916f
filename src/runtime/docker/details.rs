//! What only a container's own metadata shows of it, and its statistics.

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{InspectContainerOptionsBuilder, StatsOptionsBuilder};
use futures_util::stream::{BoxStream, StreamExt};

use super::errors::{CallError, within};
use super::observe::timestamp;
use super::{Engine, limits};
use crate::runtime::{ContainerDetails, ContainerId, ContainerStats, MountedAt, Result};

impl Engine {
    pub(super) async fn container_details(&self, id: &ContainerId) -> Result<Option<ContainerDetails>> {
        let options = InspectContainerOptionsBuilder::new().size(true).build();
        match within(limits::INSPECT, self.docker.inspect_container(id.as_str(), Some(options))).await {
            Ok(inspected) => Ok(Some(details(inspected))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.other()),
        }
    }

    pub(super) fn container_stats(&self, id: &ContainerId) -> BoxStream<'static, Result<ContainerStats>> {
        let options = StatsOptionsBuilder::new().stream(true).build();
        let stats = self.docker.stats(id.as_str(), Some(options));
        stats.map(|stats| stats.map_err(|error| CallError::from(error).other())).boxed()
    }
}

fn details(inspected: ContainerInspectResponse) -> ContainerDetails {
    let config = inspected.config.unwrap_or_default();
    let settings = inspected.network_settings.unwrap_or_default();
    let log = inspected.host_config.and_then(|host| host.log_config).unwrap_or_default();
    let mounts = inspected.mounts.unwrap_or_default().into_iter().map(|mount| MountedAt {
        name: mount.name.filter(|name| !name.is_empty()),
        source: mount.source.unwrap_or_default(),
        destination: mount.destination.unwrap_or_default(),
    });
    ContainerDetails {
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: inspected.image.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        created_at: timestamp(inspected.created.map(|created| created.to_string()).as_deref()),
        addresses: settings
            .networks
            .into_iter()
            .flatten()
            .filter_map(|(_, endpoint)| endpoint.ip_address?.parse().ok())
            .collect(),
        mounts: mounts.collect(),
        log_driver: log.typ.unwrap_or_default(),
        log_options: log.config.unwrap_or_default().into_iter().collect(),
        written_bytes: inspected.size_rw.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
    }
}
