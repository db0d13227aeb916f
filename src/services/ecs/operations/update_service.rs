//! UpdateService: another desired count, another configuration, or a new deployment.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>

use api_models::ecs::{
    CapacityProviderStrategyItem, DeploymentControllerType, InvalidParameterException, LaunchType,
    ServiceNotActiveException, UnsupportedFeatureException, UpdateServiceError, UpdateServiceRequest,
    UpdateServiceResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity::Capacity;
use crate::services::ecs::resources::service::checks::{self, Ties};
use crate::services::ecs::resources::service::{
    RevisionSpec, Scheduling, Service, ServiceStatus, TaskSetStatus, begin_deployment, controller, find, launch,
    new_deployment_id, task_sets_of,
};
use crate::services::ecs::resources::{Cluster, lookup, runnable_task_definition, where_to};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::store::State;

fn invalid(message: impl Into<String>) -> UpdateServiceError {
    InvalidParameterException::new(message).into()
}

/// Answers at once. What tasks are started from makes a new revision and its deployment when it changes (or when
/// `forceNewDeployment` says so); everything else holds for the tasks there are.
pub(crate) async fn handle(
    context: Context,
    mut input: UpdateServiceRequest,
) -> Result<UpdateServiceResponse, UpdateServiceError> {
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.clone();
            let found = find::<UpdateServiceError>(tx, &cluster.key, input.service.as_deref())?;
            if found.status != ServiceStatus::Active {
                return Err(ServiceNotActiveException::new("Service was not ACTIVE.").into());
            }
            let mut service = Service::clone(found);
            check_controller(&service, &input)?;
            controller::check_update(service.controller, &input)?;
            ties(&input).check()?;
            let volumes = input.volume_configurations.as_deref().unwrap_or_default();
            checks::check_volumes(volumes, service.scheduling)?;
            let present = service.revision.as_ref().and_then(|id| tx.service_revisions.get(&service.revision_key(id)));
            let present = present.map(|revision| revision.spec.clone());
            change_settings(&mut service, &mut input)?;
            if let Some(present) = present {
                let spec = change_spec(tx, &context, &cluster, present.clone(), &mut input)?;
                let id = new_deployment_id(context.ids());
                let definition = tx
                    .task_definitions
                    .get(&spec.task_definition)
                    .cloned()
                    .ok_or_else(|| api_models::Unexpected::new("the service's task definition is gone"))?;
                launch::<UpdateServiceError>(&service, &id, &spec, &definition)?;
                if spec != present || input.force_new_deployment == Some(true) {
                    begin_deployment(tx, &mut service, id, spec, context.ids(), now);
                }
            } else {
                check_task_sets(tx, &service)?;
            }
            let key = service.key.clone();
            if tx.services.get(&key).is_some_and(|before| **before != service) {
                tx.put(service);
            }
            let service = tx.services.get(&key).map(|service| service.to_api(tx, true));
            Ok(UpdateServiceResponse { service: service.map(Box::new) })
        })
        .await
}

fn ties(input: &UpdateServiceRequest) -> Ties<'_> {
    Ties {
        load_balancers: input.load_balancers.as_deref().unwrap_or_default(),
        service_registries: input.service_registries.as_deref().unwrap_or_default(),
        service_connect: input.service_connect_configuration.as_deref(),
        vpc_lattice: input.vpc_lattice_configurations.as_deref().unwrap_or_default(),
        gateway_connectors: input.gateway_connectors.as_ref().is_some_and(|list| !list.is_empty()),
    }
}

