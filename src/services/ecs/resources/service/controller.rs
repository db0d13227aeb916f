//! What CreateService and UpdateService may say of a service whose deployment controller is somebody else.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html>
//!
//! Sentences marked `(ours)` follow the pattern of ECS's own.

use api_models::ecs::{
    CommonError, CreateServiceRequest, DeploymentConfiguration, DeploymentStrategy, UpdateServiceRequest,
};

use super::checks::invalid;
use super::{Controller, Scheduling};

/// Refuses what a service of this controller can't be created with.
///
/// # Errors
/// InvalidParameterException for the first member that is out of place.
pub fn check_creation(controller: Controller, input: &CreateServiceRequest) -> Result<(), CommonError> {
    if controller != Controller::External {
        return Ok(());
    }
    let given = |list: Option<usize>| list.is_some_and(|length| length > 0);
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let refused = [
        (text(&input.task_definition), "TaskDefinition must be blank."),
        (given(input.load_balancers.as_ref().map(Vec::len)), "LoadBalancers must be empty or null."),
        (input.network_configuration.is_some(), "NetworkConfiguration must be null."),
        (input.launch_type.is_some(), "LaunchType must be blank."), // (ours), and so are the rest
        (
            given(input.capacity_provider_strategy.as_ref().map(Vec::len)),
            "CapacityProviderStrategy must be empty or null.",
        ),
        (text(&input.platform_version), "PlatformVersion must be blank."),
        (given(input.service_registries.as_ref().map(Vec::len)), "ServiceRegistries must be empty or null."),
        (
            input.service_connect_configuration.as_ref().is_some_and(|connect| connect.enabled == Some(true)),
            "ServiceConnectConfiguration must be null.",
        ),
        (given(input.volume_configurations.as_ref().map(Vec::len)), "VolumeConfigurations must be empty or null."),
        (
            given(input.vpc_lattice_configurations.as_ref().map(Vec::len)),
            "VpcLatticeConfigurations must be empty or null.",
        ),
    ];
    match refused.iter().find(|(given, _)| *given) {
        Some((_, message)) => Err(invalid(*message)),
        None => Ok(()),
    }
}

/// A DAEMON is the business of ECS's own controller.
///
/// # Errors
/// InvalidParameterException (ours) for another controller.
pub fn check_scheduling(controller: Controller, scheduling: Scheduling) -> Result<(), CommonError> {
    if controller == Controller::Ecs || scheduling == Scheduling::Replica {
        return Ok(());
    }
    Err(invalid(format!(
        "The daemon scheduling strategy is not supported with the {} deployment controller. Use the replica scheduling \
         strategy and try again.",
        controller.to_api()
    )))
}

/// The configuration of a service's deployments as it is kept: without what only ECS's own controller has.
///
/// # Errors
/// InvalidParameterException (ours) when such a thing is asked of another controller.
pub fn configuration(
    controller: Controller,
    configuration: DeploymentConfiguration,
) -> Result<DeploymentConfiguration, CommonError> {
    if controller == Controller::Ecs {
        return Ok(configuration);
    }
    let breaker = configuration.deployment_circuit_breaker.as_ref();
    let alarms = configuration.alarms.as_ref();
    let refused = [
        (breaker.is_some_and(|breaker| breaker.enable == Some(true)), "The deployment circuit breaker is"),
        (alarms.is_some_and(|alarms| alarms.enable == Some(true)), "Deployment alarms are"),
        (
            configuration.strategy.as_ref().is_some_and(|strategy| *strategy != DeploymentStrategy::Rolling),
            "Deployment strategies are",
        ),
        (configuration.lifecycle_hooks.as_ref().is_some_and(|hooks| !hooks.is_empty()), "Lifecycle hooks are"),
    ];
    if let Some((_, what)) = refused.iter().find(|(given, _)| *given) {
        return Err(invalid(format!("{what} supported only with the ECS deployment controller.")));
    }
    Ok(DeploymentConfiguration {
        maximum_percent: configuration.maximum_percent,
        minimum_healthy_percent: configuration.minimum_healthy_percent,
        ..DeploymentConfiguration::default()
    })
}

/// Refuses what UpdateService can't change of a service of this controller. That it would stay as it is makes no
/// difference.
///
/// # Errors
/// InvalidParameterException for the first member that is out of place.
pub fn check_update(controller: Controller, input: &UpdateServiceRequest) -> Result<(), CommonError> {
    let (of, instead) = match controller {
        Controller::Ecs => return Ok(()),
        Controller::CodeDeploy => ("a CODE_DEPLOY", "Use AWS CodeDeploy to trigger a new deployment."),
        Controller::External => ("an EXTERNAL", "Use CreateTaskSet to trigger a new deployment."), // (ours)
    };
    let refused = [
        (input.task_definition.is_some(), "task definition"),
        (input.network_configuration.is_some(), "network parameters"),
        (input.platform_version.is_some(), "platform version"),
        (input.load_balancers.is_some(), "load balancers"),
        (input.service_registries.is_some(), "service registries"),
        (input.capacity_provider_strategy.is_some(), "capacity provider strategy"),
        (input.service_connect_configuration.is_some(), "Service Connect configuration"),
        (input.volume_configurations.is_some(), "volume configurations"),
        (input.vpc_lattice_configurations.is_some(), "VPC Lattice configurations"),
        (input.gateway_connectors.is_some(), "gateway connectors"),
        (controller == Controller::External && input.deployment_configuration.is_some(), "deployment configuration"),
    ];
    if let Some((_, what)) = refused.iter().find(|(given, _)| *given) {
        return Err(invalid(format!("Unable to update {what} on services with {of} deployment controller. {instead}")));
    }
    if input.force_new_deployment == Some(true) {
        return Err(invalid(format!(
            "Cannot force a new deployment on services with {of} deployment controller. {instead}"
        )));
    }
    Ok(())
}
