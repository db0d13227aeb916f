//! Everything goes wrong at once, while tasks of several containers start and stop: what DescribeTasks says is what the
//! engine has, soon after. `LOCALECS_CHAOS_ROUNDS` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{ContainerCondition, ContainerDefinition, ContainerDependency, NetworkMode, Task};
use compat_tests::{
    Ecs, EngineProxy, PrivateEngine, Registers, Server, Store, app, awsvpc, docker, random_account, seed, wait_until,
};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

/// Tasks of each of the two kinds that a round starts.
const TASKS: usize = 10;
/// By then all must agree; starting the last containers takes most of it.
const AGREEMENT: Duration = Duration::from_secs(30);
const ENGINE: &str = "/var/run/docker.sock";

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A task in awsvpc mode, and one in bridge mode.
    Run,
    Stop,
    /// `docker kill` of a container.
    KillContainer,
    /// `docker rm --force` of a container.
    RemoveContainer,
    /// All connections to the engine break, that of the events too.
    CutEngine,
    /// SIGKILL, and another start.
    KillServer,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm() {
    needs_own_server!();
    let given = std::env::var("DOCKER_HOST").ok();
    let engine = given.as_deref().map_or(Some(ENGINE), |host| host.strip_prefix("unix://"));
    let Some(engine) = engine.filter(|path| std::fs::exists(path).is_ok_and(|there| there)) else {
        println!("\n*** SKIPPED: the engine is not reached by a socket that could be cut");
        return;
    };
    let rounds = std::env::var("LOCALECS_CHAOS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    let mut random = StdRng::seed_from_u64(seed("a_storm"));
    let proxy = EngineProxy::start(engine.into());
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on_engine(store.clone(), &proxy.host(), &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let cluster = ecs.cluster_with_instance().await;
    let definitions = [definition(&ecs, NetworkMode::Awsvpc).await, definition(&ecs, NetworkMode::Bridge).await];
    let mut storm = Storm {
        proxy,
        store,
        account,
        server: Some(server),
        cluster,
        definitions,
        tasks: vec![],
        meddled: Meddled::default(),
    };
    for round in 0..rounds {
        let mut steps = [
            vec![Step::Run; TASKS],
            vec![Step::Stop; TASKS / 2],
            vec![Step::KillContainer; 3],
            vec![Step::RemoveContainer; 3],
            vec![Step::CutEngine; 4],
            vec![Step::KillServer; 4],
        ]
        .concat();
        steps.shuffle(&mut random);
        for step in steps {
            storm.take(step, &mut random).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        }
        let agreed = storm.agreed().await;
        let running = storm.describe().await.iter().filter(|task| task.last_status() == Some("RUNNING")).count();
        println!("round {round}: {running} of {} tasks run; all agreed after {agreed:.1?}", storm.tasks.len());
        storm.stop_all().await;
    }
    if let Some(server) = storm.server.take() {
        server.stop();
    }
}

/// A job that ends with 7 and a server that waits for it.
async fn definition(ecs: &Ecs, mode: NetworkMode) -> String {
    let init: ContainerDefinition = app("init", &["exit", "7"]).essential(false).memory(16).build();
    let after = ContainerDependency::builder().container_name("init").condition(ContainerCondition::Complete);
    let web = app("web", &["serve"]).memory(16).depends_on(after.build().expect("complete")).build();
    ecs.on_ec2(mode).container_definitions(init).container_definitions(web).registered().await
}

/// The ids of containers that were interfered with.
#[derive(Default)]
struct Meddled {
    killed: BTreeSet<String>,
    removed: BTreeSet<String>,
}

struct Storm {
    proxy: EngineProxy,
    store: Arc<Store>,
    account: String,
    server: Option<Server>,
    cluster: String,
    definitions: [String; 2],
    /// The ARNs of all tasks that were answered.
    tasks: Vec<String>,
    meddled: Meddled,
}

/// A container as the engine shows it.
#[derive(Debug)]
struct Real {
    id: String,
    state: String,
    task: String,
    name: String,
    exit_code: i32,
}

impl Storm {
    fn ecs(&self) -> Ecs {
        self.server.as_ref().expect("it runs between the steps").ecs_in(&self.account, "us-east-1")
    }

    async fn take(&mut self, step: Step, random: &mut StdRng) {
        match step {
            Step::Run => {
                let ecs = self.ecs();
                for (definition, own_address) in self.definitions.iter().zip([true, false]) {
                    let network = own_address.then(|| awsvpc(&["subnet-0a"]));
                    let run = ecs.run_on_ec2(&self.cluster, definition).set_network_configuration(network);
                    let answer = run.send().await.expect("RunTask");
                    assert_eq!(answer.failures(), []);
                    self.tasks.extend(answer.tasks().iter().filter_map(|task| task.task_arn()).map(str::to_owned));
                }
            }
            Step::Stop => {
                if let Some(task) = self.tasks.choose(random) {
                    self.ecs().stop_task().cluster(&self.cluster).task(task).send().await.expect("StopTask");
                }
            }
            Step::KillContainer => {
                if let Some(id) = self.some_running(random)
                    && docker::try_run(&["kill", &id]).is_ok()
                {
                    self.meddled.killed.insert(id);
                }
            }
            Step::RemoveContainer => {
                if let Some(id) = self.some_running(random) {
                    self.meddled.removed.insert(id.clone());
                    // Somebody else may be removing it.
                    let _ = docker::try_run(&["rm", "--force", &id]);
                }
            }
            Step::CutEngine => self.proxy.cut(),
            Step::KillServer => {
                self.server.take().expect("it runs").kill();
                tokio::time::sleep(Duration::from_millis(random.random_range(0..300))).await;
                self.server = Some(Server::start_on_engine(self.store.clone(), &self.proxy.host(), &[]));
            }
        }
    }

    fn some_running(&self, random: &mut StdRng) -> Option<String> {
        let all = self.real();
        let running: Vec<&Real> = all.iter().filter(|real| real.state == "running").collect();
        running.choose(random).map(|real| real.id.clone())
    }

    /// All that the engine has of this store.
    fn real(&self) -> Vec<Real> {
        let ids = docker::containers(&self.store.label());
        let format = "{{.Id}} {{.State.Status}} {{.State.ExitCode}} \
                      {{index .Config.Labels \"com.amazonaws.ecs.task-arn\"}} \
                      {{index .Config.Labels \"com.amazonaws.ecs.container-name\"}}";
        // One that goes between the two calls is told on standard error; the others are printed all the same.
        let mut inspect = std::process::Command::new("docker");
        let output = inspect.args(["container", "inspect", "--format", format]).args(&ids).output().expect("docker");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let reals = text.lines().filter_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            Some(Real {
                id: words.next()?,
                state: words.next()?,
                exit_code: words.next()?.parse().ok()?,
                task: words.next()?,
                name: words.next()?,
            })
        });
        reals.collect()
    }

    async fn describe(&self) -> Vec<Task> {
        let ecs = self.ecs();
        let mut all = vec![];
        for arns in self.tasks.chunks(100) {
            let request = ecs.describe_tasks().cluster(&self.cluster).set_tasks(Some(arns.to_vec()));
            let answer = request.send().await.expect("DescribeTasks");
            assert_eq!(answer.failures(), [], "a task was forgotten");
            all.extend(answer.tasks.unwrap_or_default());
        }
        all
    }

    /// Waits until what is described is what the engine has, and returns how long that took.
    async fn agreed(&self) -> Duration {
        let start = Instant::now();
        loop {
            let (tasks, real) = (self.describe().await, self.real());
            let problem = match disagreement(&tasks, &real, &self.meddled) {
                None => return start.elapsed(),
                Some(problem) => problem,
            };
            if start.elapsed() > AGREEMENT {
                panic!("after {AGREEMENT:?}: {problem}\nthe engine has: {real:#?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn stop_all(&mut self) {
        let ecs = self.ecs();
        for task in &self.tasks {
            ecs.stop_task().cluster(&self.cluster).task(task).send().await.expect("StopTask");
        }
        self.agreed().await;
        let label = self.store.label();
        wait_until("all containers to be gone", AGREEMENT, || async { docker::containers(&label).is_empty() }).await;
    }
}

/// What is wrong with a picture, if anything is.
fn disagreement(tasks: &[Task], real: &[Real], meddled: &Meddled) -> Option<String> {
    let mut by_task: BTreeMap<&str, Vec<&Real>> = BTreeMap::new();
    for container in real {
        by_task.entry(&container.task).or_default().push(container);
    }
    for task in tasks {
        let arn = task.task_arn().unwrap_or_default();
        let own = by_task.remove(arn).unwrap_or_default();
        let problem = match task.last_status() {
            Some("RUNNING") => running_task(task, &own, meddled),
            Some("STOPPED") if own.is_empty() => exit_codes(task, meddled),
            Some("STOPPED") => Some(format!("containers are left: {own:?}")),
            status => Some(format!("it is {status:?}")),
        };
        if let Some(problem) = problem {
            return Some(format!("{arn}: {problem}\n{task:#?}"));
        }
    }
    by_task.values().next().map(|orphans| format!("containers of no task: {orphans:?}"))
}

fn running_task(task: &Task, own: &[&Real], meddled: &Meddled) -> Option<String> {
    let names: BTreeSet<&str> = own.iter().map(|real| real.name.as_str()).collect();
    if names.len() != own.len() {
        return Some(format!("a container is there twice: {own:?}"));
    }
    if task.desired_status() != Some("RUNNING") {
        return Some("it is to stop".to_owned());
    }
    let has_address = !task.attachments().is_empty();
    // A job that was removed by hand does not come back, and its task goes on. One that went while nobody looked has
    // no id.
    let expected = || {
        task.containers().iter().filter(|container| match container.runtime_id() {
            Some(id) => !meddled.removed.contains(id),
            None => container.last_status() != Some("STOPPED"),
        })
    };
    if own.len() != expected().count() + usize::from(has_address) {
        return Some(format!("it has other containers: {own:?}"));
    }
    expected().find_map(|container| {
        let name = container.name().unwrap_or_default();
        let Some(real) = own.iter().find(|real| real.name == name) else { return Some(format!("{name} is missing")) };
        let same = container.runtime_id() == Some(real.id.as_str())
            && match container.last_status() {
                Some("RUNNING") => real.state == "running",
                Some("STOPPED") => real.state == "exited" && container.exit_code() == Some(real.exit_code),
                _ => false,
            };
        (!same).then(|| format!("{name} is {real:?}"))
    })
}

/// A container that ran has an exit code, unless somebody removed it.
fn exit_codes(task: &Task, meddled: &Meddled) -> Option<String> {
    task.containers().iter().find_map(|container| {
        let id = container.runtime_id()?;
        let name = container.name().unwrap_or_default();
        match (name, container.exit_code()) {
            (_, None) if meddled.removed.contains(id) => None,
            (_, None) => Some(format!("the exit code of {name} is lost")),
            ("init", Some(7)) => None,
            // Stopped by the agent, or by the test.
            ("web", Some(0)) if !meddled.killed.contains(id) => None,
            (_, Some(137)) => None,
            (_, Some(code)) => Some(format!("{name} ended with {code}")),
        }
    })
}

/// With containers that outlive the engine's process (`live-restore`), and without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_is_restarted() {
    needs_own_server!();
    let Some(mut engine) = PrivateEngine::start(&["--live-restore"]) else { return };
    let store = Arc::new(Store::in_folder());
    let server = Server::start_on_engine(store, &engine.host(), &[]);
    let ecs = server.ecs();
    let cluster = ecs.cluster_with_instance().await;
    let containers = [app("one", &["sleep", "3600"]), app("two", &["sleep", "3600"])];
    let mut builder = ecs.on_ec2(NetworkMode::Host);
    for container in containers {
        builder = builder.container_definitions(container.memory(32).build());
    }
    let definition = builder.registered().await;
    let run = ecs.run_on_ec2(&cluster, &definition).count(3).send().await.expect("RunTask");
    let mut tasks = vec![];
    for task in run.tasks() {
        tasks.push(ecs.running(task).await);
    }
    let ids = |tasks: &[Task]| -> Vec<String> {
        let containers = tasks.iter().flat_map(|task| task.containers());
        containers.filter_map(|container| container.runtime_id()).map(str::to_owned).collect()
    };

    for _ in 0..2 {
        engine.down();
        engine.up(&["--live-restore"]);
        // One more runs when LocalECS has found the engine again.
        let more = ecs.run_on_ec2(&cluster, &definition).send().await.expect("RunTask");
        tasks.push(ecs.running(&more.tasks()[0]).await);
        for task in &tasks {
            let now = ecs.task(task).await;
            assert_eq!(
                (now.last_status(), ids(std::slice::from_ref(&now))),
                (Some("RUNNING"), ids(std::slice::from_ref(task))),
                "{now:#?}"
            );
        }
        let running = engine.docker(&["ps", "--quiet"]);
        assert_eq!(running.lines().count(), 2 * tasks.len());
    }

    // What was said at its last start decides how it ends: this is an end without live-restore.
    engine.down();
    engine.up(&[]);
    engine.down();
    engine.up(&[]);
    for task in &tasks {
        let stopped = ecs.stopped(task).await;
        for container in stopped.containers() {
            assert_eq!(container.exit_code(), Some(143), "{stopped:#?}");
        }
    }
    let more = ecs.run_on_ec2(&cluster, &definition).send().await.expect("RunTask");
    let more = ecs.running(&more.tasks()[0]).await;
    assert_eq!(engine.docker(&["ps", "--all", "--quiet"]).lines().count(), 2, "nothing is left of the others");
    ecs.stop(&more).await;
    server.stop();
}
