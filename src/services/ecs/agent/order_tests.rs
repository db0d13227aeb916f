//! Who waits for whom, in cases first and then in random graphs.

use std::collections::BTreeMap;

use api_models::ecs::{ContainerDependency, NetworkMode, TaskStopCode, VolumeFrom};
use proptest::prelude::*;

use super::super::advance::advance;
use super::super::fixtures::{container, definition, task};
use super::super::next_step::{Effect, next_step};
use super::super::observed::{Image, Seen, SeenState, Slot};
use super::*;
use crate::runtime::{ContainerId, Exit};
use crate::testing::START;

fn after(mut container: ContainerDefinition, on: &[(&str, ContainerCondition)]) -> ContainerDefinition {
    let dependency = |(name, condition): &(&str, ContainerCondition)| ContainerDependency {
        container_name: Some((*name).to_owned()),
        condition: Some(condition.clone()),
    };
    container.depends_on = Some(on.iter().map(dependency).collect());
    container
}

/// A task whose containers do what they are told at once.
struct Life {
    task: Task,
    definition: ecs::TaskDefinition,
    observed: ObservedTask,
    now: Timestamp,
    /// What was done, in order: `+web` created, `>web` started, `-web` stopped.
    done: Vec<String>,
}

impl Life {
    fn new(containers: Vec<ContainerDefinition>) -> Self {
        let definition = definition(NetworkMode::Bridge, containers);
        let observed = ObservedTask::default();
        Self { task: task(&definition, 1), definition, observed, now: START, done: Vec::new() }
    }

    fn note(&mut self, mark: char, name: &str) {
        self.done.push(format!("{mark}{name}"));
    }

    fn see(&mut self, name: &str, state: SeenState, health: ObservedHealth) {
        let seen = Seen { id: Some(ContainerId(name.into())), state, health };
        self.observed.take(Slot::Container(name.into()), seen);
    }

    fn started_at(&self, name: &str) -> Option<Timestamp> {
        self.observed.containers.get(name).and_then(Seen::started_at)
    }

    fn runs(&mut self, name: &str, health: ObservedHealth) {
        let started_at = match self.observed.containers.get(name) {
            Some(seen) if seen.is_running() => seen.started_at(),
            _ => Some(self.now),
        };
        let state = SeenState::Running { started_at, ports: Vec::new(), address: None, mac_address: None };
        self.see(name, state, health);
    }

    fn exits(&mut self, name: &str, exit_code: i32) {
        let (started_at, finished_at) = (self.started_at(name), Some(self.now));
        let exit = Exit { exit_code, oom_killed: false, error: None, started_at, finished_at };
        self.see(name, SeenState::Exited(exit), ObservedHealth::None);
    }

    /// Whether there was anything to do.
    fn turn(&mut self) -> bool {
        let step = next_step(&self.task, &self.definition, &self.observed, self.now);
        advance(&mut self.task, &self.definition, &self.observed, self.now);
        let again = next_step(&self.task, &self.definition, &self.observed, self.now);
        assert_eq!((again.record, &again.effect), (false, &step.effect), "recording settles it");
        match step.effect {
            Effect::Prepare { images, .. } | Effect::Pull(images) => {
                let here = |name| (name, Image::Here { digest: None });
                self.observed.images.extend(images.into_iter().map(here));
            }
            Effect::MakeVolumes => self.observed.volumes.ready = true,
            Effect::Create(names) => {
                for name in names {
                    self.note('+', &name);
                    let seen = Seen::created(ContainerId(name.clone()));
                    self.observed.take(Slot::Container(name), seen);
                }
            }
            Effect::Start(names) => {
                for name in names {
                    self.note('>', &name);
                    self.runs(&name, ObservedHealth::Starting);
                }
            }
            Effect::Stop(containers) => {
                for (name, _) in containers {
                    self.note('-', &name);
                    self.exits(&name, 143);
                }
            }
            Effect::RemovePause => self.observed.pause = None,
            Effect::RemoveContainers => self.observed = ObservedTask::default(),
            Effect::Wait { .. } => return step.record,
        }
        true
    }

