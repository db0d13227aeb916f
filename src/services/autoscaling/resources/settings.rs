//! What CreateAutoScalingGroup and UpdateAutoScalingGroup have in common.

use api_models::autoscaling::{
    CommonError, CreateAutoScalingGroupType, DeletionProtection, LifecycleHookSpecification, UpdateAutoScalingGroupType,
};

use super::change::write_desired;
use super::errors::{invalid, unsupported};
use super::group::{Group, Kept};
use super::hook::{Hook, Transition};
use crate::identity::Scope;
use crate::services::ecs::network;
use crate::time::Timestamp;

/// The policies there are; others are functions of Lambda.
pub const TERMINATION_POLICIES: [&str; 7] = [
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
];

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub min: Option<i32>,
    pub max: Option<i32>,
    pub desired: Option<i32>,
    cooldown: Option<i32>,
    grace: Option<i32>,
    max_lifetime: Option<i32>,
    zones: Option<Vec<String>>,
    subnets: Option<String>,
    termination_policies: Option<Vec<String>>,
    protects_new: Option<bool>,
    kept: Kept,
}

/// What creation and update have in common: two structures of the model, with the same members.
macro_rules! shared_members {
    ($input:expr) => {
        Self {
            min: $input.min_size,
            max: $input.max_size,
            desired: $input.desired_capacity,
            cooldown: $input.default_cooldown,
            grace: $input.health_check_grace_period,
            max_lifetime: $input.max_instance_lifetime,
            zones: $input.availability_zones.clone(),
            subnets: $input.vpc_zone_identifier.clone(),
            termination_policies: $input.termination_policies.clone(),
            protects_new: $input.new_instances_protected_from_scale_in,
            kept: Kept {
                health_check_type: $input.health_check_type.clone(),
                placement_group: $input.placement_group.clone(),
                service_linked_role_arn: $input.service_linked_role_arn.clone(),
                capacity_rebalance: $input.capacity_rebalance,
                context: $input.context.clone(),
                desired_capacity_type: $input.desired_capacity_type.clone(),
                default_instance_warmup: $input.default_instance_warmup,
            },
        }
    };
}

impl Asked {
    /// # Errors
    /// Something is asked for that LocalECS does not have.
    pub fn by_create(input: &CreateAutoScalingGroupType) -> Result<Self, CommonError> {
        refuse(&[
            (input.instance_id.is_some(), "groups made from an instance (InstanceId)"),
            (filled(input.load_balancer_names.as_ref()), "load balancers of groups"),
            (filled(input.target_group_arns.as_ref()), "target groups of groups"),
            (filled(input.traffic_sources.as_ref()), "traffic sources of groups"),
            (filled(input.availability_zone_ids.as_ref()), "AvailabilityZoneIds; AvailabilityZones will do"),
            (input.instance_maintenance_policy.is_some(), "instance maintenance policies"),
            (input.availability_zone_distribution.is_some(), "AvailabilityZoneDistribution"),
            (input.availability_zone_impairment_policy.is_some(), "AvailabilityZoneImpairmentPolicy"),
            (input.capacity_reservation_specification.is_some(), "capacity reservations"),
            (input.instance_lifecycle_policy.is_some(), "instance lifecycle policies"),
            (input.operator.is_some(), "groups managed by another service (Operator)"),
            (protects(input.deletion_protection.as_ref()), "deletion protection of groups"),
        ])?;
        Ok(shared_members!(input))
    }

    /// # Errors
    /// Something is asked for that LocalECS does not have.
    pub fn by_update(input: &UpdateAutoScalingGroupType) -> Result<Self, CommonError> {
        refuse(&[
            (filled(input.availability_zone_ids.as_ref()), "AvailabilityZoneIds; AvailabilityZones will do"),
            (input.instance_maintenance_policy.is_some(), "instance maintenance policies"),
            (input.availability_zone_distribution.is_some(), "AvailabilityZoneDistribution"),
            (input.availability_zone_impairment_policy.is_some(), "AvailabilityZoneImpairmentPolicy"),
            (input.capacity_reservation_specification.is_some(), "capacity reservations"),
            (input.instance_lifecycle_policy.is_some(), "instance lifecycle policies"),
            (protects(input.deletion_protection.as_ref()), "deletion protection of groups"),
        ])?;
        Ok(shared_members!(input))
    }

