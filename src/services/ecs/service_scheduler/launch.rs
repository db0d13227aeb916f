//! New tasks of a service: where they go, and their records.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::{CreateServiceError, LaunchType};

use crate::services::Shared;
use crate::services::ecs::resources::capacity::{Capacity, each};
use crate::services::ecs::resources::capacity_provider::{TOO_MANY_WAIT, gets_more, instances_for, may_wait};
use crate::services::ecs::resources::service::{
    Action, ActionName, DeploymentId, Launch, Phase, RevisionSpec, Service, TaskSetKey, launch,
};
use crate::services::ecs::resources::{
    ContainerInstance, ContainerInstanceKey, Place, Task, TaskStatus, Under, Waiting, reservation, unusable_role,
};
use crate::services::ecs::scheduler::placement::{self, Candidate, Requirements, Strategy, ZONE_ATTRIBUTE};
use crate::services::ecs::scheduler::plan_service::Start;
use crate::services::ecs::{auto_instances, network};
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// What came of a start.
#[derive(Debug, Default)]
pub(super) struct Started {
    /// Their resources are reserved; they are not written yet.
    pub(super) tasks: Vec<Task>,
    /// Why not all of them found a place.
    pub(super) failure: Option<Failure>,
}

/// Why a task could not be started.
#[derive(Debug)]
pub(super) struct Failure {
    /// In the words of the service event.
    pub(super) what: String,
    pub(super) action: Action,
    /// Nothing that the scheduler hears of will mend it: it is tried again later.
    pub(super) try_again: bool,
}

impl Failure {
    fn placement(what: String, reason: &str, providers: &[String]) -> Self {
        let mut action = Action::new(ActionName::ServiceTaskPlacementFailure).because(reason);
        action.capacity_provider_arns = providers.to_vec();
        Self { what, action, try_again: false }
    }
}

/// Makes the tasks of `start`.
pub(super) fn start(
    tx: &mut Transaction,
    shared: &Shared,
    service: &Service,
    start: &Start,
    now: Timestamp,
) -> Result<Started, Unexpected> {
    let launch = match of_deployment(tx, service, &start.deployment)? {
        Ok(launch) => launch,
        // It was accepted once; what it depends on is gone.
        Err(error) => {
            let what = format!("was unable to place a task. Reason: {error}");
            let action = Action::new(ActionName::ServiceTaskConfigurationFailure).because(error);
            return Ok(Started { tasks: Vec::new(), failure: Some(Failure { what, action, try_again: false }) });
        }
    };
    if let Some(why) = unusable_role(tx, &shared.config, &launch.blueprint) {
        let what = format!("failed to launch a task with (error {why}).");
        let action = Action::new(ActionName::ServiceTaskConfigurationFailure).because(why);
        return Ok(Started { failure: Some(Failure { what, action, try_again: true }), ..Started::default() });
    }
    let own: Vec<Arc<Task>> = tx
        .service_tasks
        .of(&service.key, Phase::Live)
        .filter_map(|key| tx.tasks.get(&key).cloned())
        .filter(|task| task.desired_status == TaskStatus::Running)
        .collect();
    match &launch.capacity {
        Capacity::Fargate | Capacity::Strategy(_) => Ok(on_fargate(shared, &launch, &own, start, now)),
        Capacity::Providers { .. } | Capacity::Instances(_) => {
            let spec = spec_of(tx, service, &start.deployment);
            let providers = spec.map(|spec| spec.capacity_provider_arns(&service.key.scope)).unwrap_or_default();
            let failed = |what, reason: &str| Failure::placement(what, reason, &providers);
            let launcher = Launcher { shared, launch: &launch, own: &own, failed: &failed, now };
            Ok(match &launch.capacity {
                Capacity::Providers { launch_type, .. } => launcher.on_providers(tx, service, start, launch_type),
                _ => launcher.on_instances(tx, &start.on, None, start.count),
            })
        }
    }
}

/// How the tasks of a deployment or of a task set are to be launched; the reason when they can't be.
fn of_deployment(state: &State, service: &Service, id: &DeploymentId) -> Result<Result<Launch, String>, Unexpected> {
    if let Some(revision) = state.service_revisions.get(&service.revision_key(id)) {
        let launch = of_spec(state, service, id, &revision.spec);
        // All tasks of a revision run the versions that its first one got.
        return Ok(launch.map(|mut launch| {
            launch.blueprint.images.clone_from(&revision.images);
            launch
        }));
    }
    match state.task_sets.get(&TaskSetKey { service: service.key.clone(), id: id.clone() }) {
        Some(set) => Ok(of_spec(state, service, id, &set.spec)),
        None => Err(Unexpected::new(format!("the service revision {id} is gone"))),
    }
}

