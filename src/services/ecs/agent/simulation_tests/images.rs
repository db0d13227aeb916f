//! Scenes of images: pulled or not, and at which version.

use ecs::{ContainerImage, VersionConsistency};

use super::*;
use crate::services::ecs::images::{self, PullBehavior};

fn with_image(image: &str, labels: &[(&str, &str)]) -> ecs::TaskDefinition {
    let web = ContainerDefinition { image: Some(image.to_owned()), ..labelled(container("web", true), labels) };
    definition(NetworkMode::Bridge, vec![web])
}

fn behaves(image_pull_behavior: PullBehavior) -> Config {
    Config { image_pull_behavior, ..Config::default() }
}

/// How a task of the image fares while its registry does not answer: after its first pull, and after that failed.
async fn without_registry(behavior: PullBehavior) -> (TaskStatus, TaskStatus) {
    let mut world = World::with(1, behaves(behavior)).await;
    let fault = Fault::PullFails { image: "web".into(), message: None, times: None };
    world.runtime.inject(fault).expect("simulated");
    // The label says that the image is pulled each time; without it, it is here.
    let key = world.run(one(NetworkMode::Bridge, &[])).await;
    world.settle().await;
    let first = world.task(&key).last_status;
    for _ in 0..6 {
        world.pass(Duration::from_secs(6)).await;
    }
    (first, world.task(&key).last_status)
}

#[tokio::test]
async fn a_pull_that_fails_is_tried_again_and_then_fails_the_task() {
    for behavior in [PullBehavior::Default, PullBehavior::Always, PullBehavior::Once, PullBehavior::PreferCached] {
        // While a pull is to fail, the simulated engine does not have the image.
        let (first, last) = without_registry(behavior).await;
        assert_eq!((first, last), (TaskStatus::Pending, TaskStatus::Stopped), "{behavior:?}");
    }
}

#[tokio::test]
async fn an_image_that_is_here_is_pulled_as_the_behavior_says() {
    for (behavior, pulled) in [
        (PullBehavior::Default, true),
        (PullBehavior::Always, true),
        (PullBehavior::Once, true),
        (PullBehavior::PreferCached, false),
    ] {
        let mut world = World::with(1, behaves(behavior)).await;
        let key = world.run(with_image("web:1", &[])).await;
        world.settle().await;
        assert_eq!(world.task(&key).last_status, TaskStatus::Running, "{behavior:?}");
        let done = world.running.as_ref().expect("started").1.agent.executor.pulling_done();
        assert_eq!(done.contains("web:1"), pulled, "{behavior:?}");
    }
}

#[tokio::test]
async fn an_image_of_ecr_runs_under_its_own_name() {
    let config = Config { ecr_mirror: Some("localhost:5000".to_owned()), ..behaves(PullBehavior::Always) };
    let mut world = World::with(1, config).await;
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1";
    let key = world.run(with_image(image, &[])).await;
    world.settle().await;
    let task = world.task(&key);
    assert_eq!((task.last_status, &*task.containers[0].image), (TaskStatus::Running, image));
    let done = world.running.as_ref().expect("started").1.agent.executor.pulling_done();
    assert!(done.contains("localhost:5000/team/app:v1"), "{done:?}");
}

#[tokio::test]
async fn tasks_of_one_deployment_keep_to_the_digest_of_the_first() {
    let mut world = World::new(1).await;
    let mut definition = with_image("web:1", &[]);
    let revision = images::unresolved(&definition);
    assert_eq!(revision[0].image_digest, None);
    let first = world.run(definition.clone()).await;
    world.settle().await;
    let resolved = images::resolve(&revision, &definition, &world.task(&first)).expect("the first task's digest");
    let digest = world.task(&first).containers[0].image_digest.clone();
    let expected = ContainerImage {
        container_name: Some("web".to_owned()),
        image: Some("web:1".to_owned()),
        image_digest: digest.as_deref().map(str::to_owned),
    };
    assert_eq!(resolved, [expected]);
    assert_eq!(images::resolve(&resolved, &definition, &world.task(&first)), None, "nothing new");

    // The next task has it by its digest.
    world.runtime.inject(Fault::EngineGone).expect("simulated");
    let second = world.run(definition.clone()).await;
    let containers = definition.container_definitions.as_mut().expect("given");
    let pinned = images::pinned(&resolved, &containers[0]);
    assert_eq!(pinned, digest);
    world
        .shared
        .store
        .transact(|tx| {
            tx.update(&second, |task: &mut Task| {
                task.containers[0].pinned_digest = pinned;
                true
            });
            Ok::<_, api_models::Unexpected>(())
        })
        .await
        .expect("in memory");
    world.seen.clear();
    world.runtime.inject(Fault::EngineBack).expect("simulated");
    world.pass(Duration::from_secs(3)).await;
    assert_eq!(world.task(&second).last_status, TaskStatus::Running);
    assert_eq!(world.task(&second).containers[0].image_digest, digest);

    containers[0].version_consistency = Some(VersionConsistency::Disabled);
    assert_eq!(images::resolve(&revision, &definition, &world.task(&first)), None, "tags stay tags");
    let by_digest = with_image("web@sha256:11", &[]);
    assert_eq!(images::unresolved(&by_digest)[0].image_digest.as_deref(), Some("sha256:11"));
}