/// A service's controller can't be exchanged yet.
fn check_controller(service: &Service, input: &UpdateServiceRequest) -> Result<(), UpdateServiceError> {
    let asked = input.deployment_controller.as_ref().and_then(|controller| controller.r#type.as_ref());
    match asked {
        None => Ok(()),
        Some(same) if *same == service.controller.to_api() => Ok(()),
        Some(DeploymentControllerType::Unrecognized(_)) => {
            Err(invalid("deploymentController.type should be one of [ECS,CODE_DEPLOY,EXTERNAL]"))
        }
        Some(_) => Err(UnsupportedFeatureException::new(
            "LocalECS does not change the deployment controller of a service. Create the service again.",
        )
        .into()),
    }
}

/// Task sets must go on with what the service says from now on.
fn check_task_sets(state: &State, service: &Service) -> Result<(), UpdateServiceError> {
    where_to::strategies(&service.placement_strategy)?;
    Constraints::parse(&service.placement_constraints, &[])?;
    for set in task_sets_of(state, &service.key).filter(|set| set.status != TaskSetStatus::Draining) {
        if let Some(definition) = state.task_definitions.get(&set.spec.task_definition) {
            launch::<UpdateServiceError>(service, &set.key.id, &set.spec, definition)?;
        }
    }
    Ok(())
}

/// What changes without a new deployment.
fn change_settings(service: &mut Service, input: &mut UpdateServiceRequest) -> Result<(), UpdateServiceError> {
    if let Some(count) = input.desired_count {
        if service.scheduling == Scheduling::Daemon {
            return Err(invalid(
                "The daemon scheduling strategy does not support a desired count for services. Remove the desired \
                 count value and try again.",
            ));
        }
        service.desired_count = checks::check_desired(count)?;
    }
    if let Some(configuration) = input.deployment_configuration.take() {
        let mut configuration = *configuration;
        let before = &service.deployment_configuration;
        // What is not given stays as it is.
        configuration.maximum_percent = configuration.maximum_percent.or(before.maximum_percent);
        configuration.minimum_healthy_percent =
            configuration.minimum_healthy_percent.or(before.minimum_healthy_percent);
        configuration.deployment_circuit_breaker =
            configuration.deployment_circuit_breaker.or_else(|| before.deployment_circuit_breaker.clone());
        configuration.alarms = configuration.alarms.or_else(|| before.alarms.clone());
        checks::keep_strategy(&mut configuration, before);
        let configuration = checks::configuration(Some(configuration), service.scheduling)?;
        service.deployment_configuration = controller::configuration(service.controller, configuration)?;
    }
    if let Some(given) = input.availability_zone_rebalancing.take() {
        service.zone_rebalancing = checks::rebalancing(Some(given), service.scheduling)?;
    }
    if let Some(constraints) = input.placement_constraints.take() {
        service.placement_constraints = constraints;
    }
    if let Some(strategy) = input.placement_strategy.take() {
        if service.scheduling == Scheduling::Daemon && !strategy.is_empty() {
            return Err(invalid(
                "The daemon scheduling strategy does not support placement strategies. Remove the placement strategy \
                 and try again.",
            ));
        }
        // An empty object removes them as an empty list does.
        service.placement_strategy = strategy.into_iter().filter(|given| given.r#type.is_some()).collect();
    }
    if let Some(seconds) = input.health_check_grace_period_seconds {
        if seconds < 0 {
            return Err(invalid("healthCheckGracePeriodSeconds cannot be less than 0."));
        }
        service.health_check_grace_seconds = Some(seconds);
    }
    service.enable_execute_command = input.enable_execute_command.unwrap_or(service.enable_execute_command);
    service.enable_ecs_managed_tags = input.enable_ecs_managed_tags.unwrap_or(service.enable_ecs_managed_tags);
    if let Some(given) = input.propagate_tags.take() {
        service.propagate_tags = checks::propagate_tags(given)?;
    }
    if let Some(monitoring) = input.monitoring.take() {
        service.monitoring = Some(*monitoring);
    }
    Ok(())
}

/// What new tasks are made from.
fn change_spec(
    state: &State,
    context: &Context,
    cluster: &Cluster,
    mut spec: RevisionSpec,
    input: &mut UpdateServiceRequest,
) -> Result<RevisionSpec, UpdateServiceError> {
    if input.task_definition.is_some() {
        let definition = runnable_task_definition(state, &context.scope, input.task_definition.as_deref())?;
        spec.task_definition = definition.key.clone();
    }
    if let Some(strategy) = input.capacity_provider_strategy.take() {
        let given: Option<&[CapacityProviderStrategyItem]> = (!strategy.is_empty()).then_some(&strategy[..]);
        match Capacity::resolve(state, cluster, given.is_none().then_some(&LaunchType::Fargate), given)? {
            Capacity::Strategy(items) => {
                spec.launch_type = None;
                spec.capacity_provider_strategy = items;
                spec.platform_version.get_or_insert_with(|| "LATEST".to_owned());
            }
            Capacity::Providers { launch_type, items } => {
                spec.launch_type = Some(launch_type);
                spec.capacity_provider_strategy = items;
                spec.platform_version = None;
            }
            // An empty strategy: back to the launch type that the providers stand for.
            Capacity::Fargate | Capacity::Instances(_) => {
                if spec.launch_type.get_or_insert(LaunchType::Fargate) == &LaunchType::ManagedInstances {
                    spec.launch_type = Some(LaunchType::Ec2);
                }
                spec.capacity_provider_strategy.clear();
            }
        }
    }
    if let Some(network) = input.network_configuration.take() {
        spec.network_configuration = Some(*network);
    }
    if let Some(version) = input.platform_version.take().filter(|version| !version.is_empty()) {
        spec.platform_version = Some(version);
    }
    if let Some(connect) = input.service_connect_configuration.take() {
        spec.service_connect = Some(*connect);
    }
    if let Some(volumes) = input.volume_configurations.take() {
        spec.volume_configurations = volumes;
    }
    Ok(spec)
}

#[cfg(test)]
mod tests;
