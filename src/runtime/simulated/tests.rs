//! What the simulation does beyond the contract: its labels, its faults, its times.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::runtime::{
    CONTAINER_NAME_LABEL, ContainerNetwork, HealthCheck, ImageSource, ObservedHealth, ObservedState, PortPublication,
    Protocol, TASK_ARN_LABEL,
};

const GRACE: Duration = Duration::from_secs(30);

/// A store on an engine whose time stands still.
struct Bench {
    clock: Clock,
    engine: SimulatedEngine,
    runtime: Arc<SimulatedRuntime>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let engine = SimulatedEngine::new(clock.clone(), IdSource::seeded(1));
        let runtime = Arc::new(engine.runtime("store"));
        Self { clock, engine, runtime }
    }

    async fn create(&self, name: &str, labels: &[(&str, &str)]) -> ContainerId {
        self.runtime.create_container(&spec(name, labels)).await.expect("the container is created")
    }

    async fn run(&self, name: &str, labels: &[(&str, &str)]) -> ContainerId {
        let id = self.create(name, labels).await;
        self.runtime.start_container(&id).await.expect("the container starts");
        id
    }

    async fn state(&self, id: &ContainerId) -> ObservedState {
        self.runtime.inspect_container(id).await.expect("the engine answers").expect("the container exists").state
    }

    async fn exit(&self, id: &ContainerId) -> Option<(i32, i64)> {
        match self.state(id).await {
            ObservedState::Exited(exit) => Some((exit.exit_code, exit.finished_at.map_or(-1, Timestamp::as_millis))),
            _ => None,
        }
    }

    fn stop(&self, id: &ContainerId) -> JoinHandle<Result<Option<Exit>>> {
        let (runtime, id) = (self.runtime.clone(), id.clone());
        tokio::spawn(async move { runtime.stop_container(&id, GRACE).await })
    }

    fn advance(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }
}

fn spec(name: &str, labels: &[(&str, &str)]) -> ContainerSpec {
    ContainerSpec {
        name: name.into(),
        image: ImageSource::Reference("app:1".into()),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        health_check: labels.iter().any(|(name, _)| name.contains("healthy")).then(check),
        ..ContainerSpec::default()
    }
}

fn check() -> HealthCheck {
    HealthCheck {
        command: vec!["CMD".into(), "check".into()],
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        retries: 3,
        start_period: Duration::ZERO,
    }
}

/// Lets every other task run until it waits for something.
async fn yield_to_others() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_container_ends_when_its_script_says() {
    let bench = Bench::new();
    let forever = bench.run("forever", &[]).await;
    let short = bench.run("short", &[("sim.run-for", "10s"), ("sim.exit-code", "3")]).await;
    let hungry = bench.run("hungry", &[("sim.run-for", "10s"), ("sim.oom-after", "5s")]).await;
    bench.advance(9.999);
    assert_eq!(bench.exit(&short).await, None);
    // Seen late, it still ended when it was due.
    bench.advance(100.0);
    assert_eq!(bench.exit(&short).await, Some((3, 10_000)));
    assert_eq!(bench.exit(&hungry).await, Some((137, 5_000)));
    let ObservedState::Exited(exit) = bench.state(&hungry).await else { panic!("it has ended") };
    assert!(exit.oom_killed);
    assert_eq!(bench.exit(&forever).await, None);
}

#[tokio::test]
async fn health_needs_a_check_and_passes_unless_something_else_is_said() {
    let bench = Bench::new();
    let with = |name: &str, labels, check| ContainerSpec { health_check: check, ..spec(name, labels) };
    let none = HealthCheck { command: vec!["NONE".into()], ..check() };
    let mut ids = Vec::new();
    for spec in [
        with("unchecked", &[("sim.healthy-after", "1s")], None),
        with("none", &[("sim.healthy-after", "1s")], Some(none)),
        with("unsaid", &[], Some(check())),
        with("fails", &[("sim.unhealthy-after", "40s")], Some(check())),
    ] {
        let id = bench.runtime.create_container(&spec).await.expect("it is created");
        bench.runtime.start_container(&id).await.expect("it starts");
        ids.push(id);
    }
    for (seconds, expected) in [
        (2.0, [ObservedHealth::None, ObservedHealth::None, ObservedHealth::Starting, ObservedHealth::Starting]),
        (30.0, [ObservedHealth::None, ObservedHealth::None, ObservedHealth::Healthy, ObservedHealth::Starting]),
        (30.0, [ObservedHealth::None, ObservedHealth::None, ObservedHealth::Healthy, ObservedHealth::Unhealthy]),
    ] {
        bench.advance(seconds);
        for (id, health) in ids.iter().zip(expected) {
            let seen = bench.runtime.inspect_container(id).await.expect("the engine answers").expect("it exists");
            assert_eq!(seen.health, health, "{}", seen.name);
        }
    }
}

