//! Virtual instances: container instances of an EC2 instance type that nothing but LocalECS made. Each is a bounded share
//! of the local engine, and registers what an agent on such an EC2 instance would.
//!
//! [`launch`] is the one way to make one, whoever asks: the admin API, the configuration file, Auto Scaling groups,
//! capacity providers. [`ending`](super::ending) has the way back.

use std::collections::{BTreeMap, BTreeSet};

use api_models::ecs::{Attribute, Tag};
use sha2::{Digest, Sha256};

use super::registration::{self, Given, IdentityDocument, RESERVED_PORTS};
use super::{AttributeList, ContainerInstance, ContainerInstanceKey, Origin, Resources, addresses, attributes};
use crate::identity::Region;
use crate::ids::IdSource;
use crate::services::Shared;
use crate::services::ec2::instance_types::InstanceType;
use crate::services::ecs::network;
use crate::services::ecs::resources::{ClusterKey, ClusterStatus, tags};
use crate::store::{State, Transaction};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// The cluster it joins.
    pub cluster: ClusterKey,
    pub instance_type: &'static InstanceType,
    /// `us-east-1a`, of the cluster's region.
    pub zone: String,
    /// `i-...`; made up when `None`.
    pub ec2_instance_id: Option<String>,
    /// `ami-...`; that of the ECS-optimized image when `None`.
    pub image_id: Option<String>,
    /// The default subnet of its zone when `None`.
    pub subnet_id: Option<String>,
    /// MiB that the agent keeps back (`ECS_RESERVED_MEMORY`).
    pub reserved_memory: u32,
    /// Custom ones (`ECS_INSTANCE_ATTRIBUTES`); they win over those that follow from the type and the place.
    pub attributes: Vec<Attribute>,
    pub tags: Vec<Tag>,
    /// The name of the capacity provider it belongs to.
    pub capacity_provider: Option<String>,
    pub origin: Origin,
    /// It is REGISTERING until its daemons run.
    pub awaits_daemons: bool,
}

impl NewInstance {
    /// One of which only the necessary is said.
    #[must_use]
    pub fn new(cluster: ClusterKey, instance_type: &'static InstanceType, zone: &str, origin: Origin) -> Self {
        Self {
            cluster,
            instance_type,
            zone: zone.to_owned(),
            ec2_instance_id: None,
            image_id: None,
            subnet_id: None,
            reserved_memory: 0,
            attributes: Vec::new(),
            tags: Vec::new(),
            capacity_provider: None,
            origin,
            awaits_daemons: false,
        }
    }
}

/// Why there is no new instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    #[error("there is no cluster {name} in account {account} and region {region}")]
    NoCluster { name: String, account: String, region: String },
    #[error("there is no zone {zone} in {region}; it has {}", known.join(", "))]
    NoZone { zone: String, region: String, known: Vec<String> },
    /// Attributes or tags break ECS's rules; in ECS's words.
    #[error("{0}")]
    Invalid(String),
}

/// Makes the instance: ACTIVE and connected at once, unless daemons come first.
///
/// # Errors
/// The cluster or the zone is none, or attributes or tags break the rules; then nothing is written.
pub fn launch(tx: &mut Transaction, shared: &Shared, new: NewInstance) -> Result<ContainerInstance, LaunchError> {
    check(tx, &new)?;
    let instance = draft(tx, shared, new);
    tx.put(instance.clone());
    Ok(instance)
}

