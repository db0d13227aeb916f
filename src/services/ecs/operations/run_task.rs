//! RunTask: new tasks from a task definition, on Fargate or on container instances that have room.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>

use std::sync::Arc;

use api_models::ecs::{
    ClientException, Failure, InvalidParameterException, LaunchType, PlacementConstraint, PlacementStrategy,
    RunTaskError, RunTaskRequest, RunTaskResponse,
};

use crate::services::Context;
use crate::services::ecs::auto_instances;
use crate::services::ecs::resources::capacity::{Capacity, each};
use crate::services::ecs::resources::capacity_provider::{TOO_MANY_WAIT, gets_more, instances_for, may_wait};
use crate::services::ecs::resources::idempotency::{self, IdempotencyKey, IdempotencyToken};
use crate::services::ecs::resources::{
    Blueprint, ClusterKey, ContainerInstance, Named, Place, Task, TaskDefinition, TaskRequest, Under, Waiting,
    check_roles, find_task, lookup, reservation, runnable_task_definition, where_to,
};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::services::ecs::scheduler::placement::{self, Candidate, Requirements, Strategy};
use crate::store::{State, Transaction};

const MAX_COUNT: i32 = 10;
const MAX_STARTED_BY: usize = 128;

/// Answers as soon as the tasks are written down: PROVISIONING in awsvpc mode, else PENDING. On container instances
/// some tasks may find no room: then those that did run, and `failures` says why the others can't.
pub(crate) async fn handle(context: Context, mut input: RunTaskRequest) -> Result<RunTaskResponse, RunTaskError> {
    let token = input.client_token.take().filter(|token| !token.is_empty());
    let identity = match &token {
        Some(token) => {
            idempotency::check_token(token)?;
            Some(idempotency::fingerprint(&input)?)
        }
        None => None,
    };
    let request = Request::new(input)?;
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, request.cluster.as_deref())?.clone();
            let repeated = token.zip(identity).map(|(token, fingerprint)| {
                let operation = "RunTask".to_owned();
                (IdempotencyKey { scope: context.scope.clone(), operation, token }, fingerprint)
            });
            if let Some((key, fingerprint)) = &repeated
                && let Some(arns) = idempotency::recall(tx, key, fingerprint, now)?
            {
                return same_tasks(tx, &cluster.key, &arns);
            }
            let definition = runnable_task_definition(tx, &context.scope, request.definition.as_deref())?.clone();
            let capacity = Capacity::resolve(tx, &cluster, request.launch_type.as_ref(), request.strategy.as_deref())?;
            let launched = request.launch(tx, &context, &cluster.key, &definition, &capacity)?;
            if let Some((key, fingerprint)) = repeated
                && !launched.tasks.is_empty()
            {
                let resource_arns = launched.tasks.iter().map(|task| task.key.arn()).collect();
                idempotency::remember(tx, IdempotencyToken { key, fingerprint, resource_arns, used_at: now });
            }
            let tasks = launched.tasks.iter().map(|task| task.to_api(true)).collect();
            for task in launched.tasks {
                tx.put(task);
            }
            Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(launched.failures) })
        })
        .await
}

/// What the first call with the token answered, as it is now. Tasks that stopped and were forgotten are left out.
fn same_tasks(state: &State, cluster: &ClusterKey, arns: &[String]) -> Result<RunTaskResponse, RunTaskError> {
    let mut tasks = Vec::new();
    for arn in arns {
        if let Named::Found(task) = find_task(state, cluster, arn)? {
            tasks.push(task.to_api(true));
        }
    }
    Ok(RunTaskResponse { tasks: Some(tasks), failures: Some(Vec::new()) })
}

fn invalid(message: impl Into<String>) -> RunTaskError {
    InvalidParameterException::new(message).into()
}

/// The request after the checks that need no state.
struct Request {
    cluster: Option<String>,
    definition: Option<String>,
    count: usize,
    launch_type: Option<LaunchType>,
    strategy: Option<Vec<api_models::ecs::CapacityProviderStrategyItem>>,
    platform_version: Option<String>,
    constraints: Vec<PlacementConstraint>,
    strategies: Vec<Strategy>,
    /// The same as they were given.
    placement_strategy: Vec<PlacementStrategy>,
    task: TaskRequest,
}

