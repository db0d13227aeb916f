//! Virtual container instances on request: added, listed and removed through the admin API and `localecs instances`, and
//! brought about by a configuration file. docs/instances.md describes them.

pub mod faults;
pub mod file;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use api_models::Unexpected;
use api_models::ecs::{Attribute, Tag};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::identity::{AccountId, Region, Scope};
use crate::services::Shared;
use crate::services::ec2::instance_types::{self, InstanceType};
use crate::services::ecs::network;
use crate::services::ecs::resources::container_instance::attributes::attribute;
use crate::services::ecs::resources::container_instance::launch::{LaunchError, NewInstance, launch};
use crate::services::ecs::resources::container_instance::{Loads, Origin, ending};
use crate::services::ecs::resources::lookup::DEFAULT_CLUSTER;
use crate::services::ecs::resources::{ClusterKey, ContainerInstance};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute as value_of};
use crate::store::{State, Transaction};

/// So many at once: what a cluster can have.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const MAX_COUNT: usize = 5000;

/// Instances that somebody asks for, in JSON or TOML.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Those of the server when nothing is said.
    pub account: Option<AccountId>,
    pub region: Option<String>,
    /// Its name; `default` when nothing is said.
    pub cluster: Option<String>,
    /// `m5.large`
    #[serde(rename = "type")]
    pub instance_type: String,
    /// They go round these; round all of the region when there are none.
    #[serde(default)]
    pub zones: Vec<String>,
    #[serde(default = "one")]
    pub count: usize,
    /// Custom attributes.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

fn one() -> usize {
    1
}

/// Why nothing was added or removed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no instance type {name}{}", hint(similar))]
    NoType { name: String, similar: Vec<&'static str> },
    #[error("count is between 1 and {MAX_COUNT}")]
    Count,
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("there is no container instance {0}; `localecs instances list` shows them")]
    NoInstance(String),
    #[error("{0} is an EC2 instance: stop or end it with ec2 stop-instances or terminate-instances")]
    OfEc2(String),
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

fn hint(similar: &[&str]) -> String {
    if similar.is_empty() { String::new() } else { format!("; there are {} ...", similar.join(", ")) }
}

impl Wanted {
    /// The cluster meant.
    #[must_use]
    pub fn cluster(&self, config: &Config) -> ClusterKey {
        let region = self.region.as_deref().map_or_else(|| config.region.clone(), Region::new);
        let scope = Scope::new(self.account.unwrap_or(config.account), region);
        ClusterKey::new(&scope, self.cluster.as_deref().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CLUSTER))
    }

    fn instance_type(&self) -> Result<&'static InstanceType, Refusal> {
        instance_types::find(&self.instance_type).ok_or_else(|| Refusal::NoType {
            name: self.instance_type.clone(),
            similar: instance_types::similar(&self.instance_type),
        })
    }

    fn zones(&self, cluster: &ClusterKey) -> Vec<String> {
        if self.zones.is_empty() { network::zones(&cluster.scope.region) } else { self.zones.clone() }
    }

    /// One of them, in this zone.
    fn one(&self, cluster: ClusterKey, zone: &str, origin: Origin) -> Result<NewInstance, Refusal> {
        Ok(NewInstance {
            attributes: self.attributes(),
            tags: self.tags(),
            ..NewInstance::new(cluster, self.instance_type()?, zone, origin)
        })
    }

    fn attributes(&self) -> Vec<Attribute> {
        self.attributes.iter().map(|(name, value)| attribute(name, Some(value.as_str()))).collect()
    }

    fn tags(&self) -> Vec<Tag> {
        let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
        self.tags.iter().map(tag).collect()
    }
}

/// Adds all that are wanted, or none.
///
/// # Errors
/// What is wanted can't be.
pub fn add(tx: &mut Transaction, shared: &Shared, wanted: &Wanted) -> Result<Vec<ContainerInstance>, Refusal> {
    if !(1..=MAX_COUNT).contains(&wanted.count) {
        return Err(Refusal::Count);
    }
    let cluster = wanted.cluster(&shared.config);
    let zones = wanted.zones(&cluster);
    let zones = zones.iter().cycle().take(wanted.count);
    let one = |zone: &String| Ok(launch(tx, shared, wanted.one(cluster.clone(), zone, Origin::Added)?)?);
    zones.map(one).collect()
}