/// What the tasks of a deployment or of a task set are made from.
fn spec_of<'s>(state: &'s State, service: &Service, id: &DeploymentId) -> Option<&'s RevisionSpec> {
    let set = || state.task_sets.get(&TaskSetKey { service: service.key.clone(), id: id.clone() });
    let revision = state.service_revisions.get(&service.revision_key(id));
    revision.map(|revision| &revision.spec).or_else(|| set().map(|set| &set.spec))
}

fn of_spec(state: &State, service: &Service, id: &DeploymentId, spec: &RevisionSpec) -> Result<Launch, String> {
    let Some(definition) = state.task_definitions.get(&spec.task_definition) else {
        return Err("The task definition was deleted.".to_owned());
    };
    launch::<CreateServiceError>(service, id, spec, definition).map_err(|error| error.to_string())
}

/// The instances that a DAEMON's tasks could run on if these had nothing else to do.
pub(super) fn matching(
    state: &State,
    service: &Service,
    spec: &RevisionSpec,
    active: &[&ContainerInstance],
) -> Vec<ContainerInstanceKey> {
    let Ok(launch) = of_spec(state, service, &"".into(), spec) else { return Vec::new() };
    let rendered = launch.blueprint.definition.render();
    let requirements =
        Requirements::of(Default::default(), &rendered).under(&launch.constraints, &launch.blueprint.group);
    let requirements = Requirements { distinct_instance: false, ..requirements };
    let fits = |instance: &&&ContainerInstance| {
        let candidate = Candidate::alone(instance);
        placement::refusal(&candidate, &requirements).is_none()
    };
    active.iter().filter(fits).map(|instance| instance.key.clone()).collect()
}

fn on_fargate(shared: &Shared, launch: &Launch, own: &[Arc<Task>], start: &Start, now: Timestamp) -> Started {
    let providers = match &launch.capacity {
        Capacity::Strategy(_) => each(shared_out(launch, own, start)),
        _ => vec![None; start.count],
    };
    let mut subnets = Subnets::new(launch, own);
    let place = |capacity_provider| {
        launch.blueprint.task(Place::Fargate { capacity_provider }, subnets.next(), &shared.ids, now)
    };
    Started { tasks: providers.into_iter().map(place).collect(), ..Started::default() }
}

/// How many of the new tasks each provider of the strategy gets, with those that the deployment has already.
fn shared_out(launch: &Launch, own: &[Arc<Task>], start: &Start) -> Vec<(String, usize)> {
    let of_deployment =
        |task: &&Arc<Task>| task.service.as_ref().is_some_and(|link| link.deployment == start.deployment);
    let present = |name: &str| {
        own.iter().filter(of_deployment).filter(|task| task.capacity_provider.as_deref() == Some(name)).count()
    };
    launch.capacity.grow(present, start.count)
}

/// Which subnet the next task on Fargate goes to: one in the zone that has the fewest.
struct Subnets {
    /// The zone of each subnet, and how many tasks the subnet has.
    subnets: Vec<(String, usize)>,
}

impl Subnets {
    fn new(launch: &Launch, own: &[Arc<Task>]) -> Self {
        let network = launch.blueprint.network.as_ref().and_then(|network| network.awsvpc_configuration.as_ref());
        let subnets = network.and_then(|vpc| vpc.subnets.as_deref()).unwrap_or_default();
        let mut tasks: BTreeMap<&str, usize> = BTreeMap::new();
        for attachment in own.iter().filter_map(|task| task.attachment.as_ref()) {
            *tasks.entry(&attachment.subnet_id).or_default() += 1;
        }
        let region = &launch.blueprint.cluster.scope.region;
        let of = |subnet: &String| {
            (network::zone_of_subnet(region, subnet), tasks.get(subnet.as_str()).copied().unwrap_or(0))
        };
        Self { subnets: subnets.iter().map(of).collect() }
    }

    fn next(&mut self) -> usize {
        let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
        for (zone, tasks) in &self.subnets {
            *zones.entry(zone).or_default() += tasks;
        }
        let order = |(zone, tasks): &(String, usize)| (zones.get(zone.as_str()).copied().unwrap_or(0), *tasks);
        let best = self.subnets.iter().enumerate().min_by_key(|(_, subnet)| order(subnet)).map(|(index, _)| index);
        let Some(index) = best else { return 0 };
        self.subnets[index].1 += 1;
        index
    }
}

/// What starting tasks on container instances needs to know.
struct Launcher<'a> {
    shared: &'a Shared,
    launch: &'a Launch,
    own: &'a [Arc<Task>],
    failed: &'a dyn Fn(String, &str) -> Failure,
    now: Timestamp,
}

