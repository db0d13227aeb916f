//! Daemons played through without an engine: the schedulers of daemons, capacity and services, and an agent that does what
//! the images' names say.

mod lives;
mod scenes;

use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::{
    AwsVpcConfiguration, CapacityProviderStrategyItem, CreateClusterRequest, CreateServiceRequest,
    DaemonDeploymentConfiguration, DaemonDeploymentStatus, NetworkConfiguration, RegisterDaemonTaskDefinitionRequest,
    RegisterTaskDefinitionRequest, RunTaskRequest,
};

use super::*;
use crate::config::Config;
use crate::reconcile::Driver;
use crate::runtime::ObservedHealth;
use crate::services::Context;
use crate::services::ecs::capacity_scheduler::CapacityScheduler;
use crate::services::ecs::operations::{create_cluster, create_service, register_daemon_task_definition, run_task};
use crate::services::ecs::resources::daemon::{
    DaemonDeploymentKey, DaemonTaskDefinitionKey, Wanted, begin_deployment, configuration,
};
use crate::services::ecs::resources::{
    CapacityProviderKey, ContainerInstance, Daemon, DaemonDeployment, ServiceKey, Task, TaskKey, TaskStatus,
};
use crate::services::ecs::service_scheduler::ServiceScheduler;
use crate::services::ecs::service_scheduler::surroundings::{AlarmState, Outside, Surroundings};
use crate::testing::{change_task, context_seeded, end_task, managed_provider_in, task_definition};

/// Daemon task definitions: one that is well, one that never starts, one with a health check, one that needs more than
/// instances have.
const FAMILIES: [&str; 4] = ["good", "bad", "checked", "huge"];

