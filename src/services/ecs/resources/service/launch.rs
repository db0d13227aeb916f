//! From a service and one of its revisions to what its tasks have in common.

use std::sync::Arc;

use api_models::ecs::{
    CommonError, LaunchType, PlatformTaskDefinitionIncompatibilityException, PlatformUnknownException, PropagateTags,
    Tag,
};

use super::{DeploymentId, RevisionSpec, Service, ServiceLink};
use crate::services::ecs::resources::capacity::Capacity;
use crate::services::ecs::resources::{Blueprint, TaskDefinition, TaskRequest, VolumeRequest, where_to};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::services::ecs::scheduler::placement::Strategy;

/// What a deployment's tasks are made from.
#[derive(Clone, Debug)]
pub struct Launch {
    pub blueprint: Blueprint,
    pub capacity: Capacity,
    /// None on Fargate.
    pub constraints: Constraints,
    pub strategies: Vec<Strategy>,
}

impl RevisionSpec {
    /// What its tasks run on.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        let items = || self.capacity_provider_strategy.clone();
        match &self.launch_type {
            Some(launch_type) if !self.capacity_provider_strategy.is_empty() => {
                Capacity::Providers { launch_type: launch_type.clone(), items: items() }
            }
            None => Capacity::Strategy(items()),
            Some(LaunchType::Fargate) => Capacity::Fargate,
            Some(other) => Capacity::Instances(other.clone()),
        }
    }
}

/// How the tasks of `deployment`, which runs `spec`, are to be launched.
///
/// # Errors
/// In ECS's words, when the parts don't go together. It is asked before they are accepted.
pub fn launch<E>(
    service: &Service,
    deployment: &DeploymentId,
    spec: &RevisionSpec,
    definition: &Arc<TaskDefinition>,
) -> Result<Launch, E>
where
    E: From<CommonError> + From<PlatformUnknownException> + From<PlatformTaskDefinitionIncompatibilityException>,
{
    let capacity = spec.capacity();
    let strategies = where_to::strategies(&service.placement_strategy)?;
    let (platform, constraints) = match &capacity {
        Capacity::Fargate | Capacity::Strategy(_) => {
            where_to::not_on_fargate(service.placement_constraints.is_empty(), strategies.is_empty())?;
            (Some(where_to::platform(spec.platform_version.as_deref())?), Constraints::default())
        }
        Capacity::Instances(_) | Capacity::Providers { .. } => {
            where_to::no_platform(spec.platform_version.as_deref())?;
            (None, where_to::constraints(&service.placement_constraints, definition)?)
        }
    };
    let own_tags: &[Tag] = if service.propagate_tags == PropagateTags::Service { &service.tags } else { &[] };
    let from_definition = service.propagate_tags == PropagateTags::TaskDefinition;
    let request = TaskRequest {
        enable_ecs_managed_tags: service.enable_ecs_managed_tags,
        enable_execute_command: service.enable_execute_command,
        group: Some(service.key.group()),
        network_configuration: spec.network_configuration.clone(),
        propagate_tags: from_definition.then_some(PropagateTags::TaskDefinition),
        started_by: Some(format!("ecs-svc/{deployment}")),
        service: Some(ServiceLink { name: service.key.name.clone(), deployment: deployment.clone(), settled: false }),
        tags: own_tags.to_vec(),
        volume_configurations: spec.volume_configurations.iter().cloned().map(VolumeRequest::from).collect(),
        ..TaskRequest::default()
    };
    let blueprint = request.blueprint(&service.key.cluster(), definition, &capacity.compatibility(), platform)?;
    if blueprint.platform.is_some() {
        where_to::check_platform(definition)?;
    }
    Ok(Launch { blueprint, capacity, constraints, strategies })
}
