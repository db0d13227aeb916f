//! What CreateService and UpdateService accept, as far as it can be said from the request alone.

use api_models::ecs::{
    AvailabilityZoneRebalancing, CommonError, DeploymentCircuitBreaker, DeploymentConfiguration,
    InvalidParameterException, LoadBalancer, PropagateTags, Scale, ScaleUnit, ServiceConnectConfiguration,
    ServiceNotActiveException, ServiceNotFoundException, ServiceRegistry, ServiceVolumeConfiguration, ThresholdType,
    UnsupportedFeatureException, VpcLatticeConfiguration,
};

use std::sync::Arc;

use super::{Controller, Scheduling, Service, ServiceStatus, find, strategy};
use crate::services::ecs::resources::ClusterKey;
use crate::store::State;

/// The most tasks a service can be asked to have.
const MAX_DESIRED: i32 = 5000;

pub(super) fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

/// Checks a service's name: up to 255 letters, digits, hyphens and underscores.
///
/// # Errors
/// InvalidParameterException when it is another text.
pub fn check_name(name: Option<&str>) -> Result<&str, CommonError> {
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| invalid("Service name can not be blank."))?;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if name.len() > 255 || !name.bytes().all(allowed) {
        return Err(invalid(r"ServiceName must match ^[a-zA-Z0-9\-_]{1,255}$"));
    }
    Ok(name)
}

/// Checks a desired count.
///
/// # Errors
/// InvalidParameterException when it is negative or more than a service can have.
pub fn check_desired(count: i32) -> Result<i32, CommonError> {
    if count < 0 {
        return Err(invalid("desiredCount cannot be less than 0."));
    }
    if count > MAX_DESIRED {
        return Err(invalid(format!("desiredCount cannot be greater than {MAX_DESIRED}.")));
    }
    Ok(count)
}

/// What the operations on task sets answer for a service of another controller.
pub const NOT_CONTROLLED_OUTSIDE: &str =
    "Amazon ECS only supports task set management on services configured to use external deployment controllers.";

/// The ACTIVE service that a request means, if its task sets are the business of who asks.
///
/// # Errors
/// As [`find`], ServiceNotActiveException when it is deleted, InvalidParameterException when its deployment controller
/// is not EXTERNAL.
pub fn controlled_outside<'a, E>(
    state: &'a State,
    cluster: &ClusterKey,
    named: Option<&str>,
) -> Result<&'a Arc<Service>, E>
where
    E: From<CommonError> + From<ServiceNotFoundException> + From<ServiceNotActiveException>,
{
    let service = find::<E>(state, cluster, named)?;
    if service.status != ServiceStatus::Active {
        return Err(ServiceNotActiveException::new("Service was not ACTIVE.").into());
    }
    match service.controller {
        Controller::External => Ok(service),
        Controller::Ecs | Controller::CodeDeploy => Err(invalid(NOT_CONTROLLED_OUTSIDE).into()),
    }
}

/// The percentage in a task set's scale. Its sentences follow the pattern of ECS's own.
///
/// # Errors
/// InvalidParameterException when it is not between 0 and 100, or its unit is another.
pub fn scale(given: &Scale) -> Result<f64, CommonError> {
    if matches!(given.unit, Some(ScaleUnit::Unrecognized(_))) {
        return Err(invalid("scale.unit should be one of [PERCENT]"));
    }
    let value = given.value.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&value) {
        return Err(invalid("Scale value must be between 0 and 100."));
    }
    Ok(value)
}

/// A DAEMON's tasks have no managed volumes.
///
/// # Errors
/// InvalidParameterException when some are given.
pub fn check_volumes(given: &[ServiceVolumeConfiguration], scheduling: Scheduling) -> Result<(), CommonError> {
    match scheduling {
        Scheduling::Daemon if !given.is_empty() => Err(invalid(
            "The daemon scheduling strategy does not support volume configurations. Remove the volume configurations \
             and try again.",
        )),
        Scheduling::Daemon | Scheduling::Replica => Ok(()),
    }
}

/// What a service can be tied to that is not there yet. Each is refused by its name; nothing is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ties<'a> {
    pub load_balancers: &'a [LoadBalancer],
    pub service_registries: &'a [ServiceRegistry],
    pub service_connect: Option<&'a ServiceConnectConfiguration>,
    pub vpc_lattice: &'a [VpcLatticeConfiguration],
    pub gateway_connectors: bool,
}