#[tokio::test]
async fn a_container_that_ended_starts_again() {
    let bench = Bench::new();
    let id = bench.run("again", &[("sim.run-for", "2s"), ("sim.healthy-after", "1s")]).await;
    bench.advance(3.0);
    let ObservedState::Exited(first) = bench.state(&id).await else { panic!("it has ended") };
    let seen = bench.runtime.start_container(&id).await.expect("it starts");
    assert_eq!(seen.health, ObservedHealth::Starting);
    assert_eq!(seen.state, ObservedState::Running { started_at: Some(Timestamp::from_millis(3_000)) });
    bench.advance(5.0);
    let ObservedState::Exited(second) = bench.state(&id).await else { panic!("it has ended") };
    let times = |exit: Exit| (exit.started_at.map(Timestamp::as_millis), exit.finished_at.map(Timestamp::as_millis));
    assert_eq!((times(first), times(second)), ((Some(0), Some(2_000)), (Some(3_000), Some(5_000))));
}

#[tokio::test]
async fn the_timer_tells_subscribers_without_being_asked() {
    let bench = Bench::new();
    let mut events = bench.runtime.subscribe();
    assert_eq!(events.recv().await, Some(RuntimeEvent::Resync));
    let id = bench.run("short", &[("sim.run-for", "1s"), ("sim.healthy-after", "500ms")]).await;
    let mut seen = Vec::new();
    yield_to_others().await;
    bench.advance(2.0);
    while seen.len() < 3 {
        let Some(RuntimeEvent::Changed(now)) = events.recv().await else { panic!("another event") };
        assert_eq!(now.id, id);
        seen.push((now.health, matches!(now.state, ObservedState::Running { .. })));
    }
    assert_eq!(
        seen,
        [(ObservedHealth::Starting, true), (ObservedHealth::Healthy, true), (ObservedHealth::Healthy, false)]
    );
    bench.runtime.remove_container(&id).await.expect("it is removed");
    assert!(matches!(events.recv().await, Some(RuntimeEvent::Removed { .. })));
}

#[tokio::test]
async fn a_start_takes_its_delay_and_a_stop_waits_for_it() {
    let bench = Bench::new();
    let id = bench.create("slow", &[("sim.start-delay", "500ms"), ("sim.stop-exit-code", "0")]).await;
    let start = {
        let (runtime, id) = (bench.runtime.clone(), id.clone());
        tokio::spawn(async move { runtime.start_container(&id).await })
    };
    yield_to_others().await;
    assert_eq!(bench.state(&id).await, ObservedState::Created);
    let stop = bench.stop(&id);
    yield_to_others().await;
    assert!(!start.is_finished() && !stop.is_finished());
    bench.advance(0.5);
    let exit = stop.await.expect("no panic").expect("it is stopped").expect("it ran");
    assert_eq!((exit.exit_code, exit.finished_at), (0, Some(Timestamp::from_millis(500))));
    start.await.expect("no panic").expect("it started");
}

#[tokio::test]
async fn a_stop_takes_as_long_as_the_script_says_but_no_longer_than_the_grace() {
    let bench = Bench::new();
    let prompt = bench.run("prompt", &[]).await;
    let slow = bench.run("slow", &[("sim.stop-delay", "3s")]).await;
    let deaf = bench.run("deaf", &[("sim.ignore-term", "true")]).await;
    let code = |exit: Result<Option<Exit>>| {
        let exit = exit.expect("it is stopped").expect("it ran");
        (exit.exit_code, exit.finished_at.map_or(-1, Timestamp::as_millis))
    };
    assert_eq!(code(bench.runtime.stop_container(&prompt, GRACE).await), (143, 0));
    let (slow, deaf) = (bench.stop(&slow), bench.stop(&deaf));
    yield_to_others().await;
    bench.advance(3.0);
    assert_eq!(code(slow.await.expect("no panic")), (143, 3_000));
    bench.advance(26.9);
    yield_to_others().await;
    assert!(!deaf.is_finished());
    bench.advance(0.1);
    assert_eq!(code(deaf.await.expect("no panic")), (137, 30_000));
}

