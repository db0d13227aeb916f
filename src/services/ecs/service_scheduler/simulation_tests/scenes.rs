//! Single scenes, each with what AWS does.

use super::*;
use api_models::ecs::{ServiceDeploymentStatus, StopServiceDeploymentRequest, StopServiceDeploymentStopType};

use crate::services::ecs::operations::stop_service_deployment;
use crate::services::ecs::resources::service::ordered_by_age;

async fn fargate(family: &str, desired: i32) -> World {
    let mut world = World::new(1, LaunchType::Fargate).await;
    let request = world.request(family, desired);
    world.create(request).await;
    world
}

fn percents(minimum: i32, maximum: i32) -> Option<Box<DeploymentConfiguration>> {
    Some(Box::new(DeploymentConfiguration {
        minimum_healthy_percent: Some(minimum),
        maximum_percent: Some(maximum),
        ..DeploymentConfiguration::default()
    }))
}

fn breaker(rollback: bool) -> Option<Box<DeploymentConfiguration>> {
    let breaker = DeploymentCircuitBreaker {
        enable: Some(true),
        rollback: Some(rollback),
        ..DeploymentCircuitBreaker::default()
    };
    Some(Box::new(DeploymentConfiguration {
        deployment_circuit_breaker: Some(Box::new(breaker)),
        ..DeploymentConfiguration::default()
    }))
}

/// How many tasks run and how many of them are of the newest deployment, each time the agent has taken one task a
/// step further.
async fn roll(world: &mut World) -> Vec<(usize, usize)> {
    let mut seen = Vec::new();
    for _ in 0..40 {
        let tasks = world.tasks();
        let newest = world.service().deployments[0].id.clone();
        let of_newest = |task: &&Arc<Task>| task.service.as_ref().is_some_and(|link| link.deployment == newest);
        let kept: Vec<_> = tasks.iter().filter(|task| is_kept(task)).collect();
        seen.push((kept.len(), kept.iter().filter(|task| of_newest(task)).count()));
        let next = tasks.iter().find(|task| !is_kept(task) || task.last_status != TaskStatus::Running);
        match next {
            Some(task) => world.advance(&task.key).await,
            None if world.is_as_wanted() => break,
            None => world.pass(2).await,
        }
    }
    seen.dedup();
    seen
}

#[tokio::test]
async fn a_service_starts_its_tasks_and_becomes_steady() {
    let mut world = fargate("good", 3).await;
    assert_eq!(world.tasks().len(), 3);
    let zones: std::collections::BTreeSet<_> = world.tasks().iter().map(|it| it.availability_zone.clone()).collect();
    assert_eq!(zones.len(), 3, "one in each zone");
    let task = &world.tasks()[0];
    assert_eq!(&*task.group, "service:web");
    assert_eq!(task.started_by.as_deref(), Some(&*world.service().deployments[0].name()));
    world.settle().await;
    assert!(world.is_as_wanted());
    let events = world.events();
    assert!(events[0].starts_with("(service web) has started 3 tasks: (task "), "{events:?}");
    let name = world.service().deployments[0].name();
    assert_eq!(events[1], format!("(service web) (deployment {name}) deployment completed."));
    assert_eq!(events[2], "(service web) has reached a steady state.");
    assert_eq!(events.len(), 3);
    let state = world.context.snapshot();
    let [deployment] = &ordered_by_age(&state, &world.key)[..] else { panic!("one deployment") };
    assert_eq!(deployment.status, ServiceDeploymentStatus::Successful);
    assert_eq!(deployment.final_counts[0].counts, Counts { desired: 3, running: 3, pending: 0 });
}

#[tokio::test]
async fn a_task_that_dies_is_replaced_at_once_and_one_that_was_stopped_by_hand_too() {
    let mut world = fargate("good", 2).await;
    world.settle().await;
    world.pass(100).await;
    let gone = world.tasks()[0].key.clone();
    world.die(&gone).await;
    assert_eq!(world.tasks().len(), 2);
    assert!(world.tasks().iter().all(|task| task.key != gone));
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.events().last().map(String::as_str), Some("(service web) has reached a steady state."));
}