impl Launcher<'_> {
    /// Each provider's tasks on its instances; those that find no room wait, where ECS gets more instances for them.
    fn on_providers(
        &self,
        tx: &mut Transaction,
        service: &Service,
        start: &Start,
        launch_type: &LaunchType,
    ) -> Started {
        let mut all = Started::default();
        let mut may_wait = may_wait(tx, &service.key.cluster(), launch_type);
        let providers = shared_out(self.launch, self.own, start);
        for (name, count) in providers.into_iter().filter(|(_, count)| *count > 0) {
            let waits = gets_more(tx, &service.key.scope, &name);
            let under = Under { name, launch_type: launch_type.clone() };
            let placed = self.on_instances(tx, &[], Some(&under), count);
            let missing = count - placed.tasks.len();
            all.tasks.extend(placed.tasks);
            if !waits {
                all.failure = all.failure.or(placed.failure);
                continue;
            }
            let waiting = Waiting {
                constraints: service.placement_constraints.clone(),
                strategy: service.placement_strategy.clone(),
            };
            // The rest is started when others found a place.
            if missing > may_wait {
                let what = format!("was unable to place a task. Reason: {TOO_MANY_WAIT}");
                all.failure = all.failure.or_else(|| Some((self.failed)(what, TOO_MANY_WAIT)));
            }
            let missing = missing.min(may_wait);
            may_wait -= missing;
            for turn in 0..missing {
                let place = Place::Later { under: under.clone(), waiting: waiting.clone() };
                all.tasks.push(self.launch.blueprint.task(place, turn, &self.shared.ids, self.now));
            }
        }
        all
    }

    /// Up to `count` tasks; one on each of the instances `on`, where these are given.
    fn on_instances(
        &self,
        tx: &mut Transaction,
        on: &[ContainerInstanceKey],
        under: Option<&Under>,
        count: usize,
    ) -> Started {
        let Self { shared, launch, failed, now, .. } = *self;
        let blueprint = &launch.blueprint;
        let rendered = blueprint.definition.render();
        let requirements = Requirements::of(blueprint.needs(), &rendered).under(&launch.constraints, &blueprint.group);
        let spread = [Strategy::SpreadAttribute(ZONE_ATTRIBUTE.to_owned()), Strategy::SpreadInstances];
        let strategies = if launch.strategies.is_empty() { &spread[..] } else { &launch.strategies };
        if on.is_empty() && under.is_none() {
            auto_instances::make_room(tx, shared, &blueprint.cluster, &requirements, strategies, count);
        }
        let mut instances = instances_for(tx, &blueprint.cluster, under.map(|under| under.name.as_str()));
        instances.retain(|instance| on.is_empty() || on.contains(&instance.key));
        if instances.is_empty() {
            let reason = match under {
                Some(_) => "No Container Instances were found in your capacity provider.",
                None => {
                    auto_instances::hint(shared);
                    NO_INSTANCES
                }
            };
            let what = format!("{NO_PLACE} Reason: {reason} {MORE}");
            return Started { tasks: Vec::new(), failure: Some(failed(what, reason)) };
        }
        let candidates =
            Candidate::with_loads(instances.iter().map(|instance| &**instance), &tx.instance_loads, &blueprint.group);
        let mut random = |bound| shared.ids.below(bound);
        let (mut chosen, mut refused): (Vec<&Arc<ContainerInstance>>, Option<(usize, &'static str)>) =
            (Vec::new(), None);
        if on.is_empty() {
            let plan = placement::place(&candidates, &requirements, strategies, count, &mut random);
            chosen.extend(plan.placements.into_iter().map(|index| &instances[index]));
            refused = plan.failures.first().copied();
        } else {
            // One on each, whatever there is on it already.
            for (index, candidate) in candidates.iter().enumerate() {
                match placement::refusal(candidate, &Requirements { distinct_instance: false, ..requirements.clone() })
                {
                    None => chosen.push(&instances[index]),
                    Some(reason) => refused = refused.or(Some((index, reason))),
                }
            }
        }
        let mut started = Vec::with_capacity(chosen.len());
        for (turn, instance) in chosen.into_iter().enumerate() {
            let Some(reserved) = reservation::reserve(tx, &instance.key, &requirements.needs) else { continue };
            started.push(blueprint.task(
                Place::Instance { instance, reserved, under: under.cloned() },
                turn,
                &shared.ids,
                now,
            ));
        }
        let failure = refused.map(|(index, reason)| {
            let instance = &instances[index].key;
            let words = in_words(reason);
            let what = format!("{NO_PLACE} The closest matching (container-instance {}) {words}. {MORE}", instance.id);
            let mut failure = failed(what, reason);
            failure.action = failure.action.on_instances([instance.arn()]);
            failure
        });
        Started { tasks: started, failure }
    }
}

const NO_PLACE: &str = "was unable to place a task because no container instance met all of its requirements.";
const NO_INSTANCES: &str = "No Container Instances were found in your cluster.";
const MORE: &str = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

fn in_words(reason: &str) -> String {
    match reason {
        "RESOURCE:CPU" => "has insufficient CPU units available".to_owned(),
        "RESOURCE:MEMORY" => "has insufficient memory available".to_owned(),
        "RESOURCE:PORTS" => "is already using a port required by your task".to_owned(),
        "ATTRIBUTE" => "is missing an attribute required by your task".to_owned(),
        other => format!("encountered error \"{other}\""),
    }
}
