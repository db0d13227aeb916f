//! What RegisterContainerInstance makes of its input.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterContainerInstance.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{
    Attribute, CommonError, InvalidParameterException, PlatformDevice, PlatformDeviceType, Resource, VersionInfo,
};
use serde::Deserialize;

use super::{ContainerInstance, ContainerInstanceKey, Resources, attributes, load};
use crate::config::EngineCapacity;
use crate::identity::Scope;
use crate::services::ec2::instance_types::{self, InstanceType};
use crate::services::ecs::network;
use crate::services::ecs::resources::{ClusterKey, lookup};
use crate::services::ecs::scheduler::placement::attribute;
use crate::store::State;

/// Ports of an instance that tasks can't have: SSH, Docker's and the agent's. In AWS's order.
pub const RESERVED_PORTS: [u16; 5] = [22, 2376, 2375, 51678, 51679];

/// The parts of EC2's instance identity document that ECS uses.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html>
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityDocument {
    pub instance_id: Option<String>,
    pub region: Option<String>,
    pub availability_zone: Option<String>,
    pub instance_type: Option<String>,
    pub image_id: Option<String>,
    pub architecture: Option<String>,
}

impl IdentityDocument {
    /// Reads the document; its signature is not checked, as there is no EC2 that could have signed it.
    ///
    /// # Errors
    /// InvalidParameterException when it is not JSON of this form, or is of another region.
    pub fn parse(text: Option<&str>, scope: &Scope) -> Result<Self, InvalidParameterException> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Self::default()) };
        let invalid = || InvalidParameterException::new("The instance identity document is invalid.");
        let document: Self = serde_json::from_str(text).map_err(|_| invalid())?;
        match &document.region {
            Some(region) if region != scope.region.as_str() => Err(invalid()),
            _ => Ok(document),
        }
    }
}

/// The size of an instance that is all of the engine.
#[must_use]
pub fn size_of(engine: EngineCapacity) -> Resources {
    let cap = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    Resources {
        cpu: cap(u64::from(engine.cpus) * 1024),
        memory: cap(u64::from(engine.memory_mib)),
        tcp_ports: RESERVED_PORTS.into(),
        udp_ports: BTreeSet::new(),
        gpus: Vec::new(),
    }
}

