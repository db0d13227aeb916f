//! A service as the API shows it.

use std::sync::Arc;

use api_models::ecs::{self, DeploymentController, ServiceCurrentRevisionSummary};

use super::revision::{RevisionSpec, exact_platform, some};
use super::{
    Controller, Counts, Deployment, DeploymentId, Service, ServiceDeploymentKey, ServiceRevision, ServiceRevisionKey,
    ServiceStatus, events_of, newest_task_sets,
};
use crate::store::State;

impl Service {
    /// The service as DescribeServices answers it; with tags when `tags` says so (`include: [TAGS]`).
    #[must_use]
    pub fn to_api(&self, state: &State, tags: bool) -> ecs::Service {
        let counts = Counts::of_service(state, &self.key);
        let spec = self.spec(state);
        let key = &self.key;
        let current = self.primary().and_then(|primary| primary.service_deployment.as_ref());
        ecs::Service {
            service_arn: Some(key.arn()),
            service_name: Some(key.name.to_string()),
            cluster_arn: Some(key.cluster().arn()),
            load_balancers: Some(spec.map(|spec| spec.load_balancers.clone()).unwrap_or_default()),
            service_registries: Some(spec.map(|spec| spec.service_registries.clone()).unwrap_or_default()),
            status: Some(self.status.as_str().to_owned()),
            desired_count: Some(self.desired_count),
            running_count: Some(counts.iter().map(|(_, counts)| counts.running).sum()),
            pending_count: Some(counts.iter().map(|(_, counts)| counts.pending).sum()),
            launch_type: spec.and_then(RevisionSpec::shown_launch_type),
            capacity_provider_strategy: spec.and_then(|spec| some(&spec.capacity_provider_strategy)),
            platform_version: spec.and_then(|spec| spec.platform_version.clone()),
            platform_family: spec.filter(|spec| spec.on_fargate()).map(|_| "Linux".to_owned()),
            task_definition: spec.map(|spec| spec.task_definition.arn()),
            deployment_configuration: Some(Box::new(self.deployment_configuration.clone())),
            task_sets: (self.controller != Controller::Ecs)
                .then(|| newest_task_sets(state, key).into_iter().map(|set| set.to_api(state, tags)).collect()),
            deployments: Some(self.render_deployments(state, &counts)),
            role_arn: Some(key.scope.iam_arn("role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")),
            events: Some(events_of(state, key).rev().map(|event| event.to_api()).collect()),
            created_at: Some(self.created_at),
            current_service_deployment: current
                .map(|id| ServiceDeploymentKey { service: key.clone(), id: id.clone() }.arn()),
            current_service_revisions: self.current_revisions(&counts),
            placement_constraints: Some(self.placement_constraints.clone()),
            placement_strategy: Some(self.placement_strategy.clone()),
            network_configuration: spec.and_then(|spec| spec.network_configuration.clone()).map(Box::new),
            health_check_grace_period_seconds: Some(self.health_check_grace_seconds.unwrap_or(0)),
            scheduling_strategy: Some(self.scheduling.to_api()),
            deployment_controller: Some(Box::new(DeploymentController { r#type: Some(self.controller.to_api()) })),
            tags: tags.then(|| self.tags.clone()),
            created_by: Some(key.scope.iam_arn("root")),
            enable_ecs_managed_tags: Some(self.enable_ecs_managed_tags),
            propagate_tags: Some(self.propagate_tags.clone()),
            enable_execute_command: Some(self.enable_execute_command),
            availability_zone_rebalancing: Some(self.zone_rebalancing.clone()),
            resource_management_type: Some(ecs::ResourceManagementType::Customer),
        }
    }

    fn revision_of<'a>(&self, state: &'a State, id: &DeploymentId) -> Option<&'a Arc<ServiceRevision>> {
        state.service_revisions.get(&self.revision_key(id))
    }

    /// Those that have tasks, and the newest.
    fn current_revisions(&self, counts: &[(DeploymentId, Counts)]) -> Option<Vec<ServiceCurrentRevisionSummary>> {
        if self.controller != Controller::Ecs || self.status == ServiceStatus::Inactive {
            return None;
        }
        let summary = |id: &DeploymentId, requested: i32, counts: Counts| ServiceCurrentRevisionSummary {
            arn: Some(ServiceRevisionKey { service: self.key.clone(), id: id.clone() }.arn()),
            requested_task_count: Some(requested),
            running_task_count: Some(counts.running),
            pending_task_count: Some(counts.pending),
        };
        let shown = self.deployments.iter().enumerate().map(|(index, deployment)| {
            let counts = counts_of(counts, &deployment.id);
            summary(&deployment.id, if index == 0 { self.desired_count } else { counts.desired }, counts)
        });
        Some(shown.collect())
    }

    fn render_deployments(&self, state: &State, counts: &[(DeploymentId, Counts)]) -> Vec<ecs::Deployment> {
        let shown = self.deployments.iter().enumerate().map(|(index, deployment)| {
            let revision = self.revision_of(state, &deployment.id);
            self.render_deployment(deployment, revision, index == 0, counts_of(counts, &deployment.id))
        });
        shown.collect()
    }

    fn render_deployment(
        &self,
        deployment: &Deployment,
        revision: Option<&Arc<ServiceRevision>>,
        primary: bool,
        counts: Counts,
    ) -> ecs::Deployment {
        let spec = revision.map(|revision| &revision.spec);
        ecs::Deployment {
            id: Some(deployment.name()),
            status: Some(if primary { "PRIMARY" } else { "ACTIVE" }.to_owned()),
            task_definition: spec.map(|spec| spec.task_definition.arn()),
            desired_count: Some(if primary { self.desired_count } else { counts.desired }),
            pending_count: Some(counts.pending),
            running_count: Some(counts.running),
            failed_tasks: Some(deployment.failed_tasks),
            created_at: Some(deployment.created_at),
            updated_at: Some(deployment.updated_at),
            capacity_provider_strategy: spec.and_then(|spec| some(&spec.capacity_provider_strategy)),
            launch_type: spec.and_then(RevisionSpec::shown_launch_type),
            platform_version: spec.and_then(|spec| spec.platform_version.as_deref()).map(exact_platform),
            platform_family: spec.filter(|spec| spec.on_fargate()).map(|_| "Linux".to_owned()),
            network_configuration: spec.and_then(|spec| spec.network_configuration.clone()).map(Box::new),
            rollout_state: Some(deployment.rollout.to_api()),
            rollout_state_reason: Some(deployment.rollout_reason.clone()),
            service_connect_configuration: spec.and_then(|spec| spec.service_connect.clone()).map(Box::new),
            volume_configurations: spec.and_then(|spec| some(&spec.volume_configurations)),
            vpc_lattice_configurations: spec.and_then(|spec| some(&spec.vpc_lattice_configurations)),
            ..ecs::Deployment::default()
        }
    }
}

fn counts_of(counts: &[(DeploymentId, Counts)], id: &DeploymentId) -> Counts {
    counts.iter().find(|(deployment, _)| deployment == id).map_or_else(Counts::default, |(_, counts)| *counts)
}
