//! What lives in a cluster, counted, and the cluster's rendering.

use std::sync::Arc;

use api_models::ecs::{self, ClusterField, KeyValuePair, LaunchType};

use super::{Cluster, ClusterKey, ClusterStatus};
use crate::services::ecs::resources::capacity_provider;
use crate::services::ecs::resources::service::{ServiceStatus, services_of};
use crate::services::ecs::resources::{ContainerInstance, ContainerInstanceKey, Task, TaskKey};
use crate::store::State;

/// The cluster's tasks by id, the stopped ones that are still kept among them.
pub fn tasks_of<'a>(state: &'a State, cluster: &'a ClusterKey) -> impl Iterator<Item = &'a Arc<Task>> {
    let first = TaskKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: "".into() };
    state
        .tasks
        .range(first..)
        .take_while(move |(key, _)| key.cluster == cluster.name && key.scope == cluster.scope)
        .map(|(_, task)| task)
}

/// The cluster's container instances by id, whatever their status.
pub fn instances_of<'a>(state: &'a State, cluster: &'a ClusterKey) -> impl Iterator<Item = &'a Arc<ContainerInstance>> {
    let first = ContainerInstanceKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: "".into() };
    state
        .container_instances
        .range(first..)
        .take_while(move |(key, _)| key.cluster == cluster.name && key.scope == cluster.scope)
        .map(|(_, instance)| instance)
}

/// Running and pending tasks, by what they run on: EC2, Fargate, external and managed instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    running: [i32; 4],
    pending: [i32; 4],
    instances: i32,
    /// Services, by what their tasks run on.
    active: [i32; 4],
    draining: [i32; 4],
}

impl Census {
    /// Counts what is in the cluster now.
    #[must_use]
    pub fn take(state: &State, cluster: &ClusterKey) -> Self {
        let tasks = state.cluster_tallies.of(cluster);
        let instances = i32::try_from(state.instance_offers.registered(cluster)).unwrap_or(i32::MAX);
        let mut census = Self { running: tasks.running, pending: tasks.pending, instances, ..Self::default() };
        for service in services_of(state, cluster) {
            let revision = service.revision.as_ref().map(|id| service.revision_key(id));
            let spec = revision.and_then(|key| state.service_revisions.get(&key)).map(|revision| &revision.spec);
            let kind = match spec.and_then(|spec| spec.launch_type.as_ref()) {
                Some(LaunchType::ManagedInstances) => 3,
                Some(LaunchType::External) => 2,
                Some(LaunchType::Fargate) => 1,
                Some(_) => 0,
                None => usize::from(spec.is_some()),
            };
            match service.status {
                ServiceStatus::Active => census.active[kind] += 1,
                ServiceStatus::Draining => census.draining[kind] += 1,
                ServiceStatus::Inactive => {}
            }
        }
        census
    }

    /// The sixteen statistics in AWS's order.
    fn statistics(&self) -> Vec<KeyValuePair> {
        let [running_ec2, running_fargate, running_external, running_managed] = self.running;
        let [pending_ec2, pending_fargate, pending_external, pending_managed] = self.pending;
        let [active_ec2, active_fargate, active_external, active_managed] = self.active;
        let [draining_ec2, draining_fargate, draining_external, draining_managed] = self.draining;
        [
            ("runningEC2TasksCount", running_ec2),
            ("runningFargateTasksCount", running_fargate),
            ("pendingEC2TasksCount", pending_ec2),
            ("pendingFargateTasksCount", pending_fargate),
            ("runningExternalTasksCount", running_external),
            ("pendingExternalTasksCount", pending_external),
            ("runningManagedInstancesTasksCount", running_managed),
            ("pendingManagedInstancesTasksCount", pending_managed),
            ("activeEC2ServiceCount", active_ec2),
            ("activeFargateServiceCount", active_fargate),
            ("drainingEC2ServiceCount", draining_ec2),
            ("drainingFargateServiceCount", draining_fargate),
            ("activeExternalServiceCount", active_external),
            ("drainingExternalServiceCount", draining_external),
            ("activeManagedInstancesServiceCount", active_managed),
            ("drainingManagedInstancesServiceCount", draining_managed),
        ]
        .into_iter()
        .map(|(name, value)| KeyValuePair { name: Some(name.to_owned()), value: Some(value.to_string()) })
        .collect()
    }
}

impl Cluster {
    /// The cluster as DescribeClusters shows it with these `include` values: the lists are there in any case, empty
    /// unless asked for.
    #[must_use]
    pub fn to_api(&self, state: &State, include: &[ClusterField]) -> ecs::Cluster {
        let asked = |field: ClusterField| include.contains(&field);
        let census = match self.status {
            ClusterStatus::Active => Census::take(state, &self.key),
            ClusterStatus::Inactive => Census::default(),
        };
        let attachments = asked(ClusterField::Attachments);

        ecs::Cluster {
            cluster_arn: Some(self.key.arn()),
            cluster_name: Some(self.key.name.to_string()),
            configuration: self.configuration.clone().filter(|_| asked(ClusterField::Configurations)).map(Box::new),
            status: Some(self.status.as_str().to_owned()),
            registered_container_instances_count: Some(census.instances),
            running_tasks_count: Some(census.running.iter().sum()),
            pending_tasks_count: Some(census.pending.iter().sum()),
            active_services_count: Some(census.active.iter().sum()),
            statistics: Some(if asked(ClusterField::Statistics) { census.statistics() } else { Vec::new() }),
            tags: Some(if asked(ClusterField::Tags) { self.tags.clone() } else { Vec::new() }),
            settings: Some(if asked(ClusterField::Settings) { self.settings.clone() } else { Vec::new() }),
            capacity_providers: Some(self.capacity_providers.clone()),
            default_capacity_provider_strategy: Some(self.default_capacity_provider_strategy.clone()),
            // Attachments are what connects a cluster to Auto Scaling groups; Fargate needs none.
            attachments: attachments
                .then(|| capacity_provider::attachments(state, self, &self.capacity_providers, "ACTIVE")),
            attachments_status: (attachments && !self.capacity_providers.is_empty())
                .then(|| "UPDATE_COMPLETE".to_owned()),
            service_connect_defaults: self.service_connect_defaults.clone().map(Box::new),
        }
    }

    /// The cluster as the operations that change it answer it.
    #[must_use]
    pub fn to_answer(&self, state: &State) -> ecs::Cluster {
        self.to_api(state, &[ClusterField::Configurations, ClusterField::Settings, ClusterField::Tags])
    }
}