/// The size an instance registers: as given, and `size` where nothing is given.
///
/// # Errors
/// InvalidParameterException for a resource ECS does not know, or a value that is none of its type.
pub fn resources(
    given: &[Resource],
    devices: &[PlatformDevice],
    size: Resources,
) -> Result<Resources, InvalidParameterException> {
    let mut total = size;
    let devices = devices.iter().filter(|device| device.r#type == Some(PlatformDeviceType::Gpu));
    if devices.clone().next().is_some() {
        total.gpus.clear();
    }
    for resource in given {
        let name = resource.name.as_deref().unwrap_or_default();
        match name {
            "CPU" => total.cpu = amount(resource)?,
            "MEMORY" => total.memory = amount(resource)?,
            "PORTS" => total.tcp_ports = ports(resource)?,
            "PORTS_UDP" => total.udp_ports = ports(resource)?,
            "GPU" => total.gpus = resource.string_set_value.clone().unwrap_or_default(),
            other => {
                return Err(InvalidParameterException::new(format!(
                    "{other} should be one of [CPU,MEMORY,PORTS,PORTS_UDP,GPU]"
                )));
            }
        }
    }
    for device in devices {
        let id = device.id.clone().unwrap_or_default();
        if !total.gpus.contains(&id) {
            total.gpus.push(id);
        }
    }
    Ok(total)
}

fn invalid(resource: &Resource) -> InvalidParameterException {
    let name = resource.name.as_deref().unwrap_or_default();
    InvalidParameterException::new(format!("Invalid value for resource {name}"))
}

/// An INTEGER resource; clients may also send it as LONG.
fn amount(resource: &Resource) -> Result<i32, InvalidParameterException> {
    let long = resource.long_value.filter(|long| *long != 0).map(i32::try_from).transpose();
    let value = match (resource.integer_value, long) {
        (Some(integer), Ok(long)) => long.filter(|_| integer == 0).or(Some(integer)),
        (None, Ok(long)) => long,
        (_, Err(_)) => None,
    };
    value.filter(|value| *value >= 0).ok_or_else(|| invalid(resource))
}

fn ports(resource: &Resource) -> Result<BTreeSet<u16>, InvalidParameterException> {
    let set = resource.string_set_value.iter().flatten();
    set.map(|port| port.trim().parse().map_err(|_| invalid(resource))).collect()
}

/// What an instance tells of itself.
pub struct Given {
    pub document: IdentityDocument,
    /// The default subnet of its zone when `None`.
    pub subnet_id: Option<String>,
    pub attributes: Vec<Attribute>,
    pub version_info: Option<VersionInfo>,
    pub resources: Resources,
}

impl Given {
    /// All attributes: those that follow from the document and the place, the capabilities (unless the instance
    /// brings its own, as the ECS agent does), and the instance's own, which win.
    #[must_use]
    pub fn all_attributes(&self, scope: &Scope) -> Vec<Attribute> {
        let document = &self.document;
        let of_type = document.instance_type.as_deref().and_then(instance_types::find).map(InstanceType::architecture);
        let architecture = document.architecture.as_deref().or(of_type).unwrap_or(std::env::consts::ARCH);
        let zone = match &document.availability_zone {
            Some(zone) => zone.clone(),
            None => network::zones(&scope.region).swap_remove(0),
        };
        let vpc = network::default_vpc(scope);
        let subnets = network::default_subnets(scope);
        let subnet = subnets.iter().find(|subnet| subnet.availability_zone == zone).or(subnets.first());
        let subnet = self.subnet_id.as_deref().or(subnet.map(|subnet| &*subnet.id));
        let standard = [
            ("ecs.ami-id", document.image_id.as_deref()),
            ("ecs.vpc-id", Some(&*vpc)),
            ("ecs.subnet-id", subnet),
            ("ecs.availability-zone", Some(&*zone)),
            ("ecs.instance-type", document.instance_type.as_deref()),
            ("ecs.os-type", Some("linux")),
            ("ecs.os-family", Some("LINUX")),
            ("ecs.cpu-architecture", Some(if architecture == "aarch64" { "arm64" } else { architecture })),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(attributes::attribute(name, Some(value?))));
        let own = self.attributes.iter().any(attributes::is_capability);
        let capabilities = attributes::capabilities().filter(|_| !own);
        attributes::merge(capabilities.chain(standard).collect(), self.attributes.iter().cloned())
    }

    /// Whether the value of this attribute is not just made up.
    fn says(&self, name: &str) -> bool {
        let document = &self.document;
        self.attributes.iter().any(|it| it.name.as_deref() == Some(name))
            || match name {
                "ecs.availability-zone" => document.availability_zone.is_some(),
                "ecs.subnet-id" | "ecs.vpc-id" => document.availability_zone.is_some() || self.subnet_id.is_some(),
                "ecs.cpu-architecture" => document.architecture.is_some() || document.instance_type.is_some(),
                _ => true,
            }
    }

    /// Checks that this is the instance that registered before.
    ///
    /// # Errors
    /// InvalidParameterException, in the words that the ECS agent looks for, when it is of another type now; and when its
    /// identity document is that of another instance.
    pub fn check_same(&self, instance: &ContainerInstance) -> Result<(), InvalidParameterException> {
        let known_type = attribute(instance, "ecs.instance-type");
        if known_type.zip(self.document.instance_type.as_deref()).is_some_and(|(known, this)| known != this) {
            return Err(InvalidParameterException::new("Container instance type changes are not supported."));
        }
        let known_id = instance.ec2_instance_id.as_deref();
        if known_id.zip(self.document.instance_id.as_deref()).is_some_and(|(known, this)| known != this) {
            return Err(InvalidParameterException::new("The instance identity document is invalid."));
        }
        Ok(())
    }

    /// Brings an instance that registers again up to date: what tasks hold of it stays taken, attributes it does not
    /// name stay.
    pub fn refresh(self, state: &State, instance: &mut ContainerInstance) {
        let mut attributes = self.all_attributes(&instance.key.scope);
        let known = |name: &str| instance.attributes.iter().any(|it| it.name.as_deref() == Some(name));
        attributes.retain(|it| it.name.as_deref().is_none_or(|name| self.says(name) || !known(name)));
        instance.attributes = attributes::merge(instance.attributes.to_vec(), attributes).into();
        instance.remaining = load::remaining(state, &instance.key, &self.resources);
        instance.registered = self.resources;
        if let Some(version_info) = self.version_info {
            instance.version_info = version_info;
        }
        if self.document.instance_id.is_some() {
            instance.ec2_instance_id = self.document.instance_id;
        }
        instance.agent_connected = true;
        instance.version += 1;
    }
}

/// What an instance says of its software when it says nothing: the agent's version whose ways LocalECS follows.
#[must_use]
pub fn default_version_info() -> VersionInfo {
    VersionInfo { agent_version: Some("1.105.0".to_owned()), ..VersionInfo::default() }
}

/// The ARN to call an instance by that a request names so, and that is not there.
#[must_use]
pub fn arn_of(cluster: &ClusterKey, named: &str) -> String {
    if named.starts_with("arn:") {
        return named.to_owned();
    }
    let id = named.rsplit('/').next().unwrap_or(named);
    cluster.scope.arn("ecs", &["container-instance/", &cluster.name, "/", id])
}

/// The instance an ARN or id of a request names, in any status; `None` when there is none.
///
/// # Errors
/// InvalidParameterException for a text that can't name one.
pub fn find<'a>(
    state: &'a State,
    cluster: &ClusterKey,
    named: &str,
) -> Result<Option<&'a Arc<ContainerInstance>>, CommonError> {
    let id = lookup::id_in_cluster(cluster, "container-instance", named)?;
    Ok(id.and_then(|id| {
        let key = ContainerInstanceKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: id.into() };
        state.container_instances.get(&key)
    }))
}
