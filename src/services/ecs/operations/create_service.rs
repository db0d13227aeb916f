//! CreateService: a service whose tasks the scheduler starts and keeps.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>

use std::collections::BTreeSet;

use api_models::ecs::{
    CreateServiceError, CreateServiceRequest, CreateServiceResponse, DeploymentController, DeploymentControllerType,
    InvalidParameterException, LaunchType, PropagateTags, SchedulingStrategy,
};

use crate::services::Context;
use crate::services::ecs::resources::capacity::Capacity;
use crate::services::ecs::resources::idempotency::{self, IdempotencyKey, IdempotencyToken};
use crate::services::ecs::resources::service::checks::{self, Ties};
use crate::services::ecs::resources::service::{
    Asked, Controller, RevisionSpec, Scheduling, Service, ServiceKey, ServiceStatus, TaskSet, TaskSetKey,
    TaskSetStatus, begin_deployment, check_quota, controller, forget, launch, new_deployment_id,
};
use crate::services::ecs::resources::{Cluster, TaskDefinition, lookup, runnable_task_definition, tags, where_to};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::store::State;
use crate::time::Timestamp;

fn invalid(message: impl Into<String>) -> CreateServiceError {
    InvalidParameterException::new(message).into()
}

/// Answers as soon as the service is written down; its tasks come later.
pub(crate) async fn handle(
    context: Context,
    mut input: CreateServiceRequest,
) -> Result<CreateServiceResponse, CreateServiceError> {
    let token = input.client_token.take().filter(|token| !token.is_empty());
    let identity = match token {
        Some(token) => {
            idempotency::check_token(&token)?;
            Some((token, idempotency::fingerprint(&input)?))
        }
        None => None,
    };
    checks::check_name(input.service_name.as_deref())?;
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    let controller = controller_of(input.deployment_controller.as_deref())?;
    let scheduling = scheduling(&input, controller)?;
    controller::check_scheduling(controller, scheduling)?;
    controller::check_creation(controller, &input)?;
    checks::check_volumes(input.volume_configurations.as_deref().unwrap_or_default(), scheduling)?;
    Ties {
        load_balancers: input.load_balancers.as_deref().unwrap_or_default(),
        service_registries: input.service_registries.as_deref().unwrap_or_default(),
        service_connect: input.service_connect_configuration.as_deref(),
        vpc_lattice: input.vpc_lattice_configurations.as_deref().unwrap_or_default(),
        gateway_connectors: input.gateway_connectors.as_ref().is_some_and(|list| !list.is_empty()),
    }
    .check()?;
    if input.role.as_deref().is_some_and(|role| !role.is_empty()) {
        return Err(invalid("Cannot specify an IAM role for services that require a service linked role."));
    }
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.clone();
            let repeated = identity.map(|(token, fingerprint)| {
                let operation = "CreateService".to_owned();
                (IdempotencyKey { scope: context.scope.clone(), operation, token }, fingerprint)
            });
            let key = ServiceKey::new(&cluster.key, input.service_name.as_deref().unwrap_or_default());
            if let Some((token, fingerprint)) = &repeated {
                // The error that other operations have for this is none of CreateService's.
                match idempotency::recall(tx, token, fingerprint, now) {
                    Ok(Some(_)) if tx.services.get(&key).is_some_and(|it| it.status == ServiceStatus::Active) => {
                        return Ok(answer(tx, &key));
                    }
                    Ok(_) => {}
                    Err(_) => return Err(invalid("Creation of service was not idempotent.")),
                }
            }
            match tx.services.get(&key).map(|present| present.status) {
                Some(ServiceStatus::Active) => return Err(invalid("Creation of service was not idempotent.")),
                Some(ServiceStatus::Draining) => {
                    return Err(invalid("Unable to Start a service that is still Draining."));
                }
                Some(ServiceStatus::Inactive) => forget(tx, &key),
                None => {}
            }
            check_quota(tx, &cluster.key)?;
            if controller == Controller::External {
                let service = service(&mut input, key.clone(), scheduling, controller, now)?;
                // There is no task definition yet that they could be checked with.
                where_to::strategies(&service.placement_strategy)?;
                Constraints::parse(&service.placement_constraints, &[])?;
                tx.put(service);
            } else {
                let definition =
                    runnable_task_definition(tx, &context.scope, input.task_definition.as_deref())?.clone();
                let spec = spec(tx, &mut input, scheduling, &cluster, &definition)?;
                let mut service = service(&mut input, key.clone(), scheduling, controller, now)?;
                let id = new_deployment_id(context.ids());
                // What can't be launched is refused here, not found out by the scheduler.
                launch::<CreateServiceError>(&service, &id, &spec, &definition)?;
                if controller == Controller::CodeDeploy {
                    let set = TaskSet::new(TaskSetKey { service: key.clone(), id }, spec, 100.0, now);
                    tx.put(TaskSet { status: TaskSetStatus::Primary, ..set });
                } else {
                    begin_deployment(tx, &mut service, id, spec, context.ids(), now);
                }
                tx.put(service);
            }
            if let Some((key, fingerprint)) = repeated {
                let resource_arns =
                    vec![ServiceKey::new(&cluster.key, input.service_name.as_deref().unwrap_or_default()).arn()];
                idempotency::remember(tx, IdempotencyToken { key, fingerprint, resource_arns, used_at: now });
            }
            Ok(answer(tx, &key))
        })
        .await
}

