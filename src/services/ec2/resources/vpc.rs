//! The default VPC as EC2 sees it: its addresses, and the interfaces of tasks in it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use api_models::ec2::{
    ClientError, GroupIdentifier, NetworkInterface, NetworkInterfaceAttachment, NetworkInterfacePrivateIpAddress,
    NetworkInterfaceStatus, NetworkInterfaceType,
};

use super::errors::error;
use super::filters::Field;
use crate::identity::Scope;
use crate::services::Context;
use crate::services::ecs::network::{self, Cidr};
use crate::services::ecs::resources::{Task, TaskStatus};
use crate::store::State;

/// The VPC's range: the one that the engine gave it, before that the one that will be tried first.
#[must_use]
pub fn range(context: &Context) -> Cidr {
    let config = context.config();
    let wanted = || config.vpc_cidr.parse().unwrap_or(network::FIRST_RANGE);
    config.vpc_range.known().unwrap_or_else(wanted)
}

/// The VPC's id must be the default one's.
///
/// # Errors
/// InvalidVpcID.NotFound.
pub fn check_id(scope: &Scope, id: &str) -> Result<(), ClientError> {
    if id == network::default_vpc(scope) {
        return Ok(());
    }
    Err(error("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist")))
}

/// The interface of a task.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `eni-...`
    pub id: String,
    pub subnet: String,
    address: Option<Ipv4Addr>,
    mac_address: Option<String>,
    attached: bool,
    security_groups: Vec<String>,
    description: String,
}

/// The interfaces of all tasks that are not STOPPED.
pub fn interfaces<'s>(state: &'s State, scope: &'s Scope) -> impl Iterator<Item = Interface> + 's {
    state
        .tasks
        .values()
        .filter(move |task| task.key.scope == *scope && task.last_status != TaskStatus::Stopped)
        .filter_map(of_task)
}

fn of_task(task: &Arc<Task>) -> Option<Interface> {
    let attachment = task.attachment.as_ref()?;
    let configured = task.network_configuration.as_ref().and_then(|it| it.awsvpc_configuration.as_ref());
    let groups = configured.and_then(|configured| configured.security_groups.clone()).filter(|it| !it.is_empty());
    Some(Interface {
        id: attachment.network_interface_id.clone(),
        subnet: attachment.subnet_id.to_string(),
        address: attachment.address,
        mac_address: attachment.mac_address.clone(),
        attached: attachment.pause.is_some(),
        security_groups: groups.unwrap_or_else(|| vec![network::default_security_group(&task.key.scope)]),
        description: task.key.scope.arn("ecs", &["attachment/", &attachment.id]),
    })
}

impl Interface {
    fn zone(&self, scope: &Scope) -> String {
        network::zone_of_subnet(&scope.region, &self.subnet)
    }

    fn status(&self) -> NetworkInterfaceStatus {
        if self.attached { NetworkInterfaceStatus::InUse } else { NetworkInterfaceStatus::Available }
    }

    /// What a filter is compared with.
    #[must_use]
    pub fn field(&self, scope: &Scope, name: &str) -> Field {
        match name {
            "network-interface-id" => Field::one(self.id.clone()),
            "subnet-id" => Field::one(self.subnet.clone()),
            "vpc-id" => Field::one(network::default_vpc(scope)),
            "availability-zone" => Field::one(self.zone(scope)),
            "private-ip-address" | "addresses.private-ip-address" => {
                Field::maybe(self.address.map(|address| address.to_string()))
            }
            "private-dns-name" => {
                Field::maybe(self.address.map(|address| network::private_dns_name(&scope.region, address)))
            }
            "mac-address" => Field::maybe(self.mac_address.clone()),
            "description" => Field::one(self.description.clone()),
            "group-id" => Field::many(self.security_groups.clone()),
            "interface-type" => Field::one("interface"),
            "status" => Field::one(self.status().as_str()),
            "owner-id" => Field::one(scope.account.to_string()),
            "requester-managed" => Field::one("true"),
            "tag-key" | "tag-value" => Field::Values(Vec::new()),
            name if name.starts_with("tag:") => Field::Values(Vec::new()),
            _ => Field::Unknown,
        }
    }

    /// As the API shows it.
    #[must_use]
    pub fn shown(self, scope: &Scope) -> NetworkInterface {
        let zone = self.zone(scope);
        let name = self.address.map(|address| network::private_dns_name(&scope.region, address));
        let address = self.address.map(|address| address.to_string());
        let status = self.status();
        let default = network::default_security_group(scope);
        let group = |id: &String| GroupIdentifier {
            group_id: Some(id.clone()),
            group_name: Some(if *id == default { "default".to_owned() } else { id.clone() }),
        };
        NetworkInterface {
            attachment: self.attached.then(|| {
                Box::new(NetworkInterfaceAttachment {
                    attachment_id: Some(self.id.replacen("eni", "eni-attach", 1)),
                    delete_on_termination: Some(true),
                    device_index: Some(1),
                    instance_owner_id: Some(scope.account.to_string()),
                    status: Some("attached".into()),
                    ..NetworkInterfaceAttachment::default()
                })
            }),
            availability_zone_id: network::zone_id(&zone),
            availability_zone: Some(zone),
            description: Some(self.description),
            groups: Some(self.security_groups.iter().map(group).collect()),
            interface_type: Some(NetworkInterfaceType::Interface),
            ipv6_addresses: Some(Vec::new()),
            mac_address: self.mac_address,
            network_interface_id: Some(self.id),
            owner_id: Some(scope.account.to_string()),
            private_dns_name: name.clone(),
            private_ip_addresses: address.clone().map(|address| {
                vec![NetworkInterfacePrivateIpAddress {
                    primary: Some(true),
                    private_dns_name: name,
                    private_ip_address: Some(address),
                    ..NetworkInterfacePrivateIpAddress::default()
                }]
            }),
            private_ip_address: address,
            requester_managed: Some(true),
            source_dest_check: Some(true),
            status: Some(status),
            subnet_id: Some(self.subnet),
            tag_set: Some(Vec::new()),
            vpc_id: Some(network::default_vpc(scope)),
            ..NetworkInterface::default()
        }
    }
}
