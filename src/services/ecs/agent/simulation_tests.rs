//! The agent on the simulated runtime, with a clock that only the test moves: scenes first, then random lives.

mod daemons;
mod images;
mod ordering;
mod storage;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api_models::ecs::{self, ContainerDefinition, NetworkMode, TaskStopCode};

use super::AgentHandle;
use super::fixtures::{container, definition, labelled, task};
use crate::config::Config;
use crate::ids::IdSource;
use crate::inside::{ContainerEndpoint, Inside};
use crate::reconcile::Driver;
use crate::runtime::simulated::{SimulatedEngine, SimulatedRuntime};
use crate::runtime::{ContainerId, ContainerObservation, ContainerRuntime, Fault};
use crate::services::Shared;
use crate::services::ecs::resources::task_definition::{Compatibilities, Packed};
use crate::services::ecs::resources::{
    AttachmentStatus, ContainerInstanceKey, Task, TaskDefinition, TaskDefinitionStatus, TaskKey, TaskStatus,
};
use crate::store::Store;
use crate::testing::{START, logs};
use crate::time::{Clock, Timestamp};

struct World {
    shared: Arc<Shared>,
    runtime: SimulatedRuntime,
    running: Option<(Driver, AgentHandle)>,
    tasks: Vec<TaskKey>,
    seen: HashMap<TaskKey, Task>,
}

impl World {
    async fn new(seed: u64) -> Self {
        Self::with(seed, Config::default()).await
    }

    async fn with(seed: u64, config: Config) -> Self {
        let (clock, ids) = (Clock::manual(START), IdSource::seeded(seed));
        let store = Arc::new(Store::in_memory(&ids));
        let runtime = SimulatedEngine::new(clock.clone(), ids.clone()).runtime(store.id());
        let config = Config { stopped_task_retention: Duration::from_secs(100_000_000), ..config };
        let exec = crate::services::ecs::exec::Sessions::default();
        let shared = Arc::new(Shared { store, logs: logs(&clock), clock, ids, config, exec });
        let mut world = Self { shared, runtime, running: None, tasks: Vec::new(), seen: HashMap::new() };
        world.restart().await;
        world
    }

    /// LocalECS dies where it stands and starts again.
    async fn restart(&mut self) {
        self.running = None;
        let mut driver = Driver::new(self.shared.store.clone(), self.shared.clock.clone());
        let agent = super::start(
            self.shared.clone(),
            Arc::new(self.runtime.clone()),
            Inside::off(&ContainerEndpoint::Own),
            &mut driver,
        )
        .await;
        self.running = Some((driver, agent));
    }

    /// Lets everything happen that needs no time.
    async fn settle(&mut self) {
        let statuses = self.running.as_ref().expect("started").0.statuses();
        let mut quiet = 0;
        let mut turns = 0;
        while quiet < 20 {
            tokio::task::yield_now().await;
            let busy = statuses.iter().any(|status| status.borrow().running > 0);
            quiet = if busy && turns % 50 != 49 { 0 } else { quiet + 1 };
            turns += 1;
            // What waits for time (a stop, a pull) stays busy.
            if turns > 400 {
                break;
            }
        }
        self.check();
    }

    async fn pass(&mut self, time: Duration) {
        self.shared.clock.advance(time);
        self.settle().await;
    }

    async fn run(&mut self, definition: ecs::TaskDefinition) -> TaskKey {
        self.run_on(definition, None).await
    }

    /// On that container instance.
    async fn run_on(&mut self, definition: ecs::TaskDefinition, instance: Option<&ContainerInstanceKey>) -> TaskKey {
        let number = u32::try_from(self.tasks.len()).expect("few") + 1;
        let definition = ecs::TaskDefinition { revision: Some(i32::try_from(number).expect("few")), ..definition };
        let now = self.shared.clock.now();
        let task = Task { created_at: now, container_instance: instance.cloned(), ..task(&definition, number) };
        let key = task.key.clone();
        let record = record(&task, definition);
        self.shared
            .store
            .transact(|tx| {
                tx.put(record);
                tx.put(task);
                Ok::<_, api_models::Unexpected>(())
            })
            .await
            .expect("in memory");
        self.tasks.push(key.clone());
        key
    }

    /// As StopTask does it.
    async fn stop(&self, key: &TaskKey) {
        let now = self.shared.clock.now();
        self.shared
            .store
            .transact(|tx| {
                tx.update(key, |task: &mut Task| {
                    if task.desired_status == TaskStatus::Stopped {
                        return false;
                    }
                    task.desired_status = TaskStatus::Stopped;
                    task.stop_code = Some(TaskStopCode::UserInitiated);
                    task.stopped_reason = Some("Task stopped by user".to_owned());
                    task.stopping_at = Some(now);
                    task.version += 1;
                    true
                });
                Ok::<_, api_models::Unexpected>(())
            })
            .await
            .expect("in memory");
    }