    /// All that happens by itself; what was done since the last time.
    fn settle(&mut self) -> String {
        for _ in 0..200 {
            if !self.turn() {
                return std::mem::take(&mut self.done).join(" ");
            }
        }
        panic!("no end: {:?}", self.done);
    }

    fn stop(&mut self) -> String {
        self.task.desired_status = TaskStatus::Stopped;
        self.task.stop_code = Some(TaskStopCode::UserInitiated);
        self.settle()
    }

    fn wait(&self) -> Option<Timestamp> {
        match next_step(&self.task, &self.definition, &self.observed, self.now).effect {
            Effect::Wait { until } => until,
            effect => panic!("{effect:?}"),
        }
    }

    fn reason(&self, name: &str) -> &str {
        let found = self.task.containers.iter().find(|container| *container.name == *name);
        found.and_then(|container| container.reason.as_deref()).unwrap_or_default()
    }
}

use ContainerCondition::{Complete, Healthy, Start, Success};

#[test]
fn a_chain_starts_one_after_the_other_and_stops_in_reverse() {
    let mut life = Life::new(vec![
        after(container("web", true), &[("proxy", Start)]),
        after(container("proxy", false), &[("log", Start)]),
        container("log", false),
        container("free", false),
    ]);
    assert_eq!(life.settle(), "+log +free >log >free +proxy >proxy +web >web");
    assert_eq!(life.task.last_status, TaskStatus::Running);
    assert_eq!(life.stop(), "-web -free -proxy -log");
    assert_eq!(life.task.last_status, TaskStatus::Stopped);
}

#[test]
fn links_and_volumes_wait_as_well() {
    let mut linked = container("linked", true);
    linked.links = Some(vec!["db:database".to_owned()]);
    let mut sharing = container("sharing", true);
    sharing.volumes_from = Some(vec![VolumeFrom { source_container: Some("db".to_owned()), ..VolumeFrom::default() }]);
    let mut life = Life::new(vec![linked, sharing, container("db", true)]);
    assert_eq!(life.settle(), "+db +sharing >sharing >db +linked >linked");
    assert_eq!(life.stop(), "-linked -sharing -db");
}

#[test]
fn the_task_is_pending_until_the_last_container_runs() {
    let mut life = Life::new(vec![container("init", false), after(container("web", true), &[("init", Success)])]);
    assert_eq!(life.settle(), "+init >init");
    assert_eq!(life.task.last_status, TaskStatus::Pending);
    assert_eq!(life.task.containers[0].last_status, TaskStatus::Running);
    life.exits("init", 0);
    assert_eq!(life.settle(), "+web >web");
    assert_eq!((life.task.last_status, life.task.started_at), (TaskStatus::Running, Some(START)));
    assert_eq!(life.task.containers[0].exit_code, Some(0));
}

#[test]
fn a_dependency_that_fails_fails_the_task_in_the_agent_s_words() {
    let mut life = Life::new(vec![
        container("init", false),
        after(container("web", true), &[("init", Success)]),
        after(container("side", false), &[("web", Start)]),
    ]);
    life.settle();
    life.exits("init", 1);
    life.settle();
    assert_eq!(
        life.reason("web"),
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency \
         [init(init:1) (STOPPED->RUNNING) - Exit: 1] for target [web(web:1) (NONE->RUNNING)] as dependency did not \
         exit successfully."
    );
    assert_eq!(
        life.reason("side"),
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency \
         [web(web:1) (NONE->STOPPED) - Exit: 143] for target [side(side:1) (NONE->RUNNING)] because dependency will \
         never start"
    );
    assert_eq!(life.task.containers[1].exit_code, Some(143));
    assert_eq!(life.task.stop_code, Some(TaskStopCode::TaskFailedToStart));
    assert_eq!(life.task.stopped_reason.as_deref(), Some("Task failed to start"));
    assert_eq!((life.task.last_status, life.task.started_at), (TaskStatus::Stopped, None));
}