struct World {
    context: Context,
    cluster: ClusterKey,
    daemons: DaemonScheduler,
    capacity: CapacityScheduler,
    services: ServiceScheduler,
    surroundings: Arc<Surroundings>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let config = Config { stopped_task_retention: Duration::from_secs(100_000_000), ..Config::default() };
        let context = context_seeded(config, seed);
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        let for_instances = |it: &mut RegisterTaskDefinitionRequest| {
            (it.cpu, it.requires_compatibilities) = (Some("512".into()), None);
        };
        task_definition(&context, "web", for_instances).await;
        for family in FAMILIES {
            let check = (family == "checked").then(|| api_models::ecs::HealthCheck {
                command: Some(vec!["CMD".into(), "true".into()]),
                ..api_models::ecs::HealthCheck::default()
            });
            let request = RegisterDaemonTaskDefinitionRequest {
                family: Some(family.into()),
                cpu: Some("128".into()),
                memory: Some(if family == "huge" { "90000000" } else { "64" }.into()),
                container_definitions: Some(vec![api_models::ecs::DaemonContainerDefinition {
                    name: Some("agent".into()),
                    image: Some(format!("{family}:1")),
                    health_check: check.map(Box::new),
                    ..api_models::ecs::DaemonContainerDefinition::default()
                }]),
                ..RegisterDaemonTaskDefinitionRequest::default()
            };
            register_daemon_task_definition::handle(context.clone(), request).await.expect("a definition");
        }
        let cluster = ClusterKey::new(&context.scope, "default");
        let surroundings = Arc::new(Surroundings::new(Driver::waker().0, Driver::waker().0));
        let world = Self {
            daemons: DaemonScheduler::new(context.shared.clone()).with_alarms(surroundings.clone()),
            capacity: CapacityScheduler { shared: context.shared.clone() },
            services: ServiceScheduler::new(context.shared.clone()),
            surroundings,
            context,
            cluster,
        };
        for name in ["one", "two"] {
            managed_provider_in(&world.context, name, &["subnet-1", "subnet-2"], Some(600)).await;
        }
        world
    }

    fn key(&self, name: &str) -> DaemonKey {
        DaemonKey::new(&self.cluster, name)
    }

    fn wanted(&self, family: &str, providers: &[&str], critical: bool) -> Wanted {
        let scope = self.context.scope.clone();
        Wanted {
            task_definition: DaemonTaskDefinitionKey { scope, family: family.into(), revision: 1 },
            capacity_providers: providers.iter().map(|name| Arc::from(*name)).collect(),
            propagated_tags: None,
            enable_ecs_managed_tags: false,
            enable_execute_command: false,
            critical,
        }
    }

    /// Creates a daemon, or updates it; without `wanted`, deletes it.
    async fn deploy(&mut self, name: &str, wanted: Option<Wanted>, given: DaemonDeploymentConfiguration) {
        let (key, now) = (self.key(name), self.context.now());
        let work = |tx: &mut Transaction| {
            let mut daemon = match tx.daemons.get(&key) {
                Some(daemon) => Daemon::clone(daemon),
                None => Daemon::new(key.clone(), Vec::new(), now),
            };
            if wanted.is_none() {
                daemon.status = DaemonStatus::Deleting;
            }
            let configuration = configuration(Some(&given));
            begin_deployment(tx, &mut daemon, wanted, configuration, &self.context.shared.ids, now);
            tx.put(daemon);
            Ok::<_, Unexpected>(())
        };
        self.context.store().transact(work).await.expect("in memory");
        self.reconcile().await;
    }

    /// A service of the task definition `web` on a provider.
    async fn serve(&mut self, name: &str, provider: &str, desired: i32) {
        let request = CreateServiceRequest {
            service_name: Some(name.into()),
            task_definition: Some("web".into()),
            desired_count: Some(desired),
            capacity_provider_strategy: Some(vec![item(provider)]),
            network_configuration: Some(network()),
            ..CreateServiceRequest::default()
        };
        create_service::handle(self.context.clone(), request).await.expect("a service");
        self.reconcile().await;
    }

    async fn run(&mut self, provider: &str, count: i32) {
        let request = RunTaskRequest {
            task_definition: Some("web".into()),
            capacity_provider_strategy: Some(vec![item(provider)]),
            network_configuration: Some(network()),
            count: Some(count),
            ..RunTaskRequest::default()
        };
        run_task::handle(self.context.clone(), request).await.expect("tasks");
        self.reconcile().await;
    }

    fn daemon(&self, name: &str) -> Arc<Daemon> {
        self.context.snapshot().daemons[&self.key(name)].clone()
    }

    fn deployment(&self, name: &str) -> Arc<DaemonDeployment> {
        let daemon = self.daemon(name);
        let key = DaemonDeploymentKey { daemon: daemon.key.clone(), id: daemon.deployment.clone() };
        self.context.snapshot().daemon_deployments[&key].clone()
    }

    fn status(&self, name: &str) -> DaemonDeploymentStatus {
        self.deployment(name).status.clone()
    }

    /// The instances of this status.
    fn hosts(&self, status: &str) -> Vec<Arc<ContainerInstance>> {
        let state = self.context.snapshot();
        state.container_instances.values().filter(|it| it.status == status).cloned().collect()
    }

    /// The tasks that are not STOPPED: of this daemon, or of none.
    fn tasks(&self, daemon: Option<&str>) -> Vec<Arc<Task>> {
        let state = self.context.snapshot();
        let own = |task: &&Arc<Task>| task.daemon.as_ref().map(|link| &*link.name) == daemon;
        state.tasks.values().filter(|it| it.last_status != TaskStatus::Stopped).filter(own).cloned().collect()
    }

    fn running(&self, daemon: Option<&str>) -> usize {
        self.tasks(daemon).iter().filter(|task| task.last_status == TaskStatus::Running).count()
    }

    /// Has all schedulers look until nothing changes any more; each state on the way is checked.
    async fn reconcile(&mut self) {
        for _ in 0..200 {
            let before = self.context.snapshot();
            self.daemons.reconcile(&self.cluster).await.expect("it plans");
            self.check();
            for name in ["one", "two"] {
                let key = CapacityProviderKey::new(&self.context.scope, name);
                self.capacity.reconcile(&key).await.expect("it plans");
                self.check();
            }
            let services: Vec<ServiceKey> = self.context.snapshot().services.keys().cloned().collect();
            for key in services {
                self.services.reconcile(&key).await.expect("it plans");
            }
            self.check();
            if Arc::ptr_eq(&before, &self.context.snapshot()) {
                return;
            }
        }
        panic!("no end: {:#?}", self.context.snapshot().daemon_deployments);
    }

    /// What must be so at any time.
    fn check(&self) {
        let state = self.context.snapshot();
        for instance in state.container_instances.values() {
            assert!(instance.remaining.cpu >= 0 && instance.remaining.memory >= 0, "{instance:?}");
            let on = || state.tasks.values().filter(|it| it.container_instance.as_ref() == Some(&instance.key));
            let live = || on().filter(|task| task.last_status != TaskStatus::Stopped);
            let others = live().filter(|task| task.daemon.is_none()).count();
            assert!(instance.status != "REGISTERING" || others == 0, "a task came before the daemons: {instance:?}");
            for name in state.daemons.keys().map(|key| &key.name) {
                let own = live().filter(|task| task.daemon.as_ref().is_some_and(|link| link.name == *name)).count();
                assert!(own <= 1, "{own} tasks of {name} on one instance");
            }
        }
        for daemon in state.daemons.keys() {
            let all = state.daemon_deployments.values().filter(|it| it.key.daemon == *daemon);
            let under_way = all.filter(|it| !crate::services::ecs::resources::daemon::is_over(&it.status)).count();
            assert!(under_way <= 1, "{under_way} deployments of {}", daemon.name);
        }
    }

    /// The task ends by itself.
    async fn die(&mut self, key: &TaskKey) {
        let now = self.context.now();
        change_task(&self.context, key, |task| end_task(task, now)).await;
        self.reconcile().await;
    }

    /// The agent takes a task one step further.
    async fn advance(&self, key: &TaskKey) {
        let now = self.context.now();
        let step = |task: &mut Task| {
            let image = task.containers[0].image.clone();
            if task.desired_status == TaskStatus::Stopped || &*image == "bad:1" {
                end_task(task, now);
            } else if task.last_status != TaskStatus::Running {
                task.last_status = TaskStatus::Running;
                task.started_at = Some(now);
                if &*image == "checked:1" {
                    task.containers[0].health = ObservedHealth::Starting;
                }
            } else if &*image == "checked:1" && task.containers[0].health == ObservedHealth::Starting {
                task.containers[0].health = ObservedHealth::Healthy;
            }
        };
        change_task(&self.context, key, step).await;
    }

    /// Every task goes one step further, and time passes.
    async fn step(&mut self, seconds: u64) {
        let state = self.context.snapshot();
        let placed = |task: &&Arc<Task>| {
            task.last_status != TaskStatus::Stopped
                && (task.container_instance.is_some() || task.desired_status == TaskStatus::Stopped)
        };
        let keys: Vec<TaskKey> = state.tasks.values().filter(placed).map(|task| task.key.clone()).collect();
        for key in keys {
            self.advance(&key).await;
        }
        self.reconcile().await;
        self.context.shared.clock.advance(Duration::from_secs(seconds));
        self.reconcile().await;
    }

    async fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step(3).await;
        }
    }

    fn ring(&self, alarm: &str, state: AlarmState) {
        let outside = Outside::Alarm { alarm: alarm.into(), state };
        self.surroundings.tell(&self.context.snapshot(), outside).expect("it is told");
    }
}

fn item(provider: &str) -> CapacityProviderStrategyItem {
    CapacityProviderStrategyItem { capacity_provider: Some(provider.into()), weight: Some(1), base: None }
}

fn network() -> Box<NetworkConfiguration> {
    let vpc = AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..AwsVpcConfiguration::default() };
    Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) })
}