/// The instance as [`launch`] would make it; nothing is checked, and nothing is written.
#[must_use]
pub fn draft(state: &State, shared: &Shared, new: NewInstance) -> ContainerInstance {
    let scope = &new.cluster.scope;
    let ids = &shared.ids;
    let ec2_instance_id = new.ec2_instance_id.unwrap_or_else(|| ids.ec2_id("i"));
    let architecture = new.instance_type.architecture();
    let image_id = new.image_id.unwrap_or_else(|| optimized_image(&scope.region, architecture));
    let given = Given {
        document: IdentityDocument {
            instance_id: Some(ec2_instance_id.clone()),
            region: Some(scope.region.to_string()),
            availability_zone: Some(new.zone),
            instance_type: Some(new.instance_type.name.clone()),
            image_id: Some(image_id),
            architecture: Some(architecture.to_owned()),
        },
        subnet_id: new.subnet_id,
        attributes: new.attributes,
        version_info: None,
        resources: resources(new.instance_type, new.reserved_memory, ids),
    };
    let mut instance = ContainerInstance {
        key: ContainerInstanceKey {
            scope: scope.clone(),
            cluster: new.cluster.name.clone(),
            id: ids.resource_id().into(),
        },
        ec2_instance_id: Some(ec2_instance_id),
        status: if new.awaits_daemons { "REGISTERING" } else { "ACTIVE" }.to_owned(),
        status_reason: None,
        agent_connected: true,
        version_info: registration::default_version_info(),
        registered: given.resources.clone(),
        remaining: given.resources.clone(),
        attributes: AttributeList::default(),
        capacity_provider: new.capacity_provider,
        address: addresses::next(
            &state.instance_addresses,
            shared.config.publish_address,
            shared.config.instance_addresses,
        ),
        origin: new.origin,
        daemons: BTreeMap::new(),
        impaired: false,
        tags: new.tags,
        registered_at: shared.clock.now(),
        version: 0,
    };
    given.refresh(state, &mut instance);
    instance
}

fn check(state: &State, new: &NewInstance) -> Result<(), LaunchError> {
    let scope = &new.cluster.scope;
    let active = |cluster: &crate::services::ecs::resources::Cluster| cluster.status != ClusterStatus::Inactive;
    if !state.clusters.get(&new.cluster).is_some_and(|cluster| active(cluster)) {
        return Err(LaunchError::NoCluster {
            name: new.cluster.name.to_string(),
            account: scope.account.to_string(),
            region: scope.region.to_string(),
        });
    }
    let known = network::zones(&scope.region);
    if !known.contains(&new.zone) {
        return Err(LaunchError::NoZone { zone: new.zone.clone(), region: scope.region.to_string(), known });
    }
    let invalid = |error: api_models::ecs::InvalidParameterException| {
        LaunchError::Invalid(error.message.unwrap_or_else(|| "a parameter is invalid".to_owned()))
    };
    attributes::validate(&new.attributes).map_err(invalid)?;
    tags::validate(&new.tags).map_err(invalid)
}

/// What an instance of this type registers, with `reserved_memory` MiB kept back.
#[must_use]
pub fn resources(instance_type: &InstanceType, reserved_memory: u32, ids: &IdSource) -> Resources {
    let cap = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    // Only NVIDIA's are resources of ECS.
    let nvidia = instance_type.gpus.iter().filter(|gpu| gpu.maker == "NVIDIA").map(|gpu| gpu.count).sum();
    let mut gpus: Vec<String> = (0..nvidia).map(|_| format!("GPU-{}", ids.uuid())).collect();
    gpus.sort();
    Resources {
        cpu: cap(u64::from(instance_type.vcpus) * 1024),
        memory: cap(instance_type.usable_memory().saturating_sub(u64::from(reserved_memory))),
        tcp_ports: RESERVED_PORTS.into(),
        udp_ports: BTreeSet::new(),
        gpus,
    }
}