#[test]
fn a_container_that_need_not_run_may_wait_in_vain() {
    let mut life = Life::new(vec![container("web", true), after(container("side", false), &[("init", Success)]), {
        container("init", false)
    }]);
    life.settle();
    life.exits("init", 7);
    life.settle();
    assert_eq!(life.task.last_status, TaskStatus::Running);
    assert!(life.reason("side").contains("Exit: 7"));
    // Any exit will do for COMPLETE.
    let mut life = Life::new(vec![container("init", false), after(container("web", true), &[("init", Complete)])]);
    life.settle();
    life.exits("init", 7);
    assert_eq!(life.settle(), "+web >web");
}

#[test]
fn health_is_waited_for_even_when_it_is_bad_for_so_long_as_the_timeout_says() {
    let mut db = container("db", true);
    db.start_timeout = Some(60);
    let mut life = Life::new(vec![db, after(container("web", true), &[("db", Healthy)])]);
    assert_eq!(life.settle(), "+db >db");
    life.runs("db", ObservedHealth::Unhealthy);
    assert_eq!(life.settle(), "");
    assert_eq!(life.wait(), Some(START.saturating_add(Duration::from_secs(60))));
    life.runs("db", ObservedHealth::Healthy);
    assert_eq!(life.settle(), "+web >web");
    // Which later is no matter of the start any more.
    life.runs("db", ObservedHealth::Unhealthy);
    assert_eq!(life.settle(), "");

    let mut life = Life::new(vec![
        ContainerDefinition { start_timeout: Some(60), ..container("db", true) },
        after(container("web", true), &[("db", Healthy)]),
    ]);
    life.settle();
    life.now = START.saturating_add(Duration::from_secs(60));
    assert_eq!(life.settle(), "-db");
    assert_eq!(
        life.reason("web"),
        "CannotStartContainerError: dependency graph: container ordering dependency [db(db:1) (RUNNING->RUNNING)] for \
         target [web(web:1) (NONE->RUNNING)] has timed out."
    );
    assert_eq!(life.task.stop_code, Some(TaskStopCode::TaskFailedToStart));
}

#[test]
fn health_of_a_container_that_ended_never_comes() {
    let mut life = Life::new(vec![container("db", false), after(container("web", true), &[("db", Healthy)])]);
    life.settle();
    life.exits("db", 0);
    life.settle();
    assert_eq!(
        life.reason("web"),
        "CannotStartContainerError: dependency graph: failed to resolve the container ordering dependency \
         [db(db:1) (STOPPED->RUNNING) - Exit: 0] for target [web(web:1) (NONE->RUNNING)]"
    );
}

fn restarting(name: &str, essential: bool) -> ContainerDefinition {
    let policy = ecs::ContainerRestartPolicy {
        enabled: Some(true),
        ignored_exit_codes: Some(vec![9]),
        restart_attempt_period: Some(60),
    };
    ContainerDefinition { restart_policy: Some(Box::new(policy)), ..container(name, essential) }
}

#[test]
fn a_restart_is_no_exit() {
    let mut life = Life::new(vec![restarting("web", true)]);
    life.settle();
    for count in 1..=3 {
        life.now = life.now.saturating_add(Duration::from_secs(60));
        life.exits("web", 1);
        assert_eq!(life.settle(), ">web");
        let web = &life.task.containers[0];
        assert_eq!((web.restart_count, web.started_at), (count, Some(life.now)));
        assert_eq!(
            (life.task.last_status, web.last_status, web.exit_code),
            (TaskStatus::Running, TaskStatus::Running, None)
        );
    }
    // It ran for too short a time.
    life.now = life.now.saturating_add(Duration::from_secs(59));
    life.exits("web", 1);
    assert_eq!(life.settle(), "");
    assert_eq!((life.task.last_status, life.task.containers[0].exit_code), (TaskStatus::Stopped, Some(1)));
    assert_eq!(life.task.stop_code, Some(TaskStopCode::EssentialContainerExited));
}