impl Ties<'_> {
    /// Refuses what can't be had.
    ///
    /// # Errors
    /// UnsupportedFeatureException that names it.
    pub fn check(&self) -> Result<(), CommonError> {
        let refused = [
            (!self.load_balancers.is_empty(), "loadBalancers", "Elastic Load Balancing"),
            (!self.service_registries.is_empty(), "serviceRegistries", "AWS Cloud Map"),
            (
                self.service_connect.is_some_and(|connect| connect.enabled == Some(true)),
                "serviceConnectConfiguration",
                "Service Connect",
            ),
            (!self.vpc_lattice.is_empty(), "vpcLatticeConfigurations", "VPC Lattice"),
            (self.gateway_connectors, "gatewayConnectors", "gateways"),
        ];
        match refused.iter().find(|(given, ..)| *given) {
            None => Ok(()),
            Some((_, member, what)) => Err(UnsupportedFeatureException::new(format!(
                "LocalECS does not provide {what} for services yet. Remove {member} and try again."
            ))
            .into()),
        }
    }
}

/// `given` with AWS's defaults filled in.
///
/// # Errors
/// InvalidParameterException for values that don't go together, UnsupportedFeatureException for strategies that are
/// not there.
pub fn configuration(
    given: Option<DeploymentConfiguration>,
    scheduling: Scheduling,
) -> Result<DeploymentConfiguration, CommonError> {
    let mut configuration = given.unwrap_or_default();
    let (maximum, minimum) = match scheduling {
        Scheduling::Replica => (200, 100),
        Scheduling::Daemon => (100, 0),
    };
    let maximum = *configuration.maximum_percent.get_or_insert(maximum);
    let minimum = *configuration.minimum_healthy_percent.get_or_insert(minimum);
    if maximum < 0 || minimum < 0 {
        return Err(invalid("Deployment configuration percentages cannot be negative."));
    }
    if minimum > 100 {
        return Err(invalid("minimumHealthyPercent must be between 0 and 100."));
    }
    if maximum < 100 {
        return Err(invalid("maximumPercent must be at least 100."));
    }
    if maximum == 100 && minimum == 100 {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    let breaker = configuration.deployment_circuit_breaker.get_or_insert_default();
    check_breaker(breaker)?;
    if let Some(alarms) = &configuration.alarms
        && alarms.enable == Some(true)
        && alarms.alarm_names.as_ref().is_none_or(Vec::is_empty)
    {
        return Err(invalid("alarmNames can not be empty when deployment alarms are enabled."));
    }
    strategy::check(&mut configuration, scheduling)?;
    Ok(configuration)
}

fn check_breaker(breaker: &mut DeploymentCircuitBreaker) -> Result<(), CommonError> {
    let enable = *breaker.enable.get_or_insert(false);
    if *breaker.rollback.get_or_insert(false) && !enable {
        return Err(invalid("deploymentCircuitBreaker.rollback cannot be true when the circuit breaker is disabled."));
    }
    let Some(threshold) = &breaker.threshold_configuration else { return Ok(()) };
    let value = threshold.value.unwrap_or(50);
    match threshold.r#type {
        Some(ThresholdType::Unrecognized(_)) | None => {
            Err(invalid("thresholdConfiguration.type should be one of [COUNT,BOUNDED_PERCENT,UNBOUNDED_PERCENT]"))
        }
        Some(ThresholdType::Count) if value < 1 => Err(invalid("thresholdConfiguration.value must be at least 1.")),
        Some(ThresholdType::BoundedPercent | ThresholdType::UnboundedPercent) if !(1..=100).contains(&value) => {
            Err(invalid("thresholdConfiguration.value must be between 1 and 100."))
        }
        Some(_) => Ok(()),
    }
}

pub use super::strategy::keep as keep_strategy;

/// Where the tags of a service's tasks come from.
///
/// # Errors
/// InvalidParameterException for a word that is none of the three.
pub fn propagate_tags(given: PropagateTags) -> Result<PropagateTags, CommonError> {
    match given {
        PropagateTags::Unrecognized(_) => Err(invalid("propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]")),
        known => Ok(known),
    }
}

/// Whether tasks are moved between zones; a DAEMON's never are.
///
/// # Errors
/// InvalidParameterException when it is asked of a DAEMON, or is neither of the two words.
pub fn rebalancing(
    given: Option<AvailabilityZoneRebalancing>,
    scheduling: Scheduling,
) -> Result<AvailabilityZoneRebalancing, CommonError> {
    match (given, scheduling) {
        (Some(AvailabilityZoneRebalancing::Unrecognized(_)), _) => {
            Err(invalid("availabilityZoneRebalancing should be one of [ENABLED,DISABLED]"))
        }
        (Some(AvailabilityZoneRebalancing::Enabled), Scheduling::Daemon) => {
            Err(invalid("Availability Zone rebalancing is not supported with the DAEMON scheduling strategy."))
        }
        (None, Scheduling::Daemon) => Ok(AvailabilityZoneRebalancing::Disabled),
        (None, Scheduling::Replica) => Ok(AvailabilityZoneRebalancing::Enabled),
        (Some(given), _) => Ok(given),
    }
}
