//! Every branch of the decisions, and what holds whatever is observed.

use std::net::Ipv4Addr;

use api_models::ecs::{NetworkMode, TaskStopCode};
use proptest::prelude::*;

use super::super::fixtures::{container, definition, task};
use super::super::observed::{Seen, SeenState, Slot};
use super::*;
use crate::runtime::{ContainerId, Exit, ObservedHealth};
use crate::services::ecs::resources::{AttachmentStatus, DAEMON_BRIDGE};
use crate::testing::START;

fn id(text: &str) -> ContainerId {
    ContainerId(text.into())
}

fn running(text: &str, address: Option<Ipv4Addr>) -> Seen {
    let mac_address = Some("02:42:0a:c0:00:05".into());
    let state = SeenState::Running { started_at: None, ports: Vec::new(), address, mac_address };
    Seen { id: Some(id(text)), state, health: ObservedHealth::None }
}

fn exited(text: &str, exit_code: i32) -> Seen {
    let exit = Exit { exit_code, oom_killed: false, error: None, started_at: None, finished_at: None };
    Seen { id: Some(id(text)), state: SeenState::Exited(exit), health: ObservedHealth::None }
}

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// A task in bridge mode with an essential `web` and a `side` that is not.
struct Case {
    task: Task,
    definition: ecs::TaskDefinition,
    observed: ObservedTask,
}

impl Case {
    fn new(mode: NetworkMode) -> Self {
        let definition = definition(mode, vec![container("web", true), container("side", false)]);
        Self { task: task(&definition, 1), definition, observed: ObservedTask::default() }
    }

    fn with_images(mut self) -> Self {
        for name in ["web", "side"] {
            self.observed.images.insert(name.into(), Image::Here { digest: Some("sha256:1".into()) });
        }
        self
    }

    fn saw(mut self, name: &str, seen: Seen) -> Self {
        self.observed.take(Slot::Container(name.into()), seen);
        self
    }

    fn step(&self) -> Step {
        next_step(&self.task, &self.definition, &self.observed, START)
    }

    /// Writes what is to be recorded and returns the effect.
    fn run(&mut self) -> Effect {
        let effect = self.step().effect;
        advance(&mut self.task, &self.definition, &self.observed, START);
        assert!(!self.step().record, "recording again changes nothing");
        effect
    }

    fn both_running(self) -> Self {
        self.with_images().saw("web", running("1", None)).saw("side", running("2", None))
    }
}

#[test]
fn images_come_first_then_containers_then_the_record() {
    let mut case = Case::new(NetworkMode::Bridge);
    assert_eq!(case.run(), Effect::Prepare { network: false, images: names(&["web", "side"]) });
    assert_eq!(case.task.last_status, TaskStatus::Pending);

    let mut case = case.with_images();
    assert_eq!(case.run(), Effect::Create(names(&["web", "side"])));
    let mut case = case.saw("web", Seen::created(id("1"))).saw("side", Seen::created(id("2")));
    assert_eq!(case.run(), Effect::Start(names(&["web", "side"])));
    let case = case.saw("web", running("1", None)).saw("side", running("2", None));
    assert_eq!(case.step(), Step { record: true, effect: Effect::Wait { until: None } });

    let mut case = case;
    case.run();
    assert_eq!((case.task.last_status, case.task.started_at), (TaskStatus::Running, Some(START)));
    assert_eq!(case.task.containers[0].runtime_id, Some(id("1")));
    assert_eq!(case.task.containers[0].image_digest.as_deref(), Some("sha256:1"));
    assert_eq!(case.step(), Step { record: false, effect: Effect::Wait { until: None } });
}

#[test]
fn a_missing_image_is_pulled_now_or_when_it_is_time() {
    let mut case = Case::new(NetworkMode::Bridge).with_images();
    case.observed.images.insert("side".into(), Image::Missing { attempts: 0, next: None });
    assert_eq!(case.run(), Effect::Pull(names(&["side"])));
    let next = pull_again(1, START);
    case.observed.images.insert("side".into(), Image::Missing { attempts: 1, next: Some(next) });
    assert_eq!(case.run(), Effect::Wait { until: Some(next) });
}

#[test]
fn awsvpc_has_its_network_first() {
    let mut case = Case::new(NetworkMode::Awsvpc);
    assert_eq!(case.run(), Effect::Prepare { network: true, images: names(&["web", "side"]) });
    assert_eq!(case.task.last_status, TaskStatus::Provisioning);

    let address = Ipv4Addr::new(10, 192, 0, 5);
    let mut case = case.with_images();
    case.observed.take(Slot::Pause, running("p", Some(address)));
    assert_eq!(case.run(), Effect::Create(names(&["web", "side"])));
    let attachment = case.task.attachment.as_ref().expect("awsvpc");
    assert_eq!((attachment.status, attachment.address), (AttachmentStatus::Attached, Some(address)));
    assert_eq!((case.task.last_status, case.task.connectivity_at), (TaskStatus::Pending, Some(START)));
}