#[test]
fn what_is_not_to_be_started_again_is_not() {
    // An exit code that says that all is well.
    let mut life = Life::new(vec![restarting("web", true)]);
    life.settle();
    life.now = life.now.saturating_add(Duration::from_secs(90));
    life.exits("web", 9);
    assert_eq!(life.settle(), "");
    assert_eq!(life.task.containers[0].exit_code, Some(9));
    // It was tried in vain.
    let mut life = Life::new(vec![restarting("web", true)]);
    life.settle();
    life.now = life.now.saturating_add(Duration::from_secs(90));
    life.exits("web", 1);
    life.observed.given_up.insert("web".into());
    assert_eq!(life.settle(), "");
    assert_eq!(life.task.containers[0].exit_code, Some(1));
    // The task ends at the same time: both exits are told.
    let mut life = Life::new(vec![restarting("web", true), container("side", true)]);
    life.settle();
    life.now = life.now.saturating_add(Duration::from_secs(90));
    life.exits("web", 1);
    life.exits("side", 2);
    assert_eq!(life.settle(), "");
    let codes: Vec<_> = life.task.containers.iter().map(|container| container.exit_code).collect();
    assert_eq!(codes, [Some(1), Some(2)]);
    // Nor is one that was removed.
    let mut life = Life::new(vec![restarting("web", true)]);
    life.settle();
    life.now = life.now.saturating_add(Duration::from_secs(90));
    life.exits("web", 1);
    life.observed.gone(&Slot::Container("web".into()), &ContainerId("web".into()));
    assert_eq!(life.settle(), "");
    assert_eq!(life.task.last_status, TaskStatus::Stopped);
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Containers that depend only on those before them, in any order.
fn graph() -> impl Strategy<Value = Vec<ContainerDefinition>> {
    let condition = prop_oneof![Just(Start), Just(Complete), Just(Success), Just(Healthy)];
    let edge = prop::option::weighted(0.4, condition);
    let edges = prop::collection::vec(edge, NAMES.len() * NAMES.len());
    let kinds = prop::collection::vec((any::<bool>(), any::<bool>(), prop::option::of(2..100_i32)), NAMES.len());
    (1..=NAMES.len(), edges, kinds)
        .prop_map(|(count, edges, kinds)| {
            let all = (0..count).map(|index| {
                let (essential, restarts, start_timeout) = kinds[index];
                let own = if restarts { restarting } else { container };
                let own = ContainerDefinition { start_timeout, ..own(NAMES[index], essential || index == 0) };
                let on =
                    (0..index).filter_map(|other| Some((NAMES[other], edges[index * NAMES.len() + other].clone()?)));
                after(own, &on.collect::<Vec<_>>())
            });
            all.collect::<Vec<_>>()
        })
        .prop_shuffle()
}

#[derive(Clone, Debug)]
enum News {
    Exit(usize, i32),
    Health(usize, bool),
    Time(u64),
    Gone(usize),
    Fails(usize),
}

fn news() -> impl Strategy<Value = News> {
    let index = 0..NAMES.len();
    prop_oneof![
        3 => (index.clone(), 0..3).prop_map(|(index, code)| News::Exit(index, code)),
        3 => (index.clone(), any::<bool>()).prop_map(|(index, good)| News::Health(index, good)),
        3 => (1..90_u64).prop_map(News::Time),
        1 => index.clone().prop_map(News::Gone),
        1 => index.prop_map(News::Fails),
    ]
}

/// What happened to each container, told apart from what the agent makes of it.
#[derive(Default)]
struct History {
    ran: bool,
    running: bool,
    exit: Option<i32>,
    healthy: bool,
}

proptest! {
    #[test]
    fn nothing_starts_before_its_time_and_all_stops_in_reverse(
        containers in graph(),
        happenings in prop::collection::vec(news(), 0..40),
    ) {
        let mut life = Life::new(containers);
        let mut histories: BTreeMap<&str, History> = NAMES.map(|name| (name, History::default())).into();
        let mut happenings = happenings.into_iter();
        let mut turns = 0;
        loop {
            turns += 1;
            prop_assert!(turns < 500, "no end: {:?}", life.done);
            let busy = life.turn();
            for done in std::mem::take(&mut life.done) {
                let (mark, name) = done.split_at(1);
                let own = container_definition(&life.definition, name).expect("in the definition").clone();
                if mark == "-" {
                    // Stopped in one go with it, or before.
                    let needs_it = |other: &&ContainerDefinition| {
                        other.depends_on.iter().flatten().any(|on| on.container_name.as_deref() == Some(name))
                    };
                    let all = life.definition.container_definitions.iter().flatten();
                    for other in all.filter(needs_it).filter_map(|other| other.name.as_deref()) {
                        prop_assert!(!histories[other].running, "{name} stops before {other}");
                    }
                    histories.get_mut(name).expect("known").running = false;
                    continue;
                }
                let again = histories[name].ran;
                prop_assert!(!(again && own.restart_policy.is_none()), "{name} starts again");
                for on in own.depends_on.iter().flatten().filter(|_| !again) {
                    let other = &histories[on.container_name.as_deref().expect("named")];
                    let holds = match on.condition.as_ref().expect("given") {
                        Start => other.ran,
                        Complete => other.exit.is_some() && !other.running,
                        Success => other.exit == Some(0) && !other.running,
                        _ => other.healthy,
                    };
                    prop_assert!(holds, "{mark}{name} before {on:?} holds");
                }
                if mark == ">" {
                    let history = histories.get_mut(name).expect("known");
                    *history = History { ran: true, running: true, ..History::default() };
                }
            }
            if busy {
                continue;
            }
            match happenings.next() {
                Some(News::Time(seconds)) => life.now = life.now.saturating_add(Duration::from_secs(seconds)),
                Some(News::Exit(index, code)) if histories[NAMES[index]].running => {
                    life.exits(NAMES[index], code);
                    let history = histories.get_mut(NAMES[index]).expect("known");
                    (history.running, history.exit) = (false, Some(code));
                }
                Some(News::Health(index, healthy)) if histories[NAMES[index]].running => {
                    let health = if healthy { ObservedHealth::Healthy } else { ObservedHealth::Unhealthy };
                    life.runs(NAMES[index], health);
                    histories.get_mut(NAMES[index]).expect("known").healthy = healthy;
                }
                Some(News::Gone(index)) => {
                    let id = ContainerId(NAMES[index].into());
                    if life.observed.gone(&Slot::Container(NAMES[index].into()), &id) {
                        histories.get_mut(NAMES[index]).expect("known").running = false;
                    }
                }
                Some(News::Fails(index)) if !life.observed.containers.contains_key(NAMES[index]) => {
                    if index < life.task.containers.len() {
                        let seen = Seen::failed(None, "CannotCreateContainerError: no".to_owned());
                        life.observed.take(Slot::Container(NAMES[index].into()), seen);
                    }
                }
                Some(_) => {}
                None if life.task.desired_status != TaskStatus::Stopped => {
                    life.task.desired_status = TaskStatus::Stopped;
                    life.task.stop_code = Some(TaskStopCode::UserInitiated);
                }
                None => break,
            }
        }
        prop_assert_eq!(life.task.last_status, TaskStatus::Stopped);
        prop_assert!(life.task.containers.iter().all(|container| container.last_status == TaskStatus::Stopped));
        prop_assert!(life.observed.is_empty());
    }
}
