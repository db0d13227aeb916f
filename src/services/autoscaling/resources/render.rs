//! Groups and their members as the API shows them.

use api_models::autoscaling::{self as api, LaunchTemplateSpecification};

use super::group::{Group, Made, Member, Source};
use super::tags;
use crate::services::ecs::network;

impl Group {
    /// As DescribeAutoScalingGroups shows it.
    #[must_use]
    pub fn shown(&self, with_instances: bool) -> api::AutoScalingGroup {
        let (configuration, template, mixed) = match &self.source {
            Source::Configuration(name) => (Some(name.clone()), None, None),
            Source::Template(choice) => {
                let shown = LaunchTemplateSpecification {
                    launch_template_id: Some(choice.id.clone()),
                    launch_template_name: Some(choice.name.clone()),
                    version: choice.version.clone(),
                };
                (None, Some(Box::new(shown)), None)
            }
            Source::Mixed(policy) => (None, None, Some(policy.clone())),
        };
        let kept = &self.kept;
        let suspended = self.suspended.iter().map(|(process, reason)| api::SuspendedProcess {
            process_name: Some(process.clone()),
            suspension_reason: Some(reason.clone()),
        });
        let policies = match self.termination_policies.is_empty() {
            true => vec!["Default".to_owned()],
            false => self.termination_policies.clone(),
        };
        api::AutoScalingGroup {
            auto_scaling_group_name: Some(self.key.name.to_string()),
            auto_scaling_group_arn: Some(self.arn()),
            launch_configuration_name: configuration,
            launch_template: template,
            mixed_instances_policy: mixed,
            min_size: Some(self.min),
            max_size: Some(self.max),
            desired_capacity: Some(self.desired),
            default_cooldown: Some(self.cooldown),
            availability_zones: Some(self.zones.clone()),
            load_balancer_names: Some(Vec::new()),
            target_group_arns: Some(Vec::new()),
            health_check_type: Some(kept.health_check_type.clone().unwrap_or_else(|| "EC2".to_owned())),
            health_check_grace_period: Some(self.grace),
            instances: with_instances.then(|| self.members.iter().map(|(id, member)| member.shown(id)).collect()),
            created_time: Some(self.created_at),
            suspended_processes: Some(suspended.collect()),
            placement_group: kept.placement_group.clone(),
            vpc_zone_identifier: Some(self.subnets.join(",")),
            enabled_metrics: Some(Vec::new()),
            status: self.deleting.then(|| "Delete in progress".to_owned()),
            tags: Some(tags::shown(self)),
            termination_policies: Some(policies),
            new_instances_protected_from_scale_in: Some(self.protects_new),
            service_linked_role_arn: Some(kept.service_linked_role_arn.clone().unwrap_or_else(|| {
                let role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
                self.key.scope.iam_arn(role)
            })),
            max_instance_lifetime: self.max_lifetime,
            capacity_rebalance: kept.capacity_rebalance,
            context: kept.context.clone(),
            desired_capacity_type: kept.desired_capacity_type.clone(),
            default_instance_warmup: kept.default_instance_warmup,
            traffic_sources: Some(Vec::new()),
            ..api::AutoScalingGroup::default()
        }
    }
}

impl Member {
    /// As a part of its group.
    #[must_use]
    pub fn shown(&self, id: &str) -> api::Instance {
        let (configuration, template) = self.made_from();
        api::Instance {
            instance_id: Some(id.to_owned()),
            instance_type: Some(self.instance_type.clone()),
            availability_zone: Some(self.zone.clone()),
            availability_zone_id: network::zone_id(&self.zone),
            lifecycle_state: Some(self.lifecycle.shown()),
            health_status: Some(if self.healthy { "Healthy" } else { "Unhealthy" }.to_owned()),
            launch_configuration_name: configuration,
            launch_template: template,
            image_id: None,
            protected_from_scale_in: Some(self.protected),
            weighted_capacity: None,
        }
    }

    /// As DescribeAutoScalingInstances shows it.
    #[must_use]
    pub fn details(&self, id: &str, group: &str) -> api::AutoScalingInstanceDetails {
        let (configuration, template) = self.made_from();
        api::AutoScalingInstanceDetails {
            instance_id: Some(id.to_owned()),
            instance_type: Some(self.instance_type.clone()),
            auto_scaling_group_name: Some(group.to_owned()),
            availability_zone: Some(self.zone.clone()),
            availability_zone_id: network::zone_id(&self.zone),
            lifecycle_state: Some(self.lifecycle.shown().to_string()),
            health_status: Some(if self.healthy { "HEALTHY" } else { "UNHEALTHY" }.to_owned()),
            launch_configuration_name: configuration,
            launch_template: template,
            image_id: None,
            protected_from_scale_in: Some(self.protected),
            weighted_capacity: None,
        }
    }

    fn made_from(&self) -> (Option<String>, Option<Box<LaunchTemplateSpecification>>) {
        match &self.made {
            Made::Configuration(name) => (Some(name.clone()), None),
            Made::Template { id, name, version } => {
                let shown = LaunchTemplateSpecification {
                    launch_template_id: Some(id.clone()),
                    launch_template_name: Some(name.clone()),
                    version: Some(version.to_string()),
                };
                (None, Some(Box::new(shown)))
            }
            Made::Otherwise => (None, None),
        }
    }
}
