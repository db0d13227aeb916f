//! One thing after the other, as AWS's guide tells it.

use api_models::ecs::{DaemonAlarmConfiguration, DaemonDeploymentStatus as Status};

use super::*;
use crate::services::ecs::resources::daemon::Counts;

fn plain() -> DaemonDeploymentConfiguration {
    DaemonDeploymentConfiguration::default()
}

/// Three instances of provider `one` with two tasks of the service `web` each, and the daemon `agent` on them.
async fn with_agent(family: &str, critical: bool) -> World {
    let mut world = World::new(1).await;
    let wanted = world.wanted(family, &["one"], critical);
    world.deploy("agent", Some(wanted), plain()).await;
    assert_eq!(world.status("agent"), Status::Successful, "there are no instances");
    world.serve("web", "one", 3).await;
    world.steps(8).await;
    world
}

#[tokio::test]
async fn a_daemon_comes_before_all_others_on_each_instance() {
    let mut world = World::new(1).await;
    let wanted = world.wanted("checked", &["one"], true);
    world.deploy("agent", Some(wanted), plain()).await;
    world.run("one", 2).await;
    let hosts = world.hosts("REGISTERING");
    assert!(!hosts.is_empty() && world.hosts("ACTIVE").is_empty());
    assert_eq!(world.tasks(Some("agent")).len(), hosts.len(), "the daemon's task is there at once");
    assert!(world.tasks(None).iter().all(|task| task.container_instance.is_none()), "the others wait");
    let agents = world.tasks(Some("agent"));
    let agent = &agents[0];
    assert_eq!((&*agent.group, agent.started_by.as_deref()), ("daemon:agent", Some("daemon/agent")));
    assert_eq!(agent.capacity_provider.as_deref(), Some("one"));
    world.step(1).await;
    assert!(world.hosts("ACTIVE").is_empty(), "its health check has not passed");
    world.step(1).await;
    assert_eq!(world.hosts("ACTIVE").len(), hosts.len());
    assert!(world.tasks(None).iter().all(|task| task.container_instance.is_some()));
    world.steps(3).await;
    assert_eq!((world.running(None), world.running(Some("agent"))), (2, hosts.len()));
}

#[tokio::test]
async fn an_instance_has_room_for_the_daemons_too() {
    let mut world = World::new(1).await;
    // The smallest type has 1024 CPU units: two tasks of `web` fill it.
    world.run("one", 2).await;
    let before = world.hosts("ACTIVE").len();
    let wanted = world.wanted("good", &["two"], true);
    world.deploy("agent", Some(wanted), plain()).await;
    world.run("two", 2).await;
    world.steps(4).await;
    assert_eq!(world.running(None), 4);
    let with = world.hosts("ACTIVE").iter().filter(|it| it.capacity_provider.as_deref() == Some("two")).count();
    assert!(before == 1 && with == 2, "{before} {with}");
}

#[tokio::test]
async fn an_update_replaces_the_instances_and_services_stay() {
    let mut world = with_agent("good", true).await;
    let before = world.hosts("ACTIVE");
    assert_eq!((world.running(None), world.running(Some("agent"))), (3, before.len()));
    let wanted = world.wanted("checked", &["one"], true);
    let drain = DaemonDeploymentConfiguration { drain_percent: Some(34.0), ..plain() };
    world.deploy("agent", Some(wanted), drain).await;
    assert_eq!(world.status("agent"), Status::InProgress);
    let mut least = usize::MAX;
    let mut most = 0;
    for _ in 0..60 {
        world.step(1).await;
        least = least.min(world.running(None));
        most = most.max(world.hosts("DRAINING").len());
    }
    let deployment = world.deployment("agent");
    assert_eq!(deployment.status, Status::Successful, "{deployment:#?}");
    assert_eq!((least, most), (3, 1), "no task is missed, one instance is drained at a time");
    let after = world.hosts("ACTIVE");
    assert!(after.iter().all(|host| before.iter().all(|old| old.key != host.key)), "they are new");
    assert_eq!(world.running(Some("agent")), after.len());
    assert_eq!(deployment.sources.len(), 1);
    let counts = &deployment.final_counts;
    assert_eq!((counts.len(), counts[0].counts.total().running), (1, i32::try_from(after.len()).expect("few")));
    assert_eq!(Some(&counts[0].revision), deployment.target.as_ref());
}