#[test]
fn a_daemon_joins_the_others_of_its_instance_and_ends_with_their_namespace() {
    let mut case = Case::new(DAEMON_BRIDGE.into());
    assert_eq!(case.run(), Effect::Prepare { network: true, images: names(&["web", "side"]) });
    assert_eq!(case.task.last_status, TaskStatus::Pending, "it has no network interface of its own");
    let mut case = case.with_images();
    case.observed.take(Slot::Pause, running("p", Some(Ipv4Addr::new(10, 192, 0, 5))));
    assert_eq!(case.run(), Effect::Create(names(&["web", "side"])));
    let mut case = case.both_running();
    case.run();
    assert_eq!((case.task.last_status, case.task.attachment.is_none()), (TaskStatus::Running, true));
    assert!(case.task.containers.iter().all(|container| container.network_bindings.is_empty()));

    case.observed.gone(&Slot::Pause, &id("p"));
    assert!(matches!(case.run(), Effect::Stop(_)));
    assert_eq!(case.task.stop_code, Some(TaskStopCode::EssentialContainerExited));
}

#[test]
fn shared_processes_or_memory_need_a_pause_container_in_any_mode() {
    let mut case = Case::new(NetworkMode::Bridge);
    case.definition.pid_mode = Some(ecs::PidMode::Task);
    assert_eq!(case.run(), Effect::Prepare { network: true, images: names(&["web", "side"]) });
    assert_eq!(case.task.last_status, TaskStatus::Pending, "PROVISIONING is for network interfaces");
    let mut case = case.with_images();
    case.observed.take(Slot::Pause, running("p", None));
    assert_eq!(case.run(), Effect::Create(names(&["web", "side"])));
    let mut case = case.both_running();
    case.run();
    case.task.desired_status = TaskStatus::Stopped;
    let mut case = case.saw("web", exited("1", 0)).saw("side", exited("2", 0));
    assert_eq!(case.run(), Effect::RemoveContainers, "there is no interface to give back");
    assert_eq!(case.task.last_status, TaskStatus::Stopped);

    let mut case = Case::new(NetworkMode::Host);
    case.definition.ipc_mode = Some(ecs::IpcMode::Host);
    assert_eq!(case.run(), Effect::Prepare { network: false, images: names(&["web", "side"]) });
}

#[test]
fn a_stop_goes_through_all_statuses() {
    let mut case = Case::new(NetworkMode::Awsvpc).both_running();
    case.observed.take(Slot::Pause, running("p", Some(Ipv4Addr::new(10, 192, 0, 5))));
    case.definition.container_definitions.as_mut().expect("two")[0].stop_timeout = Some(5);
    case.run();
    case.task.desired_status = TaskStatus::Stopped;
    case.task.stop_code = Some(TaskStopCode::UserInitiated);
    let stops = vec![("web".into(), Duration::from_secs(5)), ("side".into(), Duration::from_secs(30))];
    assert_eq!(case.run(), Effect::Stop(stops));
    assert_eq!(case.task.last_status, TaskStatus::Stopping);

    let mut case = case.saw("web", exited("1", 143)).saw("side", exited("2", 0));
    assert_eq!(case.run(), Effect::RemovePause);
    assert_eq!(case.task.last_status, TaskStatus::Deprovisioning);
    assert_eq!(case.task.execution_stopped_at, Some(START));

    case.observed.pause = None;
    assert_eq!(case.run(), Effect::RemoveContainers);
    assert_eq!((case.task.last_status, case.task.stopped_at), (TaskStatus::Stopped, Some(START)));
    assert_eq!(case.task.attachment.as_ref().map(|it| it.status), Some(AttachmentStatus::Deleted));
    assert_eq!(case.task.containers[0].exit_code, Some(143));
    assert_eq!(case.task.stop_code, Some(TaskStopCode::UserInitiated));
}

#[test]
fn an_essential_exit_stops_the_task_and_another_does_not() {
    let mut case = Case::new(NetworkMode::Bridge).both_running();
    case.run();
    let mut case = case.saw("side", exited("2", 3));
    assert_eq!(case.run(), Effect::Wait { until: None });
    assert_eq!((case.task.last_status, case.task.containers[1].exit_code), (TaskStatus::Running, Some(3)));

    let mut case = Case::new(NetworkMode::Bridge).both_running();
    case.run();
    let mut case = case.saw("web", exited("1", 1));
    assert_eq!(case.run(), Effect::Stop(vec![("side".into(), STOP_TIMEOUT)]));
    assert_eq!(case.task.stop_code, Some(TaskStopCode::EssentialContainerExited));
    assert_eq!(case.task.stopped_reason.as_deref(), Some("Essential container in task exited"));
}

