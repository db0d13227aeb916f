//! Lives of services: the operations and the scheduler are real, the agent is a few lines that let tasks start, fail,
//! turn unhealthy and stop. The clock is the test's. `LOCALECS_SEEDS=10000` runs more random lives.

mod golden;
mod lives;
mod messages;
mod native;
mod scenes;
mod task_sets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, CreateClusterRequest, CreateServiceRequest,
    DeleteServiceRequest, DeploymentCircuitBreaker, DeploymentConfiguration, HealthCheck, LaunchType,
    NetworkConfiguration, NetworkMode, RegisterContainerInstanceRequest, RegisterTaskDefinitionRequest,
    SchedulingStrategy, UpdateServiceRequest,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::surroundings::{Outside, Surroundings};
use super::*;
use crate::config::Config;
use crate::reconcile::Driver;
use crate::runtime::ObservedHealth;
use crate::services::Context;
use crate::services::ecs::operations::{
    create_cluster, create_service, delete_service, register_container_instance, register_task_definition,
    update_service,
};
use crate::services::ecs::resources::service::{Controller, Counts, Phase, Rollout, Scheduling, ServiceDeployment};
use crate::services::ecs::resources::{ClusterKey, ContainerInstance, Task, TaskKey, TaskStatus};
use crate::services::ecs::scheduler::deployment::{Limits, Worth, worth};
use crate::testing::{change_task, context_seeded, end_task};

/// Task definitions: `good` ones run, `checked` ones have a health check, tasks of `bad` ones never start, those of
/// `crash` ones end at once.
const FAMILIES: [&str; 4] = ["good", "checked", "bad", "crash"];

struct World {
    context: Context,
    scheduler: ServiceScheduler,
    /// What alarms and load balancers say; it outlives restarts of the scheduler.
    surroundings: Arc<Surroundings>,
    rng: StdRng,
    key: ServiceKey,
    launch_type: LaunchType,
    /// The service is one.
    daemon: bool,
    transcript: Option<golden::Transcript>,
    /// Nothing is to go wrong any more.
    well: bool,
    /// What was done, for when something is wrong.
    history: Vec<String>,
}

impl World {
    async fn new(seed: u64, launch_type: LaunchType) -> Self {
        Self::configured(seed, launch_type, Config::default()).await
    }

    async fn configured(seed: u64, launch_type: LaunchType, config: Config) -> Self {
        let config = Config { stopped_task_retention: Duration::from_secs(100_000_000), ..config };
        let context = context_seeded(config, seed);
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        let fargate = launch_type == LaunchType::Fargate;
        for family in FAMILIES {
            let check = (family == "checked")
                .then(|| HealthCheck { command: Some(vec!["CMD".into(), "true".into()]), ..HealthCheck::default() });
            let request = RegisterTaskDefinitionRequest {
                family: Some(family.into()),
                network_mode: fargate.then_some(NetworkMode::Awsvpc),
                requires_compatibilities: fargate.then(|| vec![Compatibility::Fargate]),
                cpu: Some("256".into()),
                memory: Some("512".into()),
                container_definitions: Some(vec![ContainerDefinition {
                    name: Some("app".into()),
                    image: Some(format!("{family}:1")),
                    health_check: check.map(Box::new),
                    ..ContainerDefinition::default()
                }]),
                ..RegisterTaskDefinitionRequest::default()
            };
            register_task_definition::handle(context.clone(), request).await.expect("a task definition");
        }
        let cluster = ClusterKey::new(&context.scope, "default");
        // Nobody is woken: the test looks after each step.
        let surroundings = Arc::new(Surroundings::new(Driver::waker().0, Driver::waker().0));
        Self {
            scheduler: scheduler(&context, &surroundings),
            surroundings,
            key: ServiceKey::new(&cluster, "web"),
            rng: StdRng::seed_from_u64(seed),
            context,
            launch_type,
            daemon: false,
            transcript: None,
            well: false,
            history: Vec::new(),
        }
    }

    /// LocalECS dies and starts again: nothing is remembered but what is written.
    fn restart(&mut self) {
        self.scheduler = scheduler(&self.context, &self.surroundings);
    }

    async fn tell(&mut self, outside: Outside) {
        self.surroundings.tell(&self.context.snapshot(), outside).expect("it is there");
        self.reconcile().await;
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound.max(1)
    }

    /// A container instance with room for four tasks.
    async fn add_instance(&mut self, zone: &str) {
        let attribute = |name: &str, value: &str| api_models::ecs::Attribute {
            name: Some(name.into()),
            value: Some(value.into()),
            ..api_models::ecs::Attribute::default()
        };
        let integer = |name: &str, value| api_models::ecs::Resource {
            name: Some(name.into()),
            r#type: Some("INTEGER".into()),
            integer_value: Some(value),
            ..api_models::ecs::Resource::default()
        };
        let request = RegisterContainerInstanceRequest {
            attributes: Some(vec![attribute("ecs.availability-zone", zone)]),
            total_resources: Some(vec![integer("CPU", 1024), integer("MEMORY", 2048)]),
            ..RegisterContainerInstanceRequest::default()
        };
        register_container_instance::handle(self.context.clone(), request).await.expect("an instance");
    }