#[tokio::test]
async fn percentages_are_kept_exactly() {
    /// minimum, maximum, desired count, and the course: tasks in all, and of the new deployment.
    type Case = (i32, i32, i32, &'static [(usize, usize)]);
    let cases: &[Case] = &[
        (100, 200, 1, &[(1, 0), (2, 1), (1, 1)]),
        (0, 100, 1, &[(1, 1)]),
        (50, 100, 2, &[(2, 1), (2, 2)]),
        (100, 150, 2, &[(3, 1), (3, 2), (2, 2)]),
        // Rounded up and down there is nothing that could be done.
        (50, 100, 1, &[(1, 0)]),
        (100, 150, 1, &[(1, 0)]),
    ];
    for (minimum, maximum, desired, course) in cases {
        let mut world = fargate("good", *desired).await;
        world
            .update(UpdateServiceRequest {
                deployment_configuration: percents(*minimum, *maximum),
                ..UpdateServiceRequest::default()
            })
            .await;
        world.settle().await;
        world.deploy("good").await;
        let seen = roll(&mut world).await;
        let case = format!("{minimum}/{maximum} of {desired}");
        let course = if *desired == 1 && (*minimum, *maximum) == (100, 200) { &course[1..] } else { course };
        assert_eq!(seen, course, "{case}");
        let stuck = world.events().iter().any(|event| event.contains("was unable to stop or start tasks during"));
        assert_eq!(stuck, course == [(1, 0)], "{case}");
    }
}

#[tokio::test]
async fn health_checks_gate_the_deployment_and_unhealthy_tasks_are_replaced() {
    let mut world = fargate("good", 1).await;
    world.settle().await;
    world.deploy("checked").await;
    let old = world.tasks().iter().find(|task| &*task.task_definition.family == "good").expect("kept").key.clone();
    let new = world.tasks().iter().find(|task| task.key != old).expect("started").key.clone();
    world.advance(&new).await;
    world.pass(60).await;
    assert_eq!(world.tasks().iter().filter(|task| is_kept(task)).count(), 2, "not healthy yet");
    world.turn(&new, ObservedHealth::Healthy).await;
    let kept: Vec<_> = world.tasks().into_iter().filter(|task| is_kept(task)).collect();
    assert_eq!(kept.iter().map(|task| &task.key).collect::<Vec<_>>(), [&new]);
    world.settle().await;
    assert!(world.is_as_wanted());

    world.turn(&new, ObservedHealth::Unhealthy).await;
    assert_eq!(world.tasks().len(), 2, "its replacement starts first");
    assert!(world.tasks().iter().all(|task| is_kept(task)));
    let replacement = world.tasks().iter().find(|task| task.key != new).expect("started").key.clone();
    world.advance(&replacement).await;
    world.advance(&replacement).await;
    let state = world.context.snapshot();
    assert_eq!(state.tasks[&new].stopped_reason.as_deref(), Some("Task failed container health checks"));
}

#[tokio::test]
async fn the_circuit_breaker_rolls_back_to_what_was_completed_without_new_tasks_of_it() {
    let mut world = fargate("good", 2).await;
    world.settle().await;
    let before: Vec<_> = world.tasks().iter().map(|task| task.key.clone()).collect();
    let good = world.service().deployments[0].name();
    let request = UpdateServiceRequest {
        task_definition: Some("bad".into()),
        deployment_configuration: breaker(true),
        ..UpdateServiceRequest::default()
    };
    world.update(request).await;
    let bad = world.service().deployments[0].name();
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.tasks().iter().map(|task| task.key.clone()).collect::<Vec<_>>(), before);
    assert_eq!(world.service().deployments[0].name(), good);
    let events = world.events();
    let position =
        |text: String| events.iter().position(|event| *event == text).unwrap_or_else(|| panic!("{text}: {events:#?}"));
    let failed = position(format!("(service web) (deployment {bad}) deployment failed: tasks failed to start."));
    let back = position(format!("(service web) rolling back to deployment {good}."));
    assert_eq!(back, failed + 1);
    let state = world.context.snapshot();
    let deployment = ordered_by_age(&state, &world.key)[0];
    assert_eq!(deployment.status, ServiceDeploymentStatus::RollbackSuccessful);
    assert!(deployment.breaker_triggered && deployment.failure_count >= 3);
    let rollback = deployment.rollback.as_ref().expect("a rollback");
    assert_eq!(format!("ecs-svc/{}", rollback.revision), good);
}