#[test]
fn a_task_that_ends_before_it_was_seen_running_did_start() {
    let mut case = Case::new(NetworkMode::Bridge).with_images().saw("web", exited("1", 0)).saw("side", exited("2", 0));
    assert_eq!(case.run(), Effect::RemoveContainers);
    assert_eq!(case.task.started_at, Some(START));
    assert_eq!(case.task.stop_code, Some(TaskStopCode::EssentialContainerExited));
}

#[test]
fn failures_to_start_are_told_as_each_launch_type_does() {
    let reason = "CannotStartContainerError: Error response from daemon: no";
    for (mode, told) in [(NetworkMode::Bridge, "Task failed to start"), (NetworkMode::Awsvpc, reason)] {
        let mut case = Case::new(mode).with_images();
        case.observed.take(Slot::Pause, running("p", Some(Ipv4Addr::new(10, 192, 0, 5))));
        let mut case = case.saw("web", Seen::failed(Some(id("1")), reason.into())).saw("side", running("2", None));
        assert!(matches!(case.run(), Effect::Stop(_)));
        assert_eq!(case.task.stop_code, Some(TaskStopCode::TaskFailedToStart));
        assert_eq!(case.task.stopped_reason.as_deref(), Some(told));
        assert_eq!(case.task.containers[0].reason.as_deref(), Some(reason));
        assert_eq!((case.task.containers[0].exit_code, case.task.started_at), (None, None));
    }
}

#[test]
fn a_container_that_need_not_run_may_fail_to_start() {
    let mut case = Case::new(NetworkMode::Bridge)
        .with_images()
        .saw("web", running("1", None))
        .saw("side", Seen::failed(None, "CannotCreateContainerError: no".into()));
    assert_eq!(case.run(), Effect::Wait { until: None });
    assert_eq!(case.task.last_status, TaskStatus::Running);
}

#[test]
fn out_of_memory_and_vanished_containers_say_so() {
    let exit = Exit { exit_code: 137, oom_killed: true, error: None, started_at: None, finished_at: None };
    let oom = Seen { id: Some(id("1")), state: SeenState::Exited(exit), health: ObservedHealth::None };
    let mut case = Case::new(NetworkMode::Bridge).both_running().saw("web", oom);
    case.observed.gone(&Slot::Container("side".into()), &id("2"));
    case.run();
    let reasons: Vec<_> = case.task.containers.iter().map(|container| container.reason.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            Some("OutOfMemoryError: Container killed due to memory usage"),
            Some("ContainerVanishedError: No container matching saved ID found")
        ]
    );
    assert_eq!(case.task.containers[0].exit_code, Some(137));
}

#[test]
fn a_task_without_network_fails_to_start() {
    let mut case = Case::new(NetworkMode::Awsvpc);
    case.observed.network_failure = Some("ContainerNetworkingError: no".into());
    assert_eq!(case.run(), Effect::Wait { until: None });
    assert_eq!(case.task.stop_code, Some(TaskStopCode::TaskFailedToStart));
    assert_eq!(case.task.last_status, TaskStatus::Stopped);
}

#[test]
fn a_task_stopped_before_it_began_ends_at_once() {
    let mut case = Case::new(NetworkMode::Bridge);
    case.task.desired_status = TaskStatus::Stopped;
    assert_eq!(case.run(), Effect::Wait { until: None });
    assert_eq!((case.task.last_status, case.task.started_at), (TaskStatus::Stopped, None));
    // What was created and never started is removed, not stopped.
    let mut case = Case::new(NetworkMode::Bridge).with_images().saw("web", Seen::created(id("1")));
    case.task.desired_status = TaskStatus::Stopped;
    assert_eq!(case.run(), Effect::RemoveContainers);
}

/// Something that happens to one of the two containers, or to the pause container.
#[derive(Clone, Debug)]
enum News {
    Created(usize),
    Running(usize),
    Exited(usize, i32),
    Failed(usize),
    Gone(usize),
    Image(usize),
    Pause,
    PauseExited,
    StopTask,
}

fn news() -> impl Strategy<Value = News> {
    let index = 0..2_usize;
    prop_oneof![
        index.clone().prop_map(News::Created),
        index.clone().prop_map(News::Running),
        (index.clone(), 0..3).prop_map(|(index, code)| News::Exited(index, code)),
        index.clone().prop_map(News::Failed),
        index.clone().prop_map(News::Gone),
        index.prop_map(News::Image),
        Just(News::Pause),
        Just(News::PauseExited),
        Just(News::StopTask),
    ]
}