#[tokio::test]
async fn pulls_follow_the_labels_and_the_image_s_name() {
    let bench = Bench::new();
    let runtime = &bench.runtime;
    let labels = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let none = BTreeMap::new();
    let here = runtime.inspect_image("app:1", &none).await.expect("the engine answers").expect("it is there");
    assert!(here.id.starts_with("sha256:") && here.id.len() == 71);
    assert_eq!(runtime.pull_image("app:1", &none, None, None).await, Ok(here));

    assert_eq!(runtime.inspect_image("missing/app:1", &none).await, Ok(None));
    let error = runtime.pull_image("missing/app:1", &none, None, None).await.expect_err("no registry has it");
    assert!(error.to_string().starts_with("pull access denied for missing/app, repository does not exist"), "{error}");
    assert!(matches!(error, RuntimeError::Pull { retryable: false, .. }));

    let broken = labels("sim.pull-error", "toomanyrequests");
    assert_eq!(runtime.inspect_image("app:1", &broken).await, Ok(None));
    let error = runtime.pull_image("app:1", &broken, None, None).await.expect_err("the script says so");
    assert_eq!(error.to_string(), "toomanyrequests");

    let slow = labels("sim.pull-time", "2s");
    assert_eq!(runtime.inspect_image("app:1", &slow).await, Ok(None));
    let pull = tokio::spawn({
        let runtime = runtime.clone();
        async move { runtime.pull_image("app:1", &slow, None, None).await }
    });
    yield_to_others().await;
    assert!(!pull.is_finished());
    bench.advance(2.0);
    pull.await.expect("no panic").expect("it is pulled");
}

#[tokio::test]
async fn faults_happen_to_the_calls_they_name() {
    let bench = Bench::new();
    let runtime = &bench.runtime;
    let inject = |fault| runtime.inject(fault).expect("the simulation takes faults");
    let none = BTreeMap::new();

    inject(Fault::PullFails { image: "app".into(), message: Some("no route".into()), times: Some(1) });
    assert_eq!(runtime.inspect_image("app:1", &none).await, Ok(None));
    let error = runtime.pull_image("app:1", &none, None, None).await.expect_err("the fault happens");
    assert_eq!(error, RuntimeError::Pull { message: "no route".into(), retryable: true, manifest: true });
    runtime.pull_image("app:1", &none, None, None).await.expect("once only");

    inject(Fault::CreateFails { image: "app".into(), message: None, times: None });
    let error = runtime.create_container(&spec("a", &[])).await.expect_err("the fault happens");
    assert!(matches!(error, RuntimeError::Create { .. }));
    inject(Fault::Clear);
    let id = bench.create("a", &[]).await;

    inject(Fault::StartFails { image: "app".into(), message: Some("no such file".into()), times: Some(1) });
    let error = runtime.start_container(&id).await.expect_err("the fault happens");
    assert_eq!(error, RuntimeError::Start { message: "no such file".into() });
    assert_eq!(bench.state(&id).await, ObservedState::Created);
    assert_eq!(runtime.stop_container(&id, GRACE).await, Ok(None));
    runtime.start_container(&id).await.expect("once only");

    inject(Fault::Health { container: "a".into(), health: ObservedHealth::Unhealthy });
    let seen = runtime.inspect_container(&id).await.expect("the engine answers").expect("it exists");
    assert_eq!(seen.health, ObservedHealth::Unhealthy);
    inject(Fault::Exit { container: id.to_string(), exit_code: 7 });
    assert_eq!(bench.exit(&id).await, Some((7, 0)));
    assert!(runtime.inject(Fault::Exit { container: "a".into(), exit_code: 7 }).is_err(), "it runs no more");

    let labels = [(TASK_ARN_LABEL, "arn:aws:ecs:us-east-1:1:task/default/abc"), (CONTAINER_NAME_LABEL, "web")];
    let id = bench.run("b", &labels).await;
    inject(Fault::OutOfMemory { container: "abc/web".into() });
    assert_eq!(bench.exit(&id).await, Some((137, 0)));
}

#[tokio::test]
async fn an_engine_that_is_gone_says_nothing_and_its_return_asks_for_a_resync() {
    let bench = Bench::new();
    let runtime = &bench.runtime;
    let mut events = runtime.subscribe();
    let id = bench.run("a", &[("sim.run-for", "10s")]).await;
    let deaf = bench.run("deaf", &[("sim.ignore-term", "true")]).await;
    let stop = bench.stop(&deaf);
    yield_to_others().await;
    while events.try_recv().is_ok() {}

    runtime.inject(Fault::EngineGone).expect("the simulation takes faults");
    assert!(matches!(stop.await.expect("no panic"), Err(RuntimeError::Unavailable(_))));
    assert!(matches!(runtime.info().await, Err(RuntimeError::Unavailable(_))));
    assert!(matches!(runtime.list_containers().await, Err(RuntimeError::Unavailable(_))));
    let mut late = runtime.subscribe();
    bench.advance(60.0);
    yield_to_others().await;
    assert!(events.try_recv().is_err() && late.try_recv().is_err());

    runtime.inject(Fault::EngineBack).expect("the simulation takes faults");
    assert_eq!(events.try_recv(), Ok(RuntimeEvent::Resync));
    assert_eq!(late.try_recv(), Ok(RuntimeEvent::Resync));
    // Its containers went on meanwhile.
    assert_eq!(bench.exit(&id).await, Some((0, 10_000)));
    assert_eq!(bench.exit(&deaf).await, Some((137, 30_000)));
}