#[tokio::test]
async fn without_rollback_the_deployment_fails_and_stays() {
    let mut world = World::new(1, LaunchType::Fargate).await;
    let request = CreateServiceRequest { deployment_configuration: breaker(false), ..world.request("bad", 1) };
    world.create(request).await;
    world.settle().await;
    let service = world.service();
    assert_eq!(service.deployments[0].rollout, Rollout::Failed);
    assert_eq!(service.deployments[0].rollout_reason, "ECS deployment circuit breaker: tasks failed to start.");
    assert!(world.tasks().is_empty());
    // The next deployment is judged by itself.
    world.deploy("good").await;
    world.settle().await;
    assert!(world.is_as_wanted());
}

#[tokio::test]
async fn a_crash_loop_is_throttled_and_a_new_deployment_is_not() {
    let mut world = fargate("crash", 1).await;
    let mut started = 0;
    for _ in 0..60 {
        for task in world.tasks() {
            started += usize::from(task.last_status == TaskStatus::Provisioning);
            world.advance(&task.key).await;
        }
        for task in world.tasks().iter().filter(|task| task.last_status == TaskStatus::Running) {
            world.advance(&task.key).await;
        }
        world.pass(1).await;
    }
    assert!((3..10).contains(&started), "{started} tasks in a minute");
    let impaired = "(service web) is unable to consistently start tasks successfully.";
    assert_eq!(world.events().iter().filter(|event| *event == impaired).count(), 1);
    world.deploy("good").await;
    world.settle().await;
    assert!(world.is_as_wanted());
}

#[tokio::test]
async fn scaling_in_keeps_zones_balanced_and_protected_tasks() {
    let mut world = fargate("good", 6).await;
    world.settle().await;
    let protected = world.tasks()[0].key.clone();
    let expires_at = world.context.now().saturating_add(Duration::from_secs(3600));
    world
        .change(&protected, |task| {
            task.protection = Some(crate::services::ecs::resources::Protection { expires_at });
        })
        .await;
    world.scale(3).await;
    world.settle().await;
    assert!(world.is_as_wanted());
    let zones: std::collections::BTreeSet<_> = world.tasks().iter().map(|it| it.availability_zone.clone()).collect();
    assert_eq!(zones.len(), 3);
    world.scale(0).await;
    world.settle().await;
    assert_eq!(world.tasks().iter().map(|task| task.key.clone()).collect::<Vec<_>>(), [protected]);
    world.pass(3600).await;
    world.settle().await;
    assert!(world.tasks().is_empty());
}

#[tokio::test]
async fn a_stopped_deployment_rolls_back_or_stays_where_it_is() {
    for (stop, status) in [
        (StopServiceDeploymentStopType::Rollback, ServiceDeploymentStatus::RollbackSuccessful),
        (StopServiceDeploymentStopType::Abort, ServiceDeploymentStatus::Stopped),
    ] {
        let mut world = fargate("good", 2).await;
        world.settle().await;
        world.deploy("checked").await;
        let arn = ordered_by_age(&world.context.snapshot(), &world.key)[0].key.arn();
        let request = StopServiceDeploymentRequest { service_deployment_arn: Some(arn), stop_type: Some(stop.clone()) };
        stop_service_deployment::handle(world.context.clone(), request).await.expect("it is stopped");
        world.reconcile().await;
        let request = StopServiceDeploymentRequest::default();
        assert!(stop_service_deployment::handle(world.context.clone(), request).await.is_err());
        if stop == StopServiceDeploymentStopType::Rollback {
            world.settle().await;
            assert!(world.is_as_wanted());
        }
        let state = world.context.snapshot();
        assert_eq!(ordered_by_age(&state, &world.key)[0].status, status);
    }
}