    fn task(&self, key: &TaskKey) -> Arc<Task> {
        self.shared.store.snapshot().tasks[key].clone()
    }

    async fn containers(&self) -> Vec<ContainerObservation> {
        self.runtime.list_containers().await.expect("the engine answers")
    }

    /// What must hold at any time.
    fn check(&mut self) {
        let state = self.shared.store.snapshot();
        let mut addresses = HashMap::new();
        for task in state.tasks.values() {
            check_task(task);
            if let Some(before) = self.seen.get(&task.key) {
                check_change(before, task);
            }
            self.seen.insert(task.key.clone(), Task::clone(task));
            let address = task.attachment.as_ref().and_then(|attachment| attachment.address);
            if let (Some(address), true) = (address, task.last_status < TaskStatus::Stopped) {
                assert_eq!(addresses.insert(address, &task.key), None, "two tasks have {address}");
            }
        }
    }
}

fn record(task: &Task, definition: ecs::TaskDefinition) -> TaskDefinition {
    let key = task.task_definition.clone();
    TaskDefinition {
        compatibilities: Compatibilities::of(&ecs::RegisterTaskDefinitionRequest::default(), &key.scope),
        key,
        status: TaskDefinitionStatus::Active,
        registered_at: START,
        deregistered_at: None,
        delete_requested_at: None,
        definition: Packed::new(&definition),
        tags: Vec::new(),
    }
}

fn check_task(task: &Task) {
    let times = [
        Some(task.created_at),
        task.pull_started_at,
        task.pull_stopped_at,
        task.started_at,
        task.execution_stopped_at,
        task.stopped_at,
    ];
    let times: Vec<Timestamp> = times.into_iter().flatten().collect();
    assert!(times.is_sorted(), "times out of order: {task:#?}");
    if task.last_status == TaskStatus::Running {
        assert!(task.started_at.is_some() && task.pull_stopped_at.is_some(), "{task:#?}");
    }
    if task.last_status == TaskStatus::Stopped {
        assert!(task.stop_code.is_some() && task.stopped_reason.is_some() && task.stopped_at.is_some(), "{task:#?}");
        assert!(task.stopping_at.is_some() && task.desired_status == TaskStatus::Stopped, "{task:#?}");
        assert!(task.containers.iter().all(|one| one.last_status == TaskStatus::Stopped), "{task:#?}");
        assert!(
            task.attachment.as_ref().is_none_or(|attachment| attachment.status == AttachmentStatus::Deleted),
            "{task:#?}"
        );
    }
    for container in &task.containers {
        assert!(container.exit_code.is_none() || container.last_status == TaskStatus::Stopped, "{task:#?}");
    }
}

fn check_change(before: &Task, after: &Task) {
    assert!(after.last_status >= before.last_status, "{before:#?} became {after:#?}");
    assert!(after.version > before.version || after == before, "changed without a new version: {after:#?}");
    for (old, new) in before.containers.iter().zip(&after.containers) {
        let ran: Option<&ContainerId> = old.runtime_id.as_ref();
        assert!(ran.is_none() || ran == new.runtime_id.as_ref(), "another container took its place: {after:#?}");
    }
}

fn one(mode: NetworkMode, labels: &[(&str, &str)]) -> ecs::TaskDefinition {
    definition(mode, vec![labelled(container("web", true), labels)])
}

#[tokio::test]
async fn a_task_runs_and_is_stopped() {
    for mode in [NetworkMode::Bridge, NetworkMode::Awsvpc] {
        let mut world = World::new(1).await;
        let key = world.run(one(mode.clone(), &[])).await;
        world.settle().await;
        let task = world.task(&key);
        assert_eq!(task.last_status, TaskStatus::Running, "{task:#?}");
        assert_eq!(task.containers[0].network_bindings.len(), 1, "{task:#?}");
        if mode == NetworkMode::Awsvpc {
            let attachment = task.attachment.as_ref().expect("awsvpc");
            assert!(attachment.address.is_some() && attachment.mac_address.is_some() && task.connectivity_at.is_some());
        }
        world.stop(&key).await;
        world.settle().await;
        let task = world.task(&key);
        assert_eq!((task.last_status, task.containers[0].exit_code), (TaskStatus::Stopped, Some(143)));
        assert_eq!(world.containers().await, []);
    }
}

#[tokio::test]
async fn a_task_stopped_while_it_pulls_ends_at_once() {
    let mut world = World::new(1).await;
    let key = world.run(one(NetworkMode::Bridge, &[("sim.pull-time", "10m")])).await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.task(&key).last_status, TaskStatus::Pending);
    world.stop(&key).await;
    world.settle().await;
    assert_eq!(world.task(&key).last_status, TaskStatus::Stopped);
    assert_eq!(world.containers().await, []);
}