const NAMES: [&str; 2] = ["web", "side"];

impl Case {
    fn hear(&mut self, news: News) {
        let slot = |index: usize| Slot::Container(NAMES[index].into());
        let known = |index: usize| NAMES[index].to_owned();
        match news {
            News::Created(index) => self.observed.take(slot(index), Seen::created(id(&known(index)))),
            News::Running(index) => self.observed.take(slot(index), running(&known(index), None)),
            News::Exited(index, code) => self.observed.take(slot(index), exited(&known(index), code)),
            News::Failed(index) => self.observed.take(slot(index), Seen::failed(None, "CannotStart".into())),
            News::Gone(index) => self.observed.gone(&slot(index), &id(&known(index))),
            News::Image(index) => {
                let image = Image::Here { digest: None };
                self.observed.images.insert(NAMES[index].into(), image).is_none()
            }
            News::Pause => {
                self.task.attachment.is_some()
                    && self.observed.take(Slot::Pause, running("p", Some(Ipv4Addr::new(10, 192, 0, 5))))
            }
            News::PauseExited => self.task.attachment.is_some() && self.observed.take(Slot::Pause, exited("p", 137)),
            News::StopTask => {
                if self.task.desired_status != TaskStatus::Stopped {
                    self.task.desired_status = TaskStatus::Stopped;
                    self.task.stop_code = Some(TaskStopCode::UserInitiated);
                }
                true
            }
        };
    }

    /// Does what the effect asks on an engine that works. Returns whether there was anything to do.
    fn perform(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Prepare { network, images } => {
                for name in images {
                    self.observed.images.insert(name.clone(), Image::Here { digest: None });
                }
                if *network {
                    self.observed.pause = None;
                    self.hear(News::Pause);
                }
            }
            Effect::Pull(names) => {
                for name in names {
                    self.observed.images.insert(name.clone(), Image::Here { digest: None });
                }
            }
            Effect::MakeVolumes => self.observed.volumes.ready = true,
            Effect::Create(names) => {
                for name in names {
                    assert!(!self.observed.containers.contains_key(name), "{name} exists");
                    self.observed.take(Slot::Container(name.clone()), Seen::created(id(name)));
                }
            }
            Effect::Start(names) => {
                for name in names {
                    self.observed.take(Slot::Container(name.clone()), running(name, None));
                }
            }
            Effect::Stop(containers) => {
                for (name, _) in containers {
                    self.observed.take(Slot::Container(name.clone()), exited(name, 143));
                }
            }
            Effect::RemovePause => self.observed.pause = None,
            Effect::RemoveContainers => {
                assert_eq!(self.task.last_status, TaskStatus::Stopped, "STOPPED is written before");
                self.observed = ObservedTask::default();
            }
            Effect::Wait { .. } => return false,
        }
        true
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_starts_for_a_stopped_task_and_every_stop_ends(
        awsvpc: bool,
        happenings in prop::collection::vec((news(), any::<bool>()), 0..30),
    ) {
        let mut case = Case::new(if awsvpc { NetworkMode::Awsvpc } else { NetworkMode::Bridge });
        let mut status = case.task.last_status;
        let mut version = case.task.version;
        let mut turn = |case: &mut Case, act: bool| {
            let step = case.step();
            let stopping = case.task.desired_status == TaskStatus::Stopped;
            advance(&mut case.task, &case.definition, &case.observed, START);
            assert!(!case.step().record, "recording is idempotent");
            assert!(case.task.last_status >= status, "{status:?} to {:?}", case.task.last_status);
            assert!(case.task.version >= version);
            (status, version) = (case.task.last_status, case.task.version);
            let starts =
                matches!(step.effect, Effect::Prepare { .. } | Effect::Pull(_) | Effect::Create(_) | Effect::Start(_));
            assert!(!(starts && stopping), "{:?} for a task that is to stop", step.effect);
            (!act || case.perform(&step.effect)) || step.record
        };
        for (news, act) in happenings {
            case.hear(news);
            turn(&mut case, act);
        }
        case.hear(News::StopTask);
        let mut turns = 0;
        while turn(&mut case, true) {
            turns += 1;
            prop_assert!(turns < 20, "no end");
        }
        prop_assert_eq!(case.task.last_status, TaskStatus::Stopped);
        prop_assert!(case.task.containers.iter().all(|container| container.last_status == TaskStatus::Stopped));
        prop_assert!(case.task.stop_code.is_some() && case.task.stopping_at.is_some());
        prop_assert!(case.observed.is_empty());
    }
}