#[tokio::test]
async fn a_deleted_service_drains_and_is_forgotten_after_a_while() {
    let mut world = fargate("good", 2).await;
    world.settle().await;
    world.delete().await;
    assert_eq!(world.service().status, ServiceStatus::Draining);
    world.settle().await;
    let service = world.service();
    assert_eq!((service.status, service.deployments.len()), (ServiceStatus::Inactive, 0));
    let request = world.request("good", 1);
    world.create(request).await;
    world.settle().await;
    assert!(world.is_as_wanted());
    world.delete().await;
    world.settle().await;
    world.pass(100_000_000).await;
    let state = world.context.snapshot();
    assert!(state.services.is_empty() && state.service_revisions.is_empty() && state.service_events.is_empty());
    assert!(state.service_deployments.is_empty());
}

#[tokio::test]
async fn on_instances_tasks_wait_for_room_and_leave_instances_that_drain() {
    let mut world = World::new(1, LaunchType::Ec2).await;
    let request = world.request("good", 3);
    world.create(request).await;
    let none = "(service web) was unable to place a task because no container instance met all of its requirements. \
                Reason: No Container Instances were found in your cluster. For more information, see the \
                Troubleshooting section of the Amazon ECS Developer Guide.";
    assert_eq!(world.events(), [none]);
    assert!(world.service().lacks_capacity);
    world.add_instance("us-east-1a").await;
    world.add_instance("us-east-1b").await;
    world.reconcile().await;
    world.settle().await;
    assert!(world.is_as_wanted() && !world.service().lacks_capacity);
    let first = world.tasks()[0].container_instance.clone().expect("an instance");
    let drain = |tx: &mut crate::store::Transaction| {
        tx.update(&first, |instance: &mut ContainerInstance| {
            instance.status = "DRAINING".into();
            true
        });
        Ok::<_, Unexpected>(())
    };
    world.context.store().transact(drain).await.expect("in memory");
    world.reconcile().await;
    world.settle().await;
    assert!(world.is_as_wanted());
    assert!(world.tasks().iter().all(|task| task.container_instance.as_ref() != Some(&first)));
    // Two more than fit.
    world.scale(6).await;
    world.settle().await;
    assert_eq!(world.running(), 4);
    let closest = "has insufficient CPU units available";
    assert_eq!(world.events().iter().filter(|event| event.contains(closest)).count(), 1);
}

#[tokio::test]
async fn a_daemon_has_one_task_on_each_instance() {
    let mut world = World::new(1, LaunchType::Ec2).await;
    for _ in 0..3 {
        world.add_instance("us-east-1a").await;
    }
    let request = CreateServiceRequest {
        scheduling_strategy: Some(SchedulingStrategy::Daemon),
        desired_count: None,
        deployment_configuration: percents(60, 100),
        ..world.request("good", 0)
    };
    world.create(request).await;
    assert_eq!(world.service().scheduling, Scheduling::Daemon);
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.service().desired_count, 3);
    world.add_instance("us-east-1a").await;
    world.reconcile().await;
    world.settle().await;
    let places: std::collections::BTreeSet<_> =
        world.tasks().iter().filter_map(|task| task.container_instance.clone()).collect();
    assert_eq!((places.len(), world.tasks().len()), (4, 4));
    world.deploy("good").await;
    // ceil(4 * 60%) = 3 must stay: one at a time.
    assert_eq!(world.tasks().iter().filter(|task| !is_kept(task)).count(), 1);
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.service().controller, Controller::Ecs);
}

#[tokio::test]
async fn zones_that_became_uneven_are_balanced_again() {
    let mut world = World::new(1, LaunchType::Ec2).await;
    world.add_instance("us-east-1a").await;
    let request = world.request("good", 4);
    world.create(request).await;
    world.settle().await;
    assert!(world.is_as_wanted());
    world.add_instance("us-east-1b").await;
    world.reconcile().await;
    world.settle().await;
    assert!(world.is_as_wanted());
    let in_b = world.tasks().iter().filter(|it| it.availability_zone.as_deref() == Some("us-east-1b")).count();
    assert_eq!(in_b, 2);
}