#[tokio::test]
async fn an_instance_is_replaced_when_a_critical_daemon_stops() {
    let mut world = with_agent("good", true).await;
    world.run("one", 1).await;
    world.steps(4).await;
    let lone = world.tasks(None).into_iter().find(|task| task.service.is_none()).expect("a task of no service");
    let host = lone.container_instance.clone().expect("it runs");
    let agent = world.tasks(Some("agent")).into_iter().find(|it| it.container_instance.as_ref() == Some(&host));
    world.die(&agent.expect("a daemon").key).await;
    let instance = world.context.snapshot().container_instances[&host].clone();
    assert_eq!((instance.status.as_str(), instance.impaired), ("DRAINING", true));
    let lone = world.context.snapshot().tasks[&lone.key].clone();
    assert_eq!(lone.stopped_reason.as_deref(), Some("Task stopped during instance draining"));
    let mut least = usize::MAX;
    for _ in 0..12 {
        world.step(1).await;
        let services = world.tasks(None).into_iter().filter(|it| it.last_status == TaskStatus::Running);
        least = least.min(services.filter(|task| task.service.is_some()).count());
    }
    assert_eq!(least, 3, "the service's tasks are replaced first");
    assert_eq!(world.context.snapshot().container_instances[&host].status, "INACTIVE");
    assert_eq!(world.running(Some("agent")), world.hosts("ACTIVE").len());
}

#[tokio::test]
async fn a_daemon_that_is_not_critical_is_started_again_in_place() {
    let mut world = with_agent("good", false).await;
    let hosts = world.hosts("ACTIVE").len();
    let agent = world.tasks(Some("agent"))[0].clone();
    world.die(&agent.key).await;
    assert_eq!(world.hosts("ACTIVE").len(), hosts);
    let counts = Counts::of_daemon(&world.context.snapshot(), &world.key("agent"));
    let total = counts.values().next().expect("a revision").total();
    assert_eq!((total.without, total.running), (1, i32::try_from(hosts).expect("few") - 1));
    world.steps(3).await;
    assert_eq!(world.running(Some("agent")), hosts);
    // One that can't start does not keep instances from their tasks either.
    let mut world = with_agent("bad", false).await;
    assert_eq!((world.running(None), world.running(Some("agent"))), (3, 0));
    assert!(world.daemon("agent").backoff.failures > 0);
    let failing = world.context.snapshot().tasks.len();
    world.steps(60).await;
    assert!(world.context.snapshot().tasks.len() < failing + 20, "it is not tried all the time");
}

#[tokio::test]
async fn a_critical_daemon_that_can_not_start_keeps_instances_from_their_tasks() {
    let world = with_agent("bad", true).await;
    assert_eq!((world.running(None), world.hosts("ACTIVE").len()), (0, 0));
    assert!(!world.hosts("REGISTERING").is_empty());
    let world = with_agent("huge", true).await;
    assert_eq!((world.running(None), world.hosts("REGISTERING").len()), (0, 0), "no instance is large enough");
}

#[tokio::test]
async fn the_circuit_breaker_goes_back_to_the_revision_before() {
    let mut world = with_agent("good", true).await;
    let settled = world.daemon("agent").settled.clone();
    let wanted = world.wanted("bad", &["one"], true);
    world.deploy("agent", Some(wanted), DaemonDeploymentConfiguration { drain_percent: Some(100.0), ..plain() }).await;
    let mut seen = Vec::new();
    let mut least = usize::MAX;
    for _ in 0..200 {
        world.step(5).await;
        least = least.min(world.running(None));
        let status = world.status("agent");
        if seen.last() != Some(&status) {
            seen.push(status);
        }
    }
    assert_eq!(seen, [Status::InProgress, Status::RollbackInProgress, Status::RollbackSuccessful]);
    let deployment = world.deployment("agent");
    assert!(deployment.breaker_triggered && deployment.threshold == 10, "{deployment:#?}");
    let back = deployment.rollback.as_ref().expect("it went back");
    assert_eq!(Some(&back.revision), settled.as_ref());
    assert!(back.reason.contains("circuit breaker"));
    assert_eq!((least, world.daemon("agent").revision.clone()), (3, settled));
    assert_eq!((world.running(None), world.running(Some("agent"))), (3, world.hosts("ACTIVE").len()));
}

#[tokio::test]
async fn a_first_deployment_that_fails_has_nowhere_to_go_back_to() {
    let mut world = World::new(1).await;
    world.serve("web", "one", 2).await;
    world.steps(6).await;
    let wanted = world.wanted("bad", &["one"], true);
    world.deploy("agent", Some(wanted), plain()).await;
    for _ in 0..200 {
        world.step(5).await;
    }
    let deployment = world.deployment("agent");
    assert_eq!(deployment.status, Status::Stopped, "{deployment:#?}");
    assert!(deployment.stopped_at.is_some() && deployment.rollback.is_none());
    assert_eq!(world.running(None), 2, "what runs goes on");
}