#[tokio::test]
async fn containers_outlive_the_client_and_stores_do_not_see_each_other() {
    let bench = Bench::new();
    let id = bench.run("a", &[("sim.run-for", "10s")]).await;
    let Bench { clock, engine, runtime } = bench;
    drop(runtime);
    let again = engine.runtime("store");
    let found = again.list_containers().await.expect("the engine answers");
    assert_eq!(found.iter().map(|found| &found.id).collect::<Vec<_>>(), [&id]);

    let other = engine.runtime("other");
    assert_eq!(other.list_containers().await, Ok(Vec::new()));
    assert_eq!(other.inspect_container(&id).await, Ok(None));
    let error = other.create_container(&spec("a", &[])).await.expect_err("the name is taken");
    assert!(error.to_string().starts_with("Conflict. The container name \"/a\" is already in use"), "{error}");
    other.remove_container(&id).await.expect("it is not theirs, so nothing happens");
    assert!(again.inspect_container(&id).await.expect("the engine answers").is_some());

    // The last client gone, the engine is too.
    let shared = engine.downgrade();
    drop((engine, again, other));
    clock.advance(GRACE);
    yield_to_others().await;
    assert_eq!(shared.strong_count(), 0);
}

#[tokio::test]
async fn a_script_that_makes_no_sense_is_refused() {
    let bench = Bench::new();
    let wrong = spec("a", &[("sim.run-fro", "1s")]);
    let error = bench.runtime.create_container(&wrong).await.expect_err("no such label");
    assert_eq!(error.to_string(), "sim.run-fro: the simulated runtime knows no such label");
    let error = bench.runtime.pull_image("app", &wrong.labels, None, None).await.expect_err("no such label");
    assert!(matches!(error, RuntimeError::Pull { retryable: false, .. }));
}

#[tokio::test]
async fn thousands_of_containers_are_cheap() {
    let bench = Bench::new();
    let mut events = bench.runtime.subscribe();
    let stopwatch = crate::time::stopwatch();
    let published =
        PortPublication { container_port: 80, protocol: Protocol::Tcp, host_ip: [0, 0, 0, 0].into(), host_port: None };
    let mut ids = Vec::new();
    for number in 0..20_000 {
        let mut spec = spec(&format!("c{number}"), &[("sim.run-for", "1h")]);
        if number % 2 == 0 {
            spec.publish = vec![published.clone()];
        } else {
            spec.network = ContainerNetwork::None;
        }
        let id = bench.runtime.create_container(&spec).await.expect("it is created");
        bench.runtime.start_container(&id).await.expect("it starts");
        ids.push(id);
    }
    bench.advance(3_600.0);
    for id in &ids {
        assert_eq!(bench.exit(id).await, Some((0, 3_600_000)));
        bench.runtime.remove_container(id).await.expect("it is removed");
    }
    let mut count = 0;
    while events.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 1 + 3 * 20_000);
    let took = stopwatch();
    assert!(took < Duration::from_secs(20), "took {took:?}");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_run() {
    async fn events() -> Vec<RuntimeEvent> {
        let bench = Bench::new();
        let mut events = bench.runtime.subscribe();
        for number in 0..20 {
            let run_for = format!("{}s", number % 7);
            bench.run(&format!("c{number}"), &[("sim.run-for", &run_for), ("sim.unhealthy-after", "3s")]).await;
            bench.advance(0.5);
        }
        bench.advance(60.0);
        bench.runtime.info().await.expect("the engine answers");
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }
    assert_eq!(events().await, events().await);
}

#[test]
fn the_repository_of_an_image() {
    for (reference, expected) in [
        ("nginx", "nginx"),
        ("nginx:1.27", "nginx"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("localhost:5000/a/b:2", "localhost:5000/a/b"),
        ("a/b@sha256:00", "a/b"),
    ] {
        assert_eq!(repository(reference), expected);
    }
}
