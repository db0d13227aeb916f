//! Scenes of tasks with volumes.

use std::collections::BTreeMap;

use ecs::{DockerVolumeConfiguration, MountPoint, Scope, Volume};

use super::*;
use crate::runtime::{SCOPE_LABEL, TASK_ARN_LABEL, VolumeSpec};
use crate::services::ecs::resources::{ManagedVolume, VolumeAttachment};

fn volume(name: &str, docker: Option<DockerVolumeConfiguration>) -> Volume {
    Volume { name: Some(name.to_owned()), docker_volume_configuration: docker.map(Box::new), ..Volume::default() }
}

fn shared(autoprovision: bool) -> DockerVolumeConfiguration {
    DockerVolumeConfiguration {
        scope: Some(Scope::Shared),
        autoprovision: Some(autoprovision),
        ..DockerVolumeConfiguration::default()
    }
}

fn with_volumes(mode: NetworkMode, volumes: Vec<Volume>) -> ecs::TaskDefinition {
    let point = |volume: &Volume| MountPoint {
        source_volume: volume.name.clone(),
        container_path: Some(format!("/{}", volume.name.as_deref().unwrap_or_default())),
        read_only: None,
    };
    let mut web = container("web", true);
    web.mount_points = Some(volumes.iter().map(point).collect());
    let mut definition = definition(mode, vec![web]);
    definition.volumes = Some(volumes);
    definition
}

async fn volumes(world: &World) -> Vec<String> {
    world.runtime.list_volumes().await.expect("the engine answers").into_iter().map(|volume| volume.name).collect()
}

#[tokio::test]
async fn volumes_go_with_their_task_unless_they_are_shared() {
    for restart in [false, true] {
        let mut world = World::new(1).await;
        let volumes_of = vec![volume("own", None), volume("kept", Some(shared(true)))];
        let key = world.run(with_volumes(NetworkMode::Awsvpc, volumes_of)).await;
        world.settle().await;
        assert_eq!(world.task(&key).last_status, TaskStatus::Running);
        let made = volumes(&world).await;
        assert!(made[0].starts_with("ecs-web-1-own-") && made[1] == "kept" && made.len() == 2, "{made:?}");
        if restart {
            world.restart().await;
            world.settle().await;
            assert_eq!(volumes(&world).await, made);
        }
        world.stop(&key).await;
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.task(&key).last_status, TaskStatus::Stopped);
        assert_eq!(volumes(&world).await, ["kept"]);
        assert!(world.running.as_ref().expect("started").1.is_idle());
        world.running.as_ref().expect("started").1.purge().await.expect("the engine answers");
        assert_eq!(volumes(&world).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_no_task_knows_is_removed_at_a_start() {
    let mut world = World::new(1).await;
    for (name, scope) in [("lost", "task"), ("kept", "shared")] {
        let arn = "arn:aws:ecs:us-east-1:000000000000:task/default/00000000000000000000000000000009";
        let labels = [(SCOPE_LABEL, scope), (TASK_ARN_LABEL, arn)];
        let labels: BTreeMap<_, _> = labels.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let spec = VolumeSpec { name: name.to_owned(), labels, ..VolumeSpec::default() };
        world.runtime.ensure_volume(&spec).await.expect("made");
    }
    world.restart().await;
    world.settle().await;
    assert_eq!(volumes(&world).await, ["kept"]);
}

#[tokio::test]
async fn a_volume_that_cannot_be_had_fails_the_task() {
    let mut world = World::new(1).await;
    let driver = DockerVolumeConfiguration { driver: Some("rexray".into()), ..DockerVolumeConfiguration::default() };
    let on_ec2 = world.run(with_volumes(NetworkMode::Bridge, vec![volume("db", Some(driver.clone()))])).await;
    let on_fargate = world.run(with_volumes(NetworkMode::Awsvpc, vec![volume("db", Some(driver))])).await;
    let missing = world.run(with_volumes(NetworkMode::Bridge, vec![volume("db", Some(shared(false)))])).await;
    world.settle().await;
    let reason = |world: &World, key: &TaskKey| {
        let task = world.task(key);
        assert_eq!((task.last_status, &task.stop_code), (TaskStatus::Stopped, &Some(TaskStopCode::TaskFailedToStart)));
        task.stopped_reason.clone().expect("a reason")
    };
    let words = reason(&world, &on_ec2);
    assert!(words.starts_with("Error response from daemon: create ecs-web-1-db-"), "{words}");
    assert!(words.ends_with("error looking up volume plugin rexray: plugin \"rexray\" not found"), "{words}");
    assert!(reason(&world, &on_fargate).starts_with("CannotCreateVolumeError: Error response from daemon: create"));
    let words = reason(&world, &missing);
    let expected = format!(
        "resource cannot be initialized for task {}: initialize volume: volume detection failed, volume 'db' does not \
         exist and autoprovision is set to false: ",
        missing.arn()
    );
    assert!(words.starts_with(&expected), "{words}");
    // One that the user made is used.
    let spec = VolumeSpec { name: "db".to_owned(), ..VolumeSpec::default() };
    world.runtime.ensure_volume(&spec).await.expect("made");
    let found = world.run(with_volumes(NetworkMode::Bridge, vec![volume("db", Some(shared(false)))])).await;
    world.settle().await;
    assert_eq!(world.task(&found).last_status, TaskStatus::Running);
}

#[tokio::test]
async fn a_managed_volume_is_attached_before_the_task_starts() {
    let mut world = World::new(1).await;
    for (delete_on_termination, snapshot_id) in [(true, None), (false, None), (true, Some("snap-1".to_owned()))] {
        let at_launch = Volume { configured_at_launch: Some(true), ..volume("data", None) };
        let definition = with_volumes(NetworkMode::Bridge, vec![at_launch]);
        world.runtime.inject(Fault::EngineGone).expect("simulated");
        let key = world.run(definition).await;
        let failed = snapshot_id.is_some();
        let role_arn = "arn:aws:iam::000000000000:role/x".to_owned();
        let settings = ManagedVolume { name: "data".to_owned(), role_arn, delete_on_termination, snapshot_id };
        let attachment = VolumeAttachment::new(settings, &world.shared.ids);
        let name = format!("localecs-ebs-{}", attachment.volume_id);
        world
            .shared
            .store
            .transact(|tx| {
                tx.update(&key, |task: &mut Task| {
                    (task.managed_volume, task.last_status) = (Some(Box::new(attachment)), TaskStatus::Provisioning);
                    task.version += 1;
                    true
                });
                Ok::<_, api_models::Unexpected>(())
            })
            .await
            .expect("in memory");
        world.seen.clear();
        world.settle().await;
        assert_eq!(world.task(&key).last_status == TaskStatus::Provisioning, !failed);
        world.runtime.inject(Fault::EngineBack).expect("simulated");
        world.pass(Duration::from_secs(3)).await;
        let status = |world: &World| world.task(&key).managed_volume.clone().expect("set").status;
        if failed {
            assert_eq!(world.task(&key).stopped_reason.as_deref(), Some("The snapshot 'snap-1' does not exist."));
            assert_eq!(status(&world), "FAILED");
            continue;
        }
        assert_eq!((world.task(&key).last_status, status(&world).as_str()), (TaskStatus::Running, "ATTACHED"));
        assert!(volumes(&world).await.contains(&name));
        world.stop(&key).await;
        world.pass(Duration::from_secs(1)).await;
        assert_eq!((world.task(&key).last_status, status(&world).as_str()), (TaskStatus::Stopped, "DELETED"));
        assert_eq!(volumes(&world).await.contains(&name), !delete_on_termination);
    }
}