/// The outcome: tasks that are not written yet, whose resources are reserved.
struct Launched {
    tasks: Vec<Task>,
    failures: Vec<Failure>,
}

impl Request {
    fn new(input: RunTaskRequest) -> Result<Self, RunTaskError> {
        let count = input.count.unwrap_or(1);
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(invalid(format!("count must be between 1 and {MAX_COUNT}.")));
        }
        let strategies = where_to::strategies(input.placement_strategy.as_deref().unwrap_or_default())?;
        let task = TaskRequest {
            enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
            enable_execute_command: input.enable_execute_command == Some(true),
            group: input.group,
            network_configuration: input.network_configuration.map(|network| *network),
            overrides: input.overrides.map(|overrides| *overrides),
            propagate_tags: input.propagate_tags,
            reference_id: input.reference_id,
            started_by: input.started_by,
            service: None,
            daemon: None,
            tags: input.tags.unwrap_or_default(),
            volume_configurations: input
                .volume_configurations
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
        };
        task.check(MAX_STARTED_BY)?;
        Ok(Self {
            cluster: input.cluster,
            definition: input.task_definition,
            count: usize::try_from(count).unwrap_or(1),
            launch_type: input.launch_type,
            strategy: input.capacity_provider_strategy,
            platform_version: input.platform_version.filter(|version| !version.is_empty()),
            constraints: input.placement_constraints.unwrap_or_default(),
            strategies,
            placement_strategy: input.placement_strategy.unwrap_or_default(),
            task,
        })
    }

    fn launch(
        self,
        tx: &mut Transaction,
        context: &Context,
        cluster: &ClusterKey,
        definition: &Arc<TaskDefinition>,
        capacity: &Capacity,
    ) -> Result<Launched, RunTaskError> {
        let launch = capacity.compatibility();
        match capacity {
            Capacity::Fargate | Capacity::Strategy(_) => {
                where_to::not_on_fargate(self.constraints.is_empty(), self.strategies.is_empty())?;
                let platform = where_to::platform(self.platform_version.as_deref())?;
                let blueprint = self.task.blueprint(cluster, definition, &launch, Some(platform))?;
                check_roles(tx, context.config(), &blueprint)?;
                where_to::check_platform(definition)?;
                let providers = match capacity {
                    Capacity::Strategy(_) => each(capacity.distribute(self.count)),
                    _ => vec![None; self.count],
                };
                Ok(Launched { tasks: on_fargate(context, &blueprint, providers), failures: Vec::new() })
            }
            Capacity::Instances(_) | Capacity::Providers { .. } => {
                where_to::no_platform(self.platform_version.as_deref())?;
                let constraints = where_to::constraints(&self.constraints, definition)?;
                let blueprint = self.task.blueprint(cluster, definition, &launch, None)?;
                check_roles(tx, context.config(), &blueprint)?;
                let placing = Placing {
                    context,
                    blueprint: &blueprint,
                    constraints: &constraints,
                    strategies: &self.strategies,
                    waiting: Waiting {
                        constraints: self.constraints.clone(),
                        strategy: self.placement_strategy.clone(),
                    },
                };
                match capacity {
                    Capacity::Providers { launch_type, .. } => {
                        placing.on_providers(tx, launch_type, capacity.distribute(self.count))
                    }
                    // No instance is EXTERNAL here: all are shares of the local engine.
                    Capacity::Instances(LaunchType::External) => Err(invalid(NO_INSTANCES)),
                    _ => {
                        placing.make_room(tx, self.count);
                        let instances = instances_for(tx, &blueprint.cluster, None);
                        if instances.is_empty() {
                            auto_instances::hint(&context.shared);
                            return Err(invalid(NO_INSTANCES));
                        }
                        Ok(placing.on_instances(tx, &instances, None, self.count))
                    }
                }
            }
        }
    }
}