    fn request(&self, family: &str, desired: i32) -> CreateServiceRequest {
        let subnets = crate::services::ecs::network::default_subnets(&self.context.scope);
        let vpc = AwsVpcConfiguration {
            subnets: Some(subnets.iter().map(|subnet| subnet.id.clone()).collect()),
            ..AwsVpcConfiguration::default()
        };
        let fargate = self.launch_type == LaunchType::Fargate;
        CreateServiceRequest {
            service_name: Some("web".into()),
            task_definition: Some(family.into()),
            desired_count: Some(desired),
            launch_type: Some(self.launch_type.clone()),
            network_configuration: fargate
                .then(|| Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) })),
            ..CreateServiceRequest::default()
        }
    }

    async fn create(&mut self, request: CreateServiceRequest) {
        create_service::handle(self.context.clone(), request).await.expect("a service");
        self.reconcile().await;
    }

    async fn update(&mut self, request: UpdateServiceRequest) {
        let request = UpdateServiceRequest { service: Some("web".into()), ..request };
        update_service::handle(self.context.clone(), request).await.expect("it is updated");
        self.reconcile().await;
    }

    async fn deploy(&mut self, family: &str) {
        let request = UpdateServiceRequest {
            task_definition: Some(family.into()),
            force_new_deployment: Some(true),
            ..UpdateServiceRequest::default()
        };
        self.update(request).await;
    }

    async fn scale(&mut self, desired: i32) {
        self.update(UpdateServiceRequest { desired_count: Some(desired), ..UpdateServiceRequest::default() }).await;
    }

    async fn delete(&mut self) {
        let request =
            DeleteServiceRequest { service: Some("web".into()), force: Some(true), ..DeleteServiceRequest::default() };
        delete_service::handle(self.context.clone(), request).await.expect("it is deleted");
        self.reconcile().await;
    }

    fn service(&self) -> Arc<Service> {
        self.context.snapshot().services[&self.key].clone()
    }

    fn tasks(&self) -> Vec<Arc<Task>> {
        let state = self.context.snapshot();
        let keys: Vec<TaskKey> = state.service_tasks.of(&self.key, Phase::Live).collect();
        keys.iter().map(|key| state.tasks[key].clone()).collect()
    }

    fn running(&self) -> usize {
        self.tasks().iter().filter(|task| is_kept(task) && task.last_status == TaskStatus::Running).count()
    }

    fn events(&self) -> Vec<String> {
        let state = self.context.snapshot();
        crate::services::ecs::resources::service::events_of(&state, &self.key)
            .map(|event| event.message.clone())
            .collect()
    }

    /// Has the scheduler look until it changes nothing more; what it does is checked each time.
    async fn reconcile(&mut self) {
        for _ in 0..100 {
            self.note();
            let before = self.context.snapshot();
            self.scheduler.reconcile(&self.key).await.expect("it plans");
            let after = self.context.snapshot();
            if Arc::ptr_eq(&before, &after) {
                return;
            }
            self.check(&before, &after);
        }
        panic!("no end: {:#?}\n{:#?}", self.history, self.service());
    }

    /// What one look of the scheduler must never do.
    fn check(&self, before: &State, after: &State) {
        let Some(service) = after.services.get(&self.key) else { return };
        if service.controller != Controller::Ecs {
            return task_sets::check(self, before, after);
        }
        let all = |state: &State| -> BTreeMap<TaskKey, Arc<Task>> {
            let keys = state.service_tasks.of(&self.key, Phase::Live).collect::<Vec<_>>();
            keys.into_iter().map(|key| (key.clone(), state.tasks[&key].clone())).collect()
        };
        let (old, new) = (all(before), all(after));
        let now = self.context.now();
        let grace = Duration::ZERO;
        let is_healthy = |task: &Arc<Task>| {
            is_kept(task) && worth(task, &NoTargets, Timing::default(), grace, now) == Worth::Healthy
        };
        let started = new.keys().any(|key| !old.contains_key(key));
        // A DAEMON leaves instances that drain at once.
        let stays = |task: &Arc<Task>| {
            let instance = task.container_instance.as_ref().and_then(|key| after.container_instances.get(key));
            service.scheduling == Scheduling::Replica || instance.is_some_and(|instance| instance.status == "ACTIVE")
        };
        let stopped = old
            .iter()
            .any(|(key, task)| is_healthy(task) && stays(task) && new.get(key).is_none_or(|task| !is_kept(task)));
        let desired = usize::try_from(service.desired_count).expect("not negative");
        let limits = Limits::of(&service.deployment_configuration, desired);
        let context = || format!("{:#?}\n{service:#?}", self.history);
        if started {
            assert_eq!(service.status, ServiceStatus::Active, "tasks of a deleted service: {}", context());
            assert_ne!(service.deployments[0].rollout, Rollout::Failed, "a failed deployment goes on: {}", context());
            let kept = new.values().filter(|task| is_kept(task)).count();
            let room = limits.maximum.max(desired);
            match native_under_way(after) {
                None => assert!(kept <= room, "{kept} tasks of {limits:?}: {}", context()),
                // Each of the two revisions may have as many; of others none is started.
                Some(deployment) => {
                    let course = deployment.course.as_ref().expect("it has stages");
                    for id in new.values().filter_map(|task| task.service.as_ref()).map(|link| &link.deployment) {
                        let of = |tasks: &BTreeMap<TaskKey, Arc<Task>>| {
                            tasks
                                .values()
                                .filter(|task| {
                                    is_kept(task) && task.service.as_ref().is_some_and(|link| link.deployment == *id)
                                })
                                .count()
                        };
                        let back = deployment.rollback.as_ref().map(|rollback| &rollback.revision);
                        if *id == deployment.target || course.blue.as_ref() == Some(id) || back == Some(id) {
                            assert!(of(&new) <= room.max(of(&old)), "{} of {room}: {}", of(&new), context());
                        } else {
                            assert!(of(&new) <= of(&old), "an overtaken revision grows: {}", context());
                        }
                    }
                }
            }
        }
        if stopped && service.status == ServiceStatus::Active {
            let healthy = new.values().filter(|task| is_healthy(task)).count();
            assert!(healthy >= limits.minimum, "{healthy} healthy of {limits:?}: {}", context());
        }
        let under_way = after.service_deployments.values().filter(|deployment| !deployment.is_over()).count();
        assert!(under_way <= 1, "{under_way} service deployments: {}", context());
        for instance in after.container_instances.values() {
            assert!(instance.remaining.cpu >= 0 && instance.remaining.memory >= 0, "{instance:?}");
        }
    }

    async fn change(&self, key: &TaskKey, change: impl FnOnce(&mut Task)) {
        change_task(&self.context, key, change).await;
    }

    /// The task ends by itself.
    async fn die(&mut self, key: &TaskKey) {
        let now = self.context.now();
        self.change(key, |task| end_task(task, now)).await;
        self.reconcile().await;
    }

    async fn turn(&mut self, key: &TaskKey, health: ObservedHealth) {
        self.change(key, |task| task.containers[0].health = health).await;
        self.reconcile().await;
    }

    /// The agent takes a task one step further.
    async fn advance(&mut self, key: &TaskKey) {
        let now = self.context.now();
        let family = self.context.snapshot().tasks[key].task_definition.family.clone();
        let step = |task: &mut Task| {
            if !is_kept(task) {
                end_task(task, now);
            } else if task.last_status == TaskStatus::Running {
                match &*family {
                    "crash" => end_task(task, now),
                    "checked" => task.containers[0].health = ObservedHealth::Healthy,
                    _ => {}
                }
            } else if &*family == "bad" {
                end_task(task, now);
            } else {
                task.last_status = TaskStatus::Running;
                task.started_at = Some(now);
                if &*family == "checked" {
                    task.containers[0].health = ObservedHealth::Starting;
                }
            }
        };
        self.change(key, step).await;
        self.reconcile().await;
    }

    async fn pass(&mut self, seconds: u64) {
        self.context.shared.clock.advance(Duration::from_secs(seconds));
        self.reconcile().await;
    }

    /// Nothing goes wrong any more: the agent does its work, time passes.
    async fn settle(&mut self) {
        for round in 0..90 {
            for task in self.tasks() {
                self.advance(&task.key).await;
            }
            // Bake times are minutes.
            self.pass(if round < 30 { 3 } else { 30 }).await;
            if self.is_as_wanted() || self.service().status == ServiceStatus::Inactive {
                return;
            }
        }
    }

    fn is_as_wanted(&self) -> bool {
        let service = self.service();
        let desired = usize::try_from(service.desired_count).expect("not negative");
        service.deployments.len() == 1
            && service.deployments[0].rollout == Rollout::Completed
            && self.tasks().len() == desired
            && self.running() == desired
    }
}

/// The deployment under way, if it has stages.
fn native_under_way(state: &State) -> Option<&ServiceDeployment> {
    let under_way = |it: &&Arc<ServiceDeployment>| it.course.is_some() && !it.is_over();
    state.service_deployments.values().find(under_way).map(|deployment| &**deployment)
}

fn scheduler(context: &Context, surroundings: &Arc<Surroundings>) -> ServiceScheduler {
    let scheduler = ServiceScheduler::new(context.shared.clone());
    scheduler.with_targets(surroundings.clone()).with_alarms(surroundings.clone())
}

fn is_kept(task: &Task) -> bool {
    task.desired_status == TaskStatus::Running
}