#[tokio::test]
async fn alarms_that_begin_to_ring_send_it_back_also_while_it_bakes() {
    let mut world = with_agent("good", true).await;
    let alarms =
        DaemonAlarmConfiguration { alarm_names: Some(vec!["errors".into(), "old".into()]), enable: Some(true) };
    let given = DaemonDeploymentConfiguration {
        drain_percent: Some(100.0),
        bake_time_in_minutes: Some(10),
        alarms: Some(Box::new(alarms)),
    };
    world.ring("old", AlarmState::Alarm);
    let wanted = world.wanted("checked", &["one"], true);
    world.deploy("agent", Some(wanted), given).await;
    world.steps(15).await;
    let deployment = world.deployment("agent");
    assert_eq!(deployment.status, Status::InProgress, "it bakes");
    assert_eq!((deployment.bakes_since.is_some(), &deployment.alarms_ignored[..]), (true, &["old".to_owned()][..]));
    world.ring("errors", AlarmState::Alarm);
    world.steps(30).await;
    let deployment = world.deployment("agent");
    assert_eq!(deployment.status, Status::RollbackSuccessful, "{deployment:#?}");
    assert_eq!((&deployment.triggered_alarms[..], deployment.breaker_triggered), (&["errors".to_owned()][..], false));
}

#[tokio::test]
async fn it_bakes_for_as_long_as_it_was_asked_to() {
    let mut world = World::new(1).await;
    let wanted = world.wanted("good", &["one"], true);
    let given = DaemonDeploymentConfiguration { bake_time_in_minutes: Some(2), ..plain() };
    world.deploy("agent", Some(wanted), given).await;
    assert_eq!(world.status("agent"), Status::InProgress);
    world.step(119).await;
    assert_eq!(world.status("agent"), Status::InProgress);
    world.step(1).await;
    assert_eq!(world.status("agent"), Status::Successful);
}

#[tokio::test]
async fn another_provider_comes_and_goes() {
    let mut world = with_agent("good", true).await;
    world.run("two", 2).await;
    world.steps(4).await;
    let of_two = |world: &World| {
        let hosts = world.hosts("ACTIVE");
        hosts.into_iter().filter(|it| it.capacity_provider.as_deref() == Some("two")).collect::<Vec<_>>()
    };
    assert!(of_two(&world).iter().all(|host| host.daemons.is_empty()));
    let both = world.wanted("good", &["one", "two"], true);
    world.deploy("agent", Some(both), DaemonDeploymentConfiguration { drain_percent: Some(100.0), ..plain() }).await;
    world.steps(20).await;
    assert_eq!(world.status("agent"), Status::Successful);
    world.run("two", 2).await;
    world.steps(6).await;
    assert!(!of_two(&world).is_empty() && of_two(&world).iter().all(|host| host.daemons.len() == 1));
    let one = world.wanted("good", &["one"], true);
    world.deploy("agent", Some(one), DaemonDeploymentConfiguration { drain_percent: Some(100.0), ..plain() }).await;
    world.steps(20).await;
    assert_eq!(world.status("agent"), Status::Successful);
    assert!(world.hosts("ACTIVE").iter().all(|it| it.capacity_provider.as_deref() == Some("one")));
}

#[tokio::test]
async fn a_deleted_daemon_goes_with_its_instances() {
    let mut world = with_agent("good", true).await;
    world.deploy("agent", None, DaemonDeploymentConfiguration { drain_percent: Some(50.0), ..plain() }).await;
    assert_eq!(world.daemon("agent").status, DaemonStatus::Deleting);
    world.steps(40).await;
    assert_eq!(world.status("agent"), Status::Successful);
    assert_eq!(world.daemon("agent").status, DaemonStatus::Deleted);
    assert_eq!((world.running(Some("agent")), world.running(None)), (0, 3));
    assert!(world.hosts("ACTIVE").iter().all(|host| host.daemons.is_empty()));
    world.context.shared.clock.advance(Duration::from_secs(100_000_001));
    world.reconcile().await;
    let state = world.context.snapshot();
    assert!(state.daemons.is_empty() && state.daemon_revisions.is_empty() && state.daemon_deployments.is_empty());
}
