//! The words of service events, in the scenes where ECS says them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>

use super::*;
use crate::testing::task_definition;
use api_models::iam::CreateRoleRequest;

use crate::services::ecs::resources::Protection;
use crate::services::iam::operations::create_role;

async fn running(family: &str, desired: i32) -> World {
    let mut world = World::new(1, LaunchType::Fargate).await;
    let request = world.request(family, desired);
    world.create(request).await;
    world.settle().await;
    assert!(world.is_as_wanted());
    world
}

#[tokio::test]
async fn an_unhealthy_task_is_named_and_its_replacement_too() {
    let mut world = running("checked", 1).await;
    let sick = world.tasks()[0].key.clone();
    world.turn(&sick, ObservedHealth::Unhealthy).await;
    let start = world.events().pop().expect("an event");
    assert!(start.starts_with("(service web) has started 1 tasks: (task "), "{start}");
    assert!(start.ends_with(". Amazon ECS replaced 1 tasks due to an unhealthy status."), "{start}");
    for _ in 0..3 {
        for task in world.tasks().iter().filter(|task| task.key != sick) {
            world.advance(&task.key).await;
        }
    }
    let events = world.events();
    let failed = format!("(service web) (task {}) failed container health checks.", sick.id);
    let index = events.iter().position(|event| *event == failed).expect("it is told");
    assert_eq!(events[index + 1], format!("(service web) has stopped 1 running tasks: (task {}).", sick.id));
}

#[tokio::test]
async fn tasks_that_do_not_run_yet_are_only_counted_when_they_are_stopped() {
    let mut world = running("good", 1).await;
    world.scale(4).await;
    world.scale(1).await;
    let told = "(service web) stopped 3 pending tasks.".to_owned();
    assert!(world.events().contains(&told), "{:#?}", world.events());
}

#[tokio::test]
async fn protection_that_is_in_the_way_is_told_once() {
    let mut world = running("good", 3).await;
    let protect = |world: &World| {
        let expires_at = world.context.now().saturating_add(Duration::from_secs(600));
        move |task: &mut Task| task.protection = Some(Protection { expires_at })
    };
    for task in world.tasks().iter().take(2) {
        world.change(&task.key, protect(&world)).await;
    }
    let old = world.service().deployments[0].name();
    let told = format!(
        "(service web) was unable to reach steady state because (taskSet {old}) was unable to scale in due to (reason \
         2 tasks under protection)"
    );
    world.scale(1).await;
    world.pass(5).await;
    let times = |world: &World| world.events().iter().filter(|event| **event == told).count();
    assert_eq!(times(&world), 1, "{:#?}", world.events());
    world.pass(700).await;
    world.settle().await;
    assert!(world.is_as_wanted());

    // In the way of a deployment too, once that has all its own tasks.
    let task = world.tasks()[0].key.clone();
    world.change(&task, protect(&world)).await;
    world.deploy("good").await;
    assert!(!world.events().iter().any(|event| event.contains("(reason 1 tasks")));
    for _ in 0..4 {
        for task in world.tasks() {
            world.advance(&task.key).await;
        }
        world.pass(2).await;
    }
    assert_eq!(world.events().iter().filter(|event| event.contains("(reason 1 tasks")).count(), 1);
}

#[tokio::test]
async fn zones_are_told_before_and_after_they_are_evened_out() {
    let mut world = World::new(1, LaunchType::Ec2).await;
    world.add_instance("us-east-1a").await;
    let request = world.request("good", 4);
    world.create(request).await;
    world.settle().await;
    world.add_instance("us-east-1b").await;
    world.reconcile().await;
    world.settle().await;
    let events = world.events();
    let of = |text: &str| events.iter().filter(|event| event.starts_with(text)).count();
    assert_eq!(
        of("(service web) is not AZ balanced with 4 tasks in us-east-1a, 0 tasks in us-east-1b. AZ Rebalancing in \
             progress."),
        1,
        "{events:#?}"
    );
    assert_eq!(of("(service web) has started 1 tasks in us-east-1b to AZ Rebalance: (task "), 2, "{events:#?}");
    assert_eq!(of("(service web) has stopped 1 running tasks in us-east-1a due to AZ rebalancing: (task "), 2);
    assert_eq!(of("(service web) is AZ balanced with 2 tasks in us-east-1a, 2 tasks in us-east-1b."), 1);
}

#[tokio::test]
async fn with_strict_iam_a_role_that_cannot_be_assumed_is_told_and_tried_again() {
    let config = Config { strict_iam: true, ..Config::default() };
    let mut world = World::configured(1, LaunchType::Fargate, config).await;
    let role = "arn:aws:iam::123456789012:role/execution";
    task_definition(&world.context, "roled", |it| it.execution_role_arn = Some(role.into())).await;
    let request = world.request("roled", 1);
    world.create(request).await;
    let told = format!(
        "(service web) failed to launch a task with (error ECS was unable to assume the role '{role}' that was \
         provided for this task. Please verify that the role being passed has the proper trust relationship and \
         permissions and that your IAM user has permissions to pass this role.)."
    );
    world.pass(600).await;
    world.pass(600).await;
    let times = |world: &World| world.events().iter().filter(|event| **event == told).count();
    assert_eq!(times(&world), 1, "{:#?}", world.events());
    assert!(world.tasks().is_empty() && !world.service().lacks_capacity);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}"#;
    let request = CreateRoleRequest {
        role_name: Some("execution".into()),
        assume_role_policy_document: Some(trust.into()),
        ..CreateRoleRequest::default()
    };
    create_role::handle(world.context.clone(), request).await.expect("a role");
    world.pass(2000).await;
    world.settle().await;
    assert!(world.is_as_wanted(), "{:#?}", world.events());
}
