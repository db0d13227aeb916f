//! An instance as the API shows it.

use api_models::ec2 as api;

use super::filters::{Field, of_tags};
use super::instance::{Instance, Phase};
use super::tags;
use crate::services::ec2::instance_types;
use crate::services::ecs::network;

impl Instance {
    /// As DescribeInstances shows it. It has no addresses: nothing but its tasks can be reached.
    #[must_use]
    pub fn shown(&self) -> api::Instance {
        let scope = &self.key.scope;
        let kind = instance_types::find(&self.instance_type);
        let over = self.phase == Phase::Terminated;
        let architecture = kind.map_or("x86_64", |kind| kind.architecture());
        let monitoring = if self.monitoring { "enabled" } else { "disabled" };
        api::Instance {
            instance_id: Some(self.id().to_owned()),
            image_id: Some(self.image_id.clone()),
            state: Some(Box::new(self.phase.shown())),
            state_reason: self.reason.as_ref().map(|(code, message)| {
                Box::new(api::StateReason { code: Some(code.clone()), message: Some(message.clone()) })
            }),
            state_transition_reason: Some(self.transition.clone()),
            private_dns_name: Some(String::new()),
            public_dns_name: Some(String::new()),
            key_name: self.key_name.clone(),
            ami_launch_index: Some(self.launch_index),
            instance_type: Some(self.instance_type.clone()),
            launch_time: Some(self.launched_at),
            placement: Some(Box::new(api::Placement {
                availability_zone: Some(self.zone.clone()),
                availability_zone_id: network::zone_id(&self.zone),
                group_name: Some(String::new()),
                tenancy: Some("default".into()),
                ..api::Placement::default()
            })),
            monitoring: Some(Box::new(api::Monitoring {
                state: Some(monitoring.into()),
                ..api::Monitoring::default()
            })),
            subnet_id: (!over).then(|| self.subnet.clone()),
            vpc_id: (!over).then(|| network::default_vpc(scope)),
            architecture: Some(architecture.into()),
            block_device_mappings: Some(Vec::new()),
            client_token: Some(self.client_token.clone().unwrap_or_default()),
            ebs_optimized: Some(self.ebs_optimized),
            ena_support: Some(true),
            hypervisor: Some("xen".into()),
            iam_instance_profile: self
                .profile
                .as_ref()
                .map(|arn| Box::new(api::IamInstanceProfile { arn: Some(arn.clone()), id: None })),
            instance_lifecycle: self.spot.then(|| "spot".into()),
            network_interfaces: Some(Vec::new()),
            root_device_name: Some("/dev/xvda".to_owned()),
            root_device_type: Some("ebs".into()),
            security_groups: Some(if over { Vec::new() } else { self.groups() }),
            source_dest_check: Some(true),
            tags: Some(tags::shown(&self.tags)),
            virtualization_type: Some("hvm".into()),
            cpu_options: kind.map(|kind| {
                let cores = kind.cores.unwrap_or(kind.vcpus).max(1);
                Box::new(api::CpuOptions {
                    core_count: i32::try_from(cores).ok(),
                    threads_per_core: i32::try_from(kind.vcpus / cores).ok(),
                    ..api::CpuOptions::default()
                })
            }),
            platform_details: Some("Linux/UNIX".to_owned()),
            usage_operation: Some("RunInstances".to_owned()),
            ..api::Instance::default()
        }
    }

    /// What a filter of DescribeInstances is compared with.
    #[must_use]
    pub fn field(&self, name: &str) -> Field {
        match name {
            "instance-id" => Field::one(self.id()),
            "instance-state-name" => Field::one(self.phase.name()),
            "instance-state-code" => Field::one(self.phase.code().to_string()),
            "instance-type" => Field::one(self.instance_type.clone()),
            "image-id" => Field::one(self.image_id.clone()),
            "availability-zone" => Field::one(self.zone.clone()),
            "subnet-id" | "network-interface.subnet-id" => Field::one(self.subnet.clone()),
            "vpc-id" | "network-interface.vpc-id" => Field::one(network::default_vpc(&self.key.scope)),
            "key-name" => Field::maybe(self.key_name.clone()),
            "reservation-id" => Field::one(self.reservation.clone()),
            "client-token" => Field::maybe(self.client_token.clone()),
            "owner-id" => Field::one(self.key.scope.account.to_string()),
            "launch-index" => Field::one(self.launch_index.to_string()),
            "launch-time" => Field::one(self.launched_at.to_rfc3339()),
            "iam-instance-profile.arn" => Field::maybe(self.profile.clone()),
            "instance.group-id" | "group-id" => Field::many(self.security_groups.clone()),
            "instance.group-name" | "group-name" => {
                Field::many(self.groups().into_iter().filter_map(|group| group.group_name))
            }
            "instance-lifecycle" => Field::maybe(self.spot.then_some("spot")),
            "monitoring-state" => Field::one(if self.monitoring { "enabled" } else { "disabled" }),
            "architecture" => Field::maybe(instance_types::find(&self.instance_type).map(|kind| kind.architecture())),
            "tenancy" => Field::one("default"),
            "root-device-type" => Field::one("ebs"),
            "virtualization-type" => Field::one("hvm"),
            name => of_tags(name, &self.tags),
        }
    }

    /// Where it stands in lists: those that were launched together stand together.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{:05}/{}", self.reservation, self.launch_index, self.id())
    }

    /// Its security groups; only the default one has a name that is known.
    #[must_use]
    pub fn groups(&self) -> Vec<api::GroupIdentifier> {
        let default = network::default_security_group(&self.key.scope);
        let shown = |id: &String| api::GroupIdentifier {
            group_id: Some(id.clone()),
            group_name: Some(if *id == default { "default".to_owned() } else { id.clone() }),
        };
        self.security_groups.iter().map(shown).collect()
    }
}