    /// Brings the group to what is asked for. `cause` is as in [`super::change::set_desired`].
    ///
    /// # Errors
    /// Sizes that do not fit together, or places and policies that are none.
    pub fn apply(
        self,
        group: &mut Group,
        cause: impl Fn(&Group, i32) -> String,
        now: Timestamp,
    ) -> Result<(), CommonError> {
        self.places(group)?;
        let (min, max) = (self.min.unwrap_or(group.min), self.max.unwrap_or(group.max));
        if min < 0 || max < 0 {
            return Err(invalid("Sizes must not be negative."));
        }
        if min > max {
            return Err(invalid(format!("Min bound, {min}, must be less than or equal to max bound, {max}")));
        }
        let desired = match self.desired {
            Some(desired) if (min..=max).contains(&desired) => desired,
            Some(desired) => {
                return Err(invalid(format!(
                    "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
                )));
            }
            // A group grows or shrinks to its new bounds.
            None => group.desired.clamp(min, max),
        };
        (group.min, group.max) = (min, max);
        let cause = cause(group, desired);
        write_desired(group, desired, &cause, now);
        for policy in self.termination_policies.iter().flatten() {
            if policy.starts_with("arn:") {
                return Err(unsupported("termination policies that are functions of Lambda"));
            }
            if !TERMINATION_POLICIES.contains(&policy.as_str()) {
                return Err(invalid(format!("Provided termination policy {policy} is not valid.")));
            }
        }
        if let Some(kind) = &self.kept.desired_capacity_type
            && kind != "units"
        {
            return Err(unsupported("capacities in vCPUs or memory (DesiredCapacityType)"));
        }
        if let Some(kind) = &self.kept.health_check_type
            && kind.split(',').any(|kind| !matches!(kind.trim(), "EC2" | "ELB" | "EBS" | "VPC_LATTICE"))
        {
            return Err(invalid(format!("{kind} is not a valid health check type.")));
        }
        if let Some(lifetime) = self.max_lifetime
            && lifetime != 0
            && lifetime < 86_400
        {
            return Err(invalid("MaxInstanceLifetime must be 0, or at least 86400 seconds."));
        }
        set(&mut group.cooldown, self.cooldown);
        set(&mut group.grace, self.grace);
        set(&mut group.protects_new, self.protects_new);
        set(&mut group.termination_policies, self.termination_policies);
        group.max_lifetime = self.max_lifetime.or(group.max_lifetime);
        let (old, new) = (std::mem::take(&mut group.kept), self.kept);
        group.kept = Kept {
            health_check_type: new.health_check_type.or(old.health_check_type),
            placement_group: new.placement_group.or(old.placement_group),
            service_linked_role_arn: new.service_linked_role_arn.or(old.service_linked_role_arn),
            capacity_rebalance: new.capacity_rebalance.or(old.capacity_rebalance),
            context: new.context.or(old.context),
            desired_capacity_type: new.desired_capacity_type.or(old.desired_capacity_type),
            default_instance_warmup: new.default_instance_warmup.or(old.default_instance_warmup),
        };
        Ok(())
    }

    /// The zones, which those of the subnets are where subnets are given.
    fn places(&self, group: &mut Group) -> Result<(), CommonError> {
        let scope = &group.key.scope;
        let subnets = self.subnets.as_deref().filter(|text| !text.trim().is_empty());
        if let Some(text) = subnets {
            let subnets: Vec<String> = text.split(',').map(|id| id.trim().to_owned()).collect();
            if let Some(bad) = subnets.iter().find(|id| !id.starts_with("subnet-")) {
                return Err(invalid(format!("The subnet ID '{bad}' does not exist")));
            }
            let mut zones: Vec<String> = Vec::new();
            for subnet in &subnets {
                let zone = network::zone_of_subnet(&scope.region, subnet);
                if !zones.contains(&zone) {
                    zones.push(zone);
                }
            }
            zones.sort();
            if let Some(given) = self.zones.as_ref().filter(|given| !given.is_empty())
                && given.iter().any(|zone| !zones.contains(zone))
            {
                return Err(invalid(
                    "The availability zones of the specified subnets and the AutoScalingGroup do not match",
                ));
            }
            (group.subnets, group.zones) = (subnets, zones);
        } else if let Some(zones) = self.zones.clone().filter(|zones| !zones.is_empty()) {
            check_zones(scope, &zones)?;
            (group.subnets, group.zones) = (Vec::new(), zones);
        }
        if group.zones.is_empty() {
            return Err(invalid("At least one Availability Zone or VPC Subnet is required."));
        }
        Ok(())
    }
}

fn check_zones(scope: &Scope, zones: &[String]) -> Result<(), CommonError> {
    let known = network::zones(&scope.region);
    match zones.iter().find(|zone| !known.contains(zone)) {
        Some(zone) => Err(invalid(format!("Invalid availability zone: [{zone}]"))),
        None => Ok(()),
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn filled<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn protects(given: Option<&DeletionProtection>) -> bool {
    given.is_some_and(|given| given.as_str() != "none")
}

fn refuse(asked: &[(bool, &str)]) -> Result<(), CommonError> {
    match asked.iter().find(|(is, _)| *is) {
        Some((_, what)) => Err(unsupported(what)),
        None => Ok(()),
    }
}

/// A hook from what a request says of it; what it does not say is as before.
///
/// # Errors
/// The transition, the result or the time is none.
pub fn hook(before: Option<&Hook>, given: &LifecycleHookSpecification) -> Result<Hook, CommonError> {
    let transition = match (given.lifecycle_transition.as_deref().filter(|text| !text.is_empty()), before) {
        (Some(text), _) => Transition::parse(text).ok_or_else(|| {
            invalid(format!("Invalid lifecycle transition: {text}. The valid ones are autoscaling:EC2_INSTANCE_LAUNCHING and autoscaling:EC2_INSTANCE_TERMINATING."))
        })?,
        (None, Some(before)) => before.transition,
        (None, None) => return Err(invalid("LifecycleTransition is required when a hook is created.")),
    };
    let continues = match given.default_result.as_deref() {
        None => before.is_some_and(|before| before.continues),
        Some("CONTINUE") => true,
        Some("ABANDON") => false,
        Some(other) => {
            return Err(invalid(format!("Invalid default result: {other}. It is either CONTINUE or ABANDON.")));
        }
    };
    let heartbeat_timeout = given.heartbeat_timeout.or(before.map(|before| before.heartbeat_timeout)).unwrap_or(3600);
    if !(30..=7200).contains(&heartbeat_timeout) {
        return Err(invalid("HeartbeatTimeout must be from 30 to 7200 seconds."));
    }
    let text = |new: &Option<String>, old: Option<&Option<String>>| new.clone().or_else(|| old.cloned().flatten());
    Ok(Hook {
        transition,
        heartbeat_timeout,
        continues,
        metadata: text(&given.notification_metadata, before.map(|before| &before.metadata)),
        target_arn: text(&given.notification_target_arn, before.map(|before| &before.target_arn)),
        role_arn: text(&given.role_arn, before.map(|before| &before.role_arn)),
    })
}
