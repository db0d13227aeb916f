//! Scenes of containers that wait for each other, and that are started again.

use super::*;

#[tokio::test]
async fn containers_wait_for_each_other_over_a_restart() {
    let mut world = World::new(1).await;
    let on = |name: &str, condition| ecs::ContainerDependency {
        container_name: Some(name.to_owned()),
        condition: Some(condition),
    };
    let mut init = labelled(container("init", false), &[("sim.run-for", "10s")]);
    init.start_timeout = Some(60);
    let mut db = labelled(container("db", true), &[("sim.healthy-after", "20s"), ("sim.stop-delay", "3s")]);
    let check = ecs::HealthCheck { command: Some(vec!["CMD".into(), "check".into()]), ..Default::default() };
    db.health_check = Some(Box::new(check));
    db.depends_on = Some(vec![on("init", ecs::ContainerCondition::Success)]);
    let mut web = container("web", true);
    web.depends_on = Some(vec![on("db", ecs::ContainerCondition::Healthy)]);
    let key = world.run(definition(NetworkMode::Awsvpc, vec![web, db, init])).await;
    let statuses = |world: &World| {
        let task = world.task(&key);
        let all: Vec<_> = task.containers.iter().map(|container| container.last_status.as_str()).collect();
        (task.last_status.as_str(), all.join(" "))
    };
    world.settle().await;
    assert_eq!(statuses(&world), ("PENDING", "PENDING PENDING RUNNING".to_owned()));
    world.restart().await;
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(statuses(&world), ("PENDING", "PENDING RUNNING STOPPED".to_owned()));
    assert_eq!(world.task(&key).to_api(false).health_status, Some(ecs::HealthStatus::Unknown));
    world.restart().await;
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(statuses(&world), ("RUNNING", "RUNNING RUNNING STOPPED".to_owned()));
    assert_eq!(world.task(&key).to_api(false).health_status, Some(ecs::HealthStatus::Healthy));

    // An unhealthy container is told of; only services replace their tasks for it.
    let version = world.task(&key).version;
    let container = format!("{}/db", key.id);
    let health = crate::runtime::ObservedHealth::Unhealthy;
    world.runtime.inject(Fault::Health { container, health }).expect("simulated");
    world.settle().await;
    let task = world.task(&key);
    assert_eq!(task.to_api(false).health_status, Some(ecs::HealthStatus::Unhealthy));
    assert_eq!((task.last_status, task.version), (TaskStatus::Running, version + 1));

    world.stop(&key).await;
    world.settle().await;
    assert_eq!(statuses(&world), ("STOPPING", "STOPPED RUNNING STOPPED".to_owned()));
    world.pass(Duration::from_secs(3)).await;
    assert_eq!(world.task(&key).last_status, TaskStatus::Stopped);
    assert_eq!(world.containers().await, []);
}

#[tokio::test]
async fn a_container_is_started_again_in_place_even_if_it_ended_unseen() {
    let mut world = World::new(1).await;
    let mut web = labelled(container("web", true), &[("sim.run-for", "60s"), ("sim.exit-code", "1")]);
    let policy = ecs::ContainerRestartPolicy { enabled: Some(true), ..Default::default() };
    web.restart_policy = Some(Box::new(ecs::ContainerRestartPolicy { restart_attempt_period: Some(60), ..policy }));
    let key = world.run(definition(NetworkMode::Bridge, vec![web])).await;
    world.settle().await;
    let id = world.task(&key).containers[0].runtime_id.clone();
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(world.task(&key).containers[0].restart_count, 1);
    world.running = None;
    world.shared.clock.advance(Duration::from_secs(300));
    world.restart().await;
    world.settle().await;
    let task = world.task(&key);
    assert_eq!((task.last_status, task.containers[0].restart_count), (TaskStatus::Running, 2));
    assert_eq!((task.containers[0].exit_code, &task.containers[0].runtime_id), (None, &id));
    // A start that fails is the end.
    let fault = Fault::StartFails { image: "web".into(), message: None, times: Some(1) };
    world.runtime.inject(fault).expect("simulated");
    world.pass(Duration::from_secs(60)).await;
    let task = world.task(&key);
    assert_eq!((task.last_status, task.containers[0].exit_code), (TaskStatus::Stopped, Some(1)));
    assert_eq!(world.containers().await, []);
}