fn answer(state: &State, key: &ServiceKey) -> CreateServiceResponse {
    let service = state.services.get(key).map(|service| service.to_api(state, true));
    CreateServiceResponse { service: service.map(Box::new) }
}

fn scheduling(input: &CreateServiceRequest, controller: Controller) -> Result<Scheduling, CreateServiceError> {
    match &input.scheduling_strategy {
        None | Some(SchedulingStrategy::Replica) => {
            if let Some(count) = input.desired_count {
                checks::check_desired(count)?;
            } else if controller != Controller::External {
                return Err(invalid("desiredCount can not be blank."));
            }
            Ok(Scheduling::Replica)
        }
        Some(SchedulingStrategy::Daemon) => {
            if input.desired_count.is_some() {
                return Err(invalid(
                    "The daemon scheduling strategy does not support a desired count for services. Remove the desired \
                     count value and try again.",
                ));
            }
            if input.placement_strategy.as_ref().is_some_and(|given| !given.is_empty()) {
                return Err(invalid(
                    "The daemon scheduling strategy does not support placement strategies. Remove the placement \
                     strategy and try again.",
                ));
            }
            Ok(Scheduling::Daemon)
        }
        Some(SchedulingStrategy::Unrecognized(_)) => {
            Err(invalid("schedulingStrategy should be one of [REPLICA,DAEMON]"))
        }
    }
}

fn controller_of(given: Option<&DeploymentController>) -> Result<Controller, CreateServiceError> {
    match given.and_then(|given| given.r#type.as_ref()) {
        None | Some(DeploymentControllerType::Ecs) => Ok(Controller::Ecs),
        Some(DeploymentControllerType::Unrecognized(_)) => {
            Err(invalid("deploymentController.type should be one of [ECS,CODE_DEPLOY,EXTERNAL]"))
        }
        Some(DeploymentControllerType::CodeDeploy) => Ok(Controller::CodeDeploy),
        Some(DeploymentControllerType::External) => Ok(Controller::External),
    }
}

/// What the first revision is made of.
fn spec(
    state: &State,
    input: &mut CreateServiceRequest,
    scheduling: Scheduling,
    cluster: &Cluster,
    definition: &TaskDefinition,
) -> Result<RevisionSpec, CreateServiceError> {
    let given = input.capacity_provider_strategy.as_ref().is_some_and(|items| !items.is_empty());
    let mut asked = Asked {
        launch_type: input.launch_type.take(),
        capacity_provider_strategy: input.capacity_provider_strategy.take(),
        platform_version: input.platform_version.take(),
        network_configuration: input.network_configuration.take().map(|network| *network),
        service_connect: input.service_connect_configuration.take().map(|connect| *connect),
        volume_configurations: input.volume_configurations.take().unwrap_or_default(),
    };
    if scheduling == Scheduling::Daemon {
        if given {
            return Err(invalid(
                "The daemon scheduling strategy does not support capacity provider strategies. Specify a launch type \
                 and try again.",
            ));
        }
        // Its instances are all of the cluster, whatever the default strategy says.
        let default = Capacity::resolve(state, cluster, asked.launch_type.as_ref(), None)?;
        if matches!(default, Capacity::Providers { .. }) {
            asked.launch_type = Some(LaunchType::Ec2);
        }
    }
    let spec = asked.spec(state, cluster, definition)?;
    if scheduling == Scheduling::Daemon && !matches!(spec.capacity(), Capacity::Instances(_)) {
        return Err(invalid("The daemon scheduling strategy is not supported with the Fargate launch type."));
    }
    Ok(spec)
}

fn service(
    input: &mut CreateServiceRequest,
    key: ServiceKey,
    scheduling: Scheduling,
    controller: Controller,
    now: Timestamp,
) -> Result<Service, CreateServiceError> {
    if input.health_check_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
        return Err(invalid("healthCheckGracePeriodSeconds cannot be less than 0."));
    }
    let configuration = input.deployment_configuration.take().map(|configuration| *configuration);
    let configuration = checks::configuration(configuration, scheduling)?;
    Ok(Service {
        key,
        status: ServiceStatus::Active,
        scheduling,
        controller,
        desired_count: input.desired_count.unwrap_or(0),
        revision: None,
        last_completed: None,
        deployments: Vec::new(),
        deployment_configuration: controller::configuration(controller, configuration)?,
        placement_constraints: input.placement_constraints.take().unwrap_or_default(),
        placement_strategy: input.placement_strategy.take().unwrap_or_default(),
        zone_rebalancing: checks::rebalancing(input.availability_zone_rebalancing.take(), scheduling)?,
        health_check_grace_seconds: input.health_check_grace_period_seconds,
        enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
        propagate_tags: checks::propagate_tags(input.propagate_tags.take().unwrap_or(PropagateTags::None))?,
        enable_execute_command: input.enable_execute_command == Some(true),
        monitoring: input.monitoring.take().map(|monitoring| *monitoring),
        tags: input.tags.take().unwrap_or_default(),
        created_at: now,
        inactive_at: None,
        steady: false,
        noted: BTreeSet::new(),
        lacks_capacity: false,
        moving: false,
    })
}

#[cfg(test)]
mod tests;