/// The instance with this EC2 instance id, container instance id or ARN, if it is not INACTIVE.
///
/// # Errors
/// There is none.
pub fn find(state: &State, named: &str) -> Result<ContainerInstance, Refusal> {
    let id = named.rsplit('/').next().unwrap_or(named);
    let is_meant = |instance: &&std::sync::Arc<ContainerInstance>| {
        instance.status != "INACTIVE" && (*instance.key.id == *id || instance.ec2_instance_id.as_deref() == Some(id))
    };
    let found = state.container_instances.values().find(is_meant);
    found.map(|found| ContainerInstance::clone(found)).ok_or_else(|| Refusal::NoInstance(named.to_owned()))
}

/// Terminates the instances named so, or none of them.
///
/// # Errors
/// One of them is not there.
pub fn remove(tx: &mut Transaction, shared: &Shared, named: &[String]) -> Result<Vec<ContainerInstance>, Refusal> {
    let now = shared.clock.now();
    let mut removed = Vec::new();
    for named in named {
        let found = find(tx, named)?;
        if found.origin == Origin::Ec2 {
            return Err(Refusal::OfEc2(named.clone()));
        }
        removed.extend(ending::terminate(tx, &found.key, now));
    }
    Ok(removed)
}

/// An instance, as the admin API shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub account: AccountId,
    pub region: String,
    pub cluster: String,
    pub container_instance_arn: String,
    pub ec2_instance_id: Option<String>,
    /// `m5.large`; nothing when the instance did not say.
    pub instance_type: Option<String>,
    pub zone: Option<String>,
    /// Where host ports of its tasks are found; where all are when there is none.
    pub address: Option<Ipv4Addr>,
    pub status: String,
    pub agent_connected: bool,
    /// CPU units and MiB: what it has, and has left.
    pub cpu: i32,
    pub remaining_cpu: i32,
    pub memory: i32,
    pub remaining_memory: i32,
    pub running_tasks: i32,
    pub pending_tasks: i32,
    /// How it came to be.
    pub origin: String,
}

impl Summary {
    #[must_use]
    pub fn of(instance: &ContainerInstance, loads: &Loads) -> Self {
        let (running_tasks, pending_tasks) = loads.of(&instance.key);
        Self {
            account: instance.key.scope.account,
            region: instance.key.scope.region.to_string(),
            cluster: instance.key.cluster.to_string(),
            container_instance_arn: instance.key.arn(),
            ec2_instance_id: instance.ec2_instance_id.clone(),
            instance_type: value_of(instance, "ecs.instance-type").map(str::to_owned),
            zone: value_of(instance, ZONE_ATTRIBUTE).map(str::to_owned),
            address: instance.address,
            status: instance.status.clone(),
            agent_connected: instance.agent_connected,
            cpu: instance.registered.cpu,
            remaining_cpu: instance.remaining.cpu,
            memory: instance.registered.memory,
            remaining_memory: instance.remaining.memory,
            running_tasks,
            pending_tasks,
            origin: instance.origin.as_str().to_owned(),
        }
    }
}

/// All instances that are not INACTIVE, of all accounts and regions; only those of clusters called `cluster`, if given.
#[must_use]
pub fn list(state: &State, cluster: Option<&str>) -> Vec<Summary> {
    let mut loads: Option<(ClusterKey, Loads)> = None;
    let mut summaries = Vec::new();
    for instance in state.container_instances.values() {
        if instance.status == "INACTIVE" || cluster.is_some_and(|name| *instance.key.cluster != *name) {
            continue;
        }
        // They come cluster by cluster.
        let key = instance.key.cluster();
        let (_, of_cluster) = match loads.take() {
            Some((known, of_cluster)) if known == key => loads.insert((known, of_cluster)),
            _ => {
                let of_cluster = Loads::of_cluster(state, &key);
                loads.insert((key, of_cluster))
            }
        };
        summaries.push(Summary::of(instance, of_cluster));
    }
    summaries
}

#[cfg(test)]
mod tests;
