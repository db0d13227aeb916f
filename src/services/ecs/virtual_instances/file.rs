//! The configuration file (`--config`): clusters and container instances that are there from the start.
//!
//! ```toml
//! [[instances]]
//! cluster = "dev"
//! type = "m5.large"
//! zones = ["us-east-1a", "us-east-1b"]
//! count = 4
//! ```
//!
//! Each start brings about what the file says: instances it made are kept, missing ones are made, and those it made and
//! does not name any more are terminated. Instances that came to be otherwise are none of its business.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use api_models::ecs::InvalidParameterException;
use serde::Deserialize;

use super::{MAX_COUNT, Refusal, Wanted};
use crate::services::Shared;
use crate::services::ecs::resources::cluster::checks;
use crate::services::ecs::resources::container_instance::launch::{LaunchError, launch};
use crate::services::ecs::resources::container_instance::{Origin, attributes, ending};
use crate::services::ecs::resources::{Cluster, ClusterKey, ClusterStatus, ContainerInstance, ContainerInstanceKey};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute as value_of};
use crate::store::Transaction;

/// What the file holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    pub instances: Vec<Wanted>,
}

/// What was done to bring it about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub kept: usize,
    pub made: usize,
    pub terminated: usize,
}

/// Reads the file.
///
/// # Errors
/// It can't be read, or is not what it should be; the message says where.
pub fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--config {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("--config {}", path.display()))
}

/// Where an instance of the file stands: instances in the same place are as good as each other.
type Spot = (ClusterKey, String, String);

/// Makes and terminates instances until those of the file are there, no more and no less. Clusters that are not there
/// are made too.
///
/// # Errors
/// Something in the file can't be; then nothing is changed.
pub fn bring_about(tx: &mut Transaction, shared: &Shared, file: &File) -> Result<Done, Refusal> {
    let mut present: BTreeMap<Spot, Vec<ContainerInstanceKey>> = BTreeMap::new();
    for instance in tx.container_instances.values() {
        if instance.origin == Origin::Configured && instance.status != "INACTIVE" {
            present.entry(spot_of(instance)).or_default().push(instance.key.clone());
        }
    }
    let mut done = Done::default();
    for wanted in &file.instances {
        if !(1..=MAX_COUNT).contains(&wanted.count) {
            return Err(Refusal::Count);
        }
        let cluster = wanted.cluster(&shared.config);
        ensure_cluster(tx, shared, &cluster)?;
        let zones = wanted.zones(&cluster);
        for zone in zones.iter().cycle().take(wanted.count) {
            let new = wanted.one(cluster.clone(), zone, Origin::Configured)?;
            let spot = (cluster.clone(), wanted.instance_type.clone(), zone.clone());
            match present.get_mut(&spot).and_then(Vec::pop) {
                Some(key) => {
                    refresh(tx, &key, wanted);
                    done.kept += 1;
                }
                None => {
                    launch(tx, shared, new)?;
                    done.made += 1;
                }
            }
        }
    }
    let now = shared.clock.now();
    for key in present.into_values().flatten() {
        done.terminated += usize::from(ending::terminate(tx, &key, now).is_some());
    }
    Ok(done)
}

fn spot_of(instance: &ContainerInstance) -> Spot {
    let value = |name| value_of(instance, name).unwrap_or_default().to_owned();
    (instance.key.cluster(), value("ecs.instance-type"), value(ZONE_ATTRIBUTE))
}

/// The file may say more of it than it did.
fn refresh(tx: &mut Transaction, key: &ContainerInstanceKey, wanted: &Wanted) {
    tx.update(key, |instance: &mut ContainerInstance| {
        let merged = attributes::merge(instance.attributes.to_vec(), wanted.attributes());
        let tags = wanted.tags();
        let changes = merged != *instance.attributes || (!tags.is_empty() && tags != instance.tags);
        if changes {
            instance.attributes = merged.into();
            instance.tags = tags;
            instance.version += 1;
        }
        changes
    });
}

fn ensure_cluster(tx: &mut Transaction, shared: &Shared, key: &ClusterKey) -> Result<(), Refusal> {
    if tx.clusters.get(key).is_some_and(|cluster| cluster.status == ClusterStatus::Active) {
        return Ok(());
    }
    let invalid = |error: InvalidParameterException| LaunchError::Invalid(error.message.unwrap_or_default());
    checks::check_name(&key.name).map_err(invalid)?;
    let settings = checks::default_settings(tx, &key.scope);
    tx.put(Cluster {
        key: key.clone(),
        status: ClusterStatus::Active,
        settings,
        configuration: None,
        capacity_providers: Vec::new(),
        default_capacity_provider_strategy: Vec::new(),
        service_connect_defaults: None,
        tags: Vec::new(),
        created_at: shared.clock.now(),
    });
    Ok(())
}