fn on_fargate(context: &Context, blueprint: &Blueprint, providers: Vec<Option<String>>) -> Vec<Task> {
    // Requests begin at any of their subnets, so that single tasks spread over the zones too.
    let first = usize::try_from(context.ids().below(16)).unwrap_or(0);
    let now = context.now();
    providers
        .into_iter()
        .enumerate()
        .map(|(index, capacity_provider)| {
            blueprint.task(Place::Fargate { capacity_provider }, first + index, context.ids(), now)
        })
        .collect()
}

const NO_INSTANCES: &str = "No Container Instances were found in your cluster.";

/// What placing tasks on container instances needs to know.
struct Placing<'a> {
    context: &'a Context,
    blueprint: &'a Blueprint,
    constraints: &'a Constraints,
    strategies: &'a [Strategy],
    /// For tasks that their capacity provider has no room for yet.
    waiting: Waiting,
}

impl Placing<'_> {
    /// Each provider's tasks on its instances; those that find no room wait, where ECS gets more instances for them.
    fn on_providers(
        &self,
        tx: &mut Transaction,
        launch_type: &LaunchType,
        shared_out: Vec<(String, usize)>,
    ) -> Result<Launched, RunTaskError> {
        let mut all = Launched { tasks: Vec::new(), failures: Vec::new() };
        let mut may_wait = may_wait(tx, &self.blueprint.cluster, launch_type);
        for (name, count) in shared_out.into_iter().filter(|(_, count)| *count > 0) {
            let instances = instances_for(tx, &self.blueprint.cluster, Some(&name));
            let waits = gets_more(tx, &self.context.scope, &name);
            if instances.is_empty() && !waits {
                return Err(invalid("No Container Instances were found in your capacity provider."));
            }
            let under = Under { name, launch_type: launch_type.clone() };
            let placed = self.on_instances(tx, &instances, Some(&under), count);
            let missing = count - placed.tasks.len();
            all.tasks.extend(placed.tasks);
            if !waits {
                all.failures.extend(placed.failures);
                continue;
            }
            let Some(left) = may_wait.checked_sub(missing) else {
                return Err(ClientException::new(TOO_MANY_WAIT).into());
            };
            may_wait = left;
            for turn in 0..missing {
                let place = Place::Later { under: under.clone(), waiting: self.waiting.clone() };
                all.tasks.push(self.blueprint.task(place, turn, self.context.ids(), self.context.now()));
            }
        }
        Ok(all)
    }

    /// With `--auto-instances` there will be room.
    fn make_room(&self, tx: &mut Transaction, count: usize) {
        let Self { context, blueprint, constraints, strategies, .. } = self;
        let rendered = blueprint.definition.render();
        let requirements = Requirements::of(blueprint.needs(), &rendered).under(constraints, &blueprint.group);
        auto_instances::make_room(tx, &context.shared, &blueprint.cluster, &requirements, strategies, count);
    }

    fn on_instances(
        &self,
        tx: &mut Transaction,
        instances: &[Arc<ContainerInstance>],
        under: Option<&Under>,
        count: usize,
    ) -> Launched {
        let Self { context, blueprint, constraints, strategies, .. } = self;
        let rendered = blueprint.definition.render();
        let requirements = Requirements::of(blueprint.needs(), &rendered).under(constraints, &blueprint.group);
        let all = instances.iter().map(|instance| &**instance);
        let candidates = Candidate::with_loads(all, &tx.instance_loads, &blueprint.group);
        let plan =
            placement::place(&candidates, &requirements, strategies, count, &mut |bound| context.ids().below(bound));
        let mut tasks = Vec::with_capacity(plan.placements.len());
        for (turn, index) in plan.placements.into_iter().enumerate() {
            let instance = &instances[index];
            let Some(reserved) = reservation::reserve(tx, &instance.key, &requirements.needs) else { continue };
            let place = Place::Instance { instance, reserved, under: under.cloned() };
            tasks.push(blueprint.task(place, turn, context.ids(), context.now()));
        }
        let failures = plan.failures.into_iter().map(|(index, reason)| Failure {
            arn: Some(instances[index].key.arn()),
            reason: Some(reason.to_owned()),
            ..Failure::default()
        });
        Launched { tasks, failures: failures.collect() }
    }
}

#[cfg(test)]
mod tests;