#[tokio::test]
async fn a_failing_pull_is_tried_again_and_then_told() {
    let mut world = World::new(1).await;
    let fault = |times| Fault::PullFails { image: "web".into(), message: Some("no route".into()), times };
    world.runtime.inject(fault(Some(2))).expect("simulated");
    let key = world.run(one(NetworkMode::Bridge, &[])).await;
    for _ in 0..10 {
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(world.task(&key).last_status, TaskStatus::Running);

    world.runtime.inject(fault(None)).expect("simulated");
    let key = world.run(one(NetworkMode::Awsvpc, &[])).await;
    for _ in 0..30 {
        world.pass(Duration::from_secs(1)).await;
    }
    let task = world.task(&key);
    assert_eq!(task.stop_code, Some(TaskStopCode::TaskFailedToStart));
    let reason = task.stopped_reason.as_deref().expect("a reason");
    assert_eq!(
        reason,
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
         docker.io/library/web:1: no route"
    );
    assert_eq!(task.containers[0].reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn running_containers_are_adopted_and_what_is_unknown_goes() {
    let mut world = World::new(1).await;
    let kept = world.run(one(NetworkMode::Awsvpc, &[])).await;
    let lost = world.run(one(NetworkMode::Bridge, &[("sim.exit-code", "7"), ("sim.run-for", "1m")])).await;
    let deleted = world.run(one(NetworkMode::Bridge, &[])).await;
    world.settle().await;
    let before = world.task(&kept);
    world.running = None;
    world.shared.clock.advance(Duration::from_secs(120));
    world
        .shared
        .store
        .transact(|tx| {
            tx.delete::<Task>(&deleted);
            Ok::<_, api_models::Unexpected>(())
        })
        .await
        .expect("in memory");
    world.restart().await;
    world.settle().await;
    assert_eq!(*world.task(&kept), *before);
    let task = world.task(&lost);
    assert_eq!((task.last_status, task.containers[0].exit_code), (TaskStatus::Stopped, Some(7)));
    assert_eq!(world.containers().await.len(), 2, "the task that was kept, and its pause container");
    let other = world.run(one(NetworkMode::Awsvpc, &[])).await;
    world.settle().await;
    assert_eq!(world.task(&other).last_status, TaskStatus::Running);
}

#[tokio::test]
async fn an_engine_that_is_gone_is_waited_for() {
    let mut world = World::new(1).await;
    world.runtime.inject(Fault::EngineGone).expect("simulated");
    let key = world.run(one(NetworkMode::Awsvpc, &[])).await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(world.task(&key).desired_status, TaskStatus::Running);
    world.runtime.inject(Fault::EngineBack).expect("simulated");
    world.settle().await;
    assert_eq!(world.task(&key).last_status, TaskStatus::Running);
}

#[tokio::test]
async fn a_reset_leaves_nothing() {
    let mut world = World::new(1).await;
    for mode in [NetworkMode::Awsvpc, NetworkMode::Bridge, NetworkMode::Host] {
        world.run(one(mode, &[])).await;
    }
    world.settle().await;
    world
        .shared
        .store
        .transact(|tx| {
            tx.clear();
            Ok::<_, api_models::Unexpected>(())
        })
        .await
        .expect("in memory");
    world.running.as_ref().expect("started").1.purge().await.expect("the engine answers");
    world.seen.clear();
    world.settle().await;
    assert_eq!(world.containers().await, []);
    assert_eq!(world.runtime.list_networks().await, Ok(Vec::new()));
    assert!(world.running.as_ref().expect("started").1.is_idle());
    let key = world.run(one(NetworkMode::Awsvpc, &[])).await;
    world.settle().await;
    assert_eq!(world.task(&key).last_status, TaskStatus::Running);
}

fn random_container(ids: &IdSource, name: &str, essential: bool) -> ContainerDefinition {
    const SCRIPTS: [&[(&str, &str)]; 12] = [
        &[],
        &[],
        &[],
        &[("sim.run-for", "5s"), ("sim.exit-code", "1")],
        &[("sim.run-for", "30s")],
        &[("sim.pull-time", "4s")],
        &[("sim.pull-error", "denied")],
        &[("sim.create-error", "bad option")],
        &[("sim.start-error", "no such file")],
        &[("sim.start-delay", "2s"), ("sim.stop-delay", "3s")],
        &[("sim.oom-after", "7s")],
        &[("sim.ignore-term", "true")],
    ];
    let script = SCRIPTS[usize::try_from(ids.below(12)).expect("small")];
    let mut container = labelled(container(name, essential), script);
    if ids.below(3) == 0 {
        let check = ecs::HealthCheck { command: Some(vec!["CMD".into(), "check".into()]), ..Default::default() };
        container.health_check = Some(Box::new(ecs::HealthCheck { interval: Some(5), ..check }));
    }
    if ids.below(4) == 0 {
        let policy = ecs::ContainerRestartPolicy { enabled: Some(true), ..Default::default() };
        let period = Some(i32::try_from(ids.below(30)).expect("small"));
        container.restart_policy =
            Some(Box::new(ecs::ContainerRestartPolicy { restart_attempt_period: period, ..policy }));
    }
    if ids.below(4) == 0 {
        container.start_timeout = Some(10);
    }
    container
}

/// On containers before it in the list, so that there is no circle.
fn random_dependencies(ids: &IdSource, before: &[ContainerDefinition]) -> Vec<ecs::ContainerDependency> {
    use ecs::ContainerCondition::{Complete, Healthy, Start, Success};
    let mut dependencies = Vec::new();
    for other in before.iter().filter(|_| ids.below(2) == 0) {
        dependencies.push(ecs::ContainerDependency {
            container_name: other.name.clone(),
            condition: [Start, Complete, Success, Healthy].get(usize::try_from(ids.below(4)).expect("small")).cloned(),
        });
    }
    dependencies
}

fn random_definition(ids: &IdSource) -> ecs::TaskDefinition {
    let mode = [NetworkMode::Awsvpc, NetworkMode::Bridge][usize::try_from(ids.below(2)).expect("small")].clone();
    let mut containers = vec![random_container(ids, "web", true)];
    for name in ["side", "car"].into_iter().take(usize::try_from(ids.below(3)).expect("small")) {
        let mut container = random_container(ids, name, ids.below(3) == 0);
        container.depends_on = Some(random_dependencies(ids, &containers));
        containers.push(container);
    }
    if ids.below(2) == 0 {
        containers.reverse();
    }
    let volumes = || vec![ecs::Volume { name: Some("scratch".to_owned()), ..ecs::Volume::default() }];
    ecs::TaskDefinition { volumes: (ids.below(2) == 0).then(volumes), ..definition(mode, containers) }
}

/// One random life of a server with a few tasks, faults and restarts; then everything is stopped and must be gone.
async fn live(seed: u64) {
    let dice = IdSource::seeded(seed ^ 0x5eed);
    let mut world = World::new(seed).await;
    let instances = [world.instance("us-east-1a").await, world.instance("us-east-1b").await];
    let mut away = false;
    for _ in 0..25 {
        let instance = &instances[usize::try_from(dice.below(2)).expect("small")];
        match dice.below(15) {
            0..=3 => drop(world.run(random_definition(&dice)).await),
            4 | 5 if !world.tasks.is_empty() => {
                let index = usize::try_from(dice.below(world.tasks.len() as u64)).expect("small");
                world.stop(&world.tasks[index].clone()).await;
            }
            6 => world.restart().await,
            7 => {
                away = !away;
                let fault = if away { Fault::EngineGone } else { Fault::EngineBack };
                world.runtime.inject(fault).expect("simulated");
            }
            8 => {
                let fault = Fault::PullFails { image: "web".into(), message: None, times: Some(2) };
                world.runtime.inject(fault).expect("simulated");
            }
            9 => {
                let fault = Fault::StartFails { image: "side".into(), message: None, times: Some(1) };
                world.runtime.inject(fault).expect("simulated");
            }
            10 if !away => {
                // Somebody removes a container behind our back.
                if let Some(victim) = world.containers().await.first() {
                    world.runtime.remove_container(&victim.id).await.expect("the engine answers");
                }
            }
            11 | 12 => drop(world.run_daemon(instance, "daemon").await),
            13 => drop(world.run_on(random_definition(&dice), Some(instance)).await),
            _ => world.pass(Duration::from_millis(dice.below(8_000))).await,
        }
        if dice.below(2) == 0 {
            world.settle().await;
        }
    }
    world.runtime.inject(Fault::EngineBack).expect("simulated");
    world.runtime.inject(Fault::Clear).expect("simulated");
    for key in world.tasks.clone() {
        world.stop(&key).await;
    }
    for _ in 0..60 {
        world.pass(Duration::from_secs(2)).await;
    }
    for key in &world.tasks {
        assert_eq!(world.task(key).last_status, TaskStatus::Stopped, "{:#?}", world.task(key));
    }
    assert_eq!(world.containers().await, [], "left behind");
    assert_eq!(world.runtime.list_volumes().await, Ok(Vec::new()), "left behind");
    assert!(world.running.as_ref().expect("started").1.is_idle());
}

/// `LOCALECS_SEEDS=5000` runs more; `LOCALECS_SEED=17` runs that one.
#[tokio::test]
async fn random_lives_end_well() {
    for seed in crate::testing::seeds(100) {
        if let Err(panic) = tokio::spawn(live(seed)).await {
            std::panic::resume_unwind(panic.into_panic());
        }
    }
}