/// The id of the ECS-optimized image for Linux, the same each time: `ami-0` and 16 hexadecimal digits.
#[must_use]
pub fn optimized_image(region: &Region, architecture: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(format!("ecs-optimized/{region}/{architecture}"));
    digest[..8].iter().fold("ami-0".to_owned(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use api_models::Unexpected;
    use api_models::ecs::{ContainerInstance as Shown, CreateClusterRequest};

    use super::*;
    use crate::services::Context;
    use crate::services::ec2::instance_types;
    use crate::services::ecs::operations::create_cluster;
    use crate::services::ecs::resources::container_instance::Loads;
    use crate::testing::context;

    async fn made(context: &Context, change: impl FnOnce(&mut NewInstance)) -> Result<Shown, LaunchError> {
        let cluster = ClusterKey::new(&context.scope, "default");
        let kind = instance_types::find("m5.large").expect("a type");
        let mut new = NewInstance::new(cluster, kind, "us-east-1b", Origin::Added);
        change(&mut new);
        let work = |tx: &mut Transaction| Ok::<_, Unexpected>(launch(tx, &context.shared, new));
        let made = context.store().transact(work).await.expect("a store");
        made.map(|instance| instance.to_api(&Loads::default(), &[], context.now()))
    }

    async fn with_cluster() -> Context {
        let context = context();
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        context
    }

    fn value_of<'a>(instance: &'a Shown, name: &str) -> Option<&'a str> {
        instance.attributes.iter().flatten().find(|it| it.name.as_deref() == Some(name))?.value.as_deref()
    }

    #[tokio::test]
    async fn it_registers_as_an_agent_on_such_an_instance_would() {
        let context = with_cluster().await;
        let instance = made(&context, |_| {}).await.expect("an instance");
        let resources = instance.registered_resources.as_deref().expect("resources");
        assert_eq!((resources[0].integer_value, resources[1].integer_value), (Some(2048), Some(7679)));
        assert_eq!(resources.len(), 4, "no GPU");
        assert!(instance.ec2_instance_id.as_deref().is_some_and(|id| id.starts_with("i-0")));
        for (name, value) in [
            ("ecs.instance-type", "m5.large"),
            ("ecs.availability-zone", "us-east-1b"),
            ("ecs.os-type", "linux"),
            ("ecs.os-family", "LINUX"),
            ("ecs.cpu-architecture", "x86_64"),
        ] {
            assert_eq!(value_of(&instance, name), Some(value), "{name}");
        }
        let subnets = network::default_subnets(&context.scope);
        assert_eq!(value_of(&instance, "ecs.subnet-id"), Some(&*subnets[1].id));
        assert_eq!(value_of(&instance, "ecs.vpc-id"), Some(&*network::default_vpc(&context.scope)));
        assert!(value_of(&instance, "ecs.ami-id").is_some_and(|id| id.starts_with("ami-0")));
        let names: Vec<_> = instance.attributes.iter().flatten().filter_map(|it| it.name.as_deref()).collect();
        assert!(names.contains(&"ecs.capability.task-eni"));
    }

    #[tokio::test]
    async fn gpus_architecture_and_reserved_memory() {
        let context = with_cluster().await;
        let of = |name: &str| instance_types::find(name).expect("a type");
        let with_gpus = made(&context, |new| new.instance_type = of("g5.12xlarge")).await.expect("an instance");
        let gpus = with_gpus.registered_resources.expect("resources").swap_remove(4);
        assert_eq!((gpus.name.as_deref(), gpus.string_set_value.map(|ids| ids.len())), (Some("GPU"), Some(4)));
        let small = |new: &mut NewInstance| {
            new.instance_type = of("m7g.large");
            new.reserved_memory = 100;
            new.attributes = vec![attributes::attribute("stack", Some("blue"))];
        };
        let instance = made(&context, small).await.expect("an instance");
        assert_eq!(value_of(&instance, "ecs.cpu-architecture"), Some("arm64"));
        assert_eq!(value_of(&instance, "stack"), Some("blue"));
        assert_eq!(instance.registered_resources.expect("resources")[1].integer_value, Some(7579));
    }

    #[tokio::test]
    async fn what_can_not_be_is_said_clearly() {
        let context = with_cluster().await;
        let error = made(&context, |new| new.zone = "eu-west-1a".into()).await.expect_err("another region");
        let message = "there is no zone eu-west-1a in us-east-1; it has us-east-1a, us-east-1b, us-east-1c";
        assert_eq!(error.to_string(), message);
        let other = |new: &mut NewInstance| new.cluster.name = Arc::from("other");
        let error = made(&context, other).await.expect_err("no cluster");
        assert_eq!(error.to_string(), "there is no cluster other in account 123456789012 and region us-east-1");
        let attribute = |new: &mut NewInstance| new.attributes = vec![attributes::attribute("a b", None)];
        assert!(matches!(made(&context, attribute).await, Err(LaunchError::Invalid(_))));
        assert!(context.snapshot().container_instances.is_empty());
    }
}
