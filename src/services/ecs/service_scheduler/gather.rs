//! What a plan for a service is made from, out of the state.

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{ContainerImage, LaunchType};

use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::service::{
    Phase, RevisionSpec, Scheduling, Service, ServiceDeployment, ServiceDeploymentKey, ServiceRevision, task_sets_of,
};
use crate::services::ecs::resources::{ContainerInstance, ContainerInstanceKey, Task, TaskStatus};
use crate::services::ecs::scheduler::plan_service::{Instances, KeptTaskSet};
use crate::services::ecs::{images, network};
use crate::store::State;

/// The part of the state that concerns one service.
pub(super) struct Gathered {
    pub(super) under_way: Option<Arc<ServiceDeployment>>,
    pub(super) live: Vec<Arc<Task>>,
    pub(super) ended: Vec<Arc<Task>>,
    pub(super) instances: Instances,
    pub(super) task_sets: Vec<KeptTaskSet>,
    /// The newest revision, with its images, when those are known now and were not before.
    pub(super) images: Option<ServiceRevision>,
}

impl Gathered {
    pub(super) fn new(state: &State, service: &Service) -> Self {
        let tasks = |phase| -> Vec<Arc<Task>> {
            state.service_tasks.of(&service.key, phase).filter_map(|key| state.tasks.get(&key).cloned()).collect()
        };
        let under_way = service.primary().and_then(|primary| primary.service_deployment.clone());
        let under_way = under_way
            .and_then(|id| state.service_deployments.get(&ServiceDeploymentKey { service: service.key.clone(), id }));
        let live = tasks(Phase::Live);
        // Known as soon as it is to stop: its replacement does not wait until it has.
        let stopping = |task: &&Arc<Task>| {
            task.desired_status == TaskStatus::Stopped && task.service.as_ref().is_some_and(|link| !link.settled)
        };
        let mut ended = tasks(Phase::Ended);
        ended.extend(live.iter().filter(stopping).cloned());
        let revision = service.revision.as_ref().and_then(|id| state.service_revisions.get(&service.revision_key(id)));
        Self {
            under_way: under_way.cloned(),
            ended,
            instances: revision.map(|revision| instances(state, service, &revision.spec, &live)).unwrap_or_default(),
            task_sets: task_sets_of(state, &service.key)
                .map(|set| KeptTaskSet { set: set.clone(), instances: instances(state, service, &set.spec, &live) })
                .collect(),
            images: revision.and_then(|revision| resolve(state, revision, &live)),
            live,
        }
    }
}

fn instances(state: &State, service: &Service, spec: &RevisionSpec, live: &[Arc<Task>]) -> Instances {
    let strategy = spec.capacity().shares();
    if !matches!(spec.launch_type, Some(LaunchType::Ec2 | LaunchType::ManagedInstances)) {
        return Instances { zones: zones_of_subnets(service, spec), strategy, ..Instances::default() };
    }
    let cluster = service.key.cluster();
    let of_strategy = |provider: Option<&str>| {
        strategy.is_empty() || provider.is_some_and(|provider| strategy.iter().any(|(name, _)| name == provider))
    };
    let mut found = Instances {
        zones: state.instance_offers.zones(&cluster, of_strategy).into_iter().collect(),
        leaving: state.instance_offers.draining(&cluster).cloned().collect(),
        ..Instances::default()
    };
    if service.scheduling == Scheduling::Daemon {
        let usable = |instance: &&ContainerInstance| {
            instance.status == "ACTIVE"
                && instance.agent_connected
                && of_strategy(instance.capacity_provider.as_deref())
        };
        let all = instances_of(state, &cluster).map(|instance| &**instance);
        let active: Vec<&ContainerInstance> = all.filter(usable).collect();
        found.matching = super::launch::matching(state, service, spec, &active);
        let keys = active.iter().map(|instance| &instance.key);
        found.excluded = keys.filter(|key| found.matching.binary_search(key).is_err()).cloned().collect();
        found.matching.extend(out_of_reach(state, live));
        found.matching.sort();
        found.matching.dedup();
    }
    found.strategy = strategy;
    found
}

/// The instances of tasks whose agents are not connected: they are left as they are.
fn out_of_reach(state: &State, live: &[Arc<Task>]) -> Vec<ContainerInstanceKey> {
    let disconnected = |key: &&ContainerInstanceKey| {
        let instance = state.container_instances.get(*key);
        instance.is_some_and(|instance| instance.status == "ACTIVE" && !instance.agent_connected)
    };
    let running = live.iter().filter(|task| task.desired_status == TaskStatus::Running);
    let found: BTreeSet<_> = running.filter_map(|task| task.container_instance.as_ref()).filter(disconnected).collect();
    found.into_iter().cloned().collect()
}

fn zones_of_subnets(service: &Service, spec: &RevisionSpec) -> Vec<String> {
    let vpc = spec.network_configuration.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
    let subnets = vpc.and_then(|vpc| vpc.subnets.as_deref()).unwrap_or_default();
    let region = &service.key.scope.region;
    let zones: BTreeSet<String> = subnets.iter().map(|subnet| network::zone_of_subnet(region, subnet)).collect();
    zones.into_iter().collect()
}

/// The revision with the digests that its tasks got its images by, if they tell of any it does not know yet.
fn resolve(state: &State, revision: &ServiceRevision, live: &[Arc<Task>]) -> Option<ServiceRevision> {
    let known = |name: &str| {
        let is_known = |image: &ContainerImage| image.container_name.as_deref() == Some(name);
        revision.images.iter().any(|image| is_known(image) && image.image_digest.is_some())
    };
    let tells = |task: &&Arc<Task>| {
        task.service.as_ref().is_some_and(|link| link.deployment == revision.key.id)
            && task.containers.iter().any(|container| container.image_digest.is_some() && !known(&container.name))
    };
    // The definition is unpacked for news only.
    let mut telling = live.iter().filter(tells).peekable();
    telling.peek()?;
    let definition = state.task_definitions.get(&revision.spec.task_definition)?.render();
    let begun = match revision.images.is_empty() {
        true => images::unresolved(&definition),
        false => revision.images.clone(),
    };
    let images = telling.find_map(|task| images::resolve(&begun, &definition, task))?;
    Some(ServiceRevision { images, ..revision.clone() })
}
