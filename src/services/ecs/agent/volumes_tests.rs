//! Which volumes a task wants, and how they are mounted.

use api_models::ecs::{
    DockerVolumeConfiguration, EFSAuthorizationConfig, EFSVolumeConfiguration, HostVolumeProperties, MountPoint,
    NetworkMode, VolumeFrom,
};

use super::*;
use crate::services::ecs::agent::fixtures;
use crate::services::ecs::resources::ManagedVolume;

fn volume(change: impl FnOnce(&mut Volume)) -> Volume {
    let mut volume = Volume { name: Some("data".to_owned()), ..Volume::default() };
    change(&mut volume);
    volume
}

fn with(volumes: Vec<Volume>) -> (Task, ecs::TaskDefinition) {
    let points = volumes.iter().map(|volume| MountPoint {
        source_volume: volume.name.clone(),
        container_path: Some(format!("/{}", volume.name.as_deref().unwrap_or_default())),
        read_only: Some(true),
    });
    let container = ContainerDefinition { mount_points: Some(points.collect()), ..fixtures::container("web", true) };
    let mut definition = fixtures::definition(NetworkMode::Bridge, vec![container]);
    definition.volumes = Some(volumes);
    (fixtures::task(&definition, 1), definition)
}

/// How one volume is mounted, and what it needs.
fn one(volume: Volume, points: &[AccessPoint]) -> (MountSource, Vec<Wanted>) {
    let (task, definition) = with(vec![volume]);
    let container = &definition.container_definitions.as_ref().expect("given")[0];
    let [mount] = &*mounts(&task, &definition, container, points) else { panic!("one mount") };
    assert_eq!((mount.target.as_str(), mount.read_only), ("/data", true));
    (mount.source.clone(), wanted(&task, &definition, points))
}

fn efs(root: Option<&str>, point: Option<&str>) -> Volume {
    volume(|volume| {
        volume.efs_volume_configuration = Some(Box::new(EFSVolumeConfiguration {
            file_system_id: Some("fs-12".to_owned()),
            root_directory: root.map(str::to_owned),
            authorization_config: point.map(|id| {
                Box::new(EFSAuthorizationConfig {
                    access_point_id: Some(id.to_owned()),
                    ..EFSAuthorizationConfig::default()
                })
            }),
            ..EFSVolumeConfiguration::default()
        }));
    })
}

fn shared(wanted: &Wanted) -> &VolumeSpec {
    match wanted {
        Wanted::Shared(spec) => spec,
        other => panic!("it is shared, not {other:?}"),
    }
}

#[test]
fn a_path_of_the_host_needs_no_volume() {
    let path = Some("/srv".to_owned());
    let host = volume(|volume| volume.host = Some(Box::new(HostVolumeProperties { source_path: path })));
    assert_eq!(one(host, &[]), (MountSource::Host("/srv".to_owned()), Vec::new()));
}

#[test]
fn an_empty_volume_is_the_task_s_own() {
    let (source, wanted) = one(volume(|volume| volume.host = Some(Box::default())), &[]);
    let [Wanted::Own(spec)] = &*wanted else { panic!("{wanted:?}") };
    assert!(spec.name.starts_with("ecs-web-1-data-") && spec.name.len() == "ecs-web-1-data-".len() + 20, "{spec:?}");
    assert_eq!(source, MountSource::Volume { name: spec.name.clone(), image_content: true });
    assert_eq!(spec.labels[SCOPE_LABEL], "task");
    assert!(spec.labels[TASK_ARN_LABEL].starts_with("arn:aws:ecs:"));
    let (task, other) = (with(vec![]).0, fixtures::task(&with(vec![]).1, 2));
    assert_ne!(engine_name(&task, "data"), engine_name(&other, "data"));
}

#[test]
fn docker_volumes_live_as_long_as_their_scope() {
    let docker = |scope, autoprovision| {
        volume(|volume| {
            volume.docker_volume_configuration = Some(Box::new(DockerVolumeConfiguration {
                scope: Some(scope),
                autoprovision,
                driver: Some("nfs".to_owned()),
                driver_opts: Some(BTreeMap::from([("o".to_owned(), "addr=x".to_owned())])),
                labels: Some(BTreeMap::from([("team".to_owned(), "a".to_owned())])),
            }));
        })
    };
    let source = VolumeSource::Driver {
        driver: Some("nfs".to_owned()),
        options: BTreeMap::from([("o".to_owned(), "addr=x".to_owned())]),
    };
    let (_, wanted) = one(docker(Scope::Task, None), &[]);
    let [Wanted::Own(spec)] = &*wanted else { panic!("{wanted:?}") };
    assert_eq!((&spec.source, spec.labels["team"].as_str()), (&source, "a"));
    let (mount, wanted) = one(docker(Scope::Shared, Some(true)), &[]);
    assert_eq!(mount, MountSource::Volume { name: "data".to_owned(), image_content: true });
    let spec = shared(&wanted[0]);
    assert_eq!((spec.name.as_str(), &spec.source, spec.labels[SCOPE_LABEL].as_str()), ("data", &source, "shared"));
    assert_eq!(one(docker(Scope::Shared, None), &[]).1, [Wanted::Existing("data".to_owned())]);
}

#[test]
fn a_file_system_is_a_volume_and_so_is_a_directory_of_it() {
    for whole in [None, Some("/"), Some("")] {
        let (mount, wanted) = one(efs(whole, None), &[]);
        assert_eq!(mount, MountSource::Volume { name: "localecs-efs-fs-12".to_owned(), image_content: false });
        assert_eq!(wanted.len(), 1);
        assert_eq!(shared(&wanted[0]).name, "localecs-efs-fs-12");
    }
    let (mount, wanted) = one(efs(Some("/a/b/"), None), &[]);
    let (whole, part) = (shared(&wanted[0]), shared(&wanted[1]));
    assert_eq!(mount, MountSource::Volume { name: part.name.clone(), image_content: false });
    let directory = VolumeSource::Directory { volume: whole.name.clone(), path: "a/b".to_owned() };
    assert_eq!((&part.source, part.permissions), (&directory, None));
    // Two volumes on one file system make it once.
    let mut second = efs(Some("/c"), None);
    second.name = Some("second".to_owned());
    let (task, definition) = with(vec![efs(Some("/a"), None), second]);
    assert_eq!(super::wanted(&task, &definition, &[]).len(), 3);
}

#[test]
fn an_access_point_is_what_the_user_says_or_a_directory_of_its_own() {
    let (_, wanted) = one(efs(Some("/"), Some("fsap-1")), &[]);
    let part = shared(&wanted[1]);
    let directory = |path: &str| VolumeSource::Directory { volume: "localecs-efs-fs-12".into(), path: path.into() };
    assert_eq!(part.source, directory("fsap-1"));
    assert_eq!(part.permissions, Some(Permissions { user: 0, group: 0, mode: 0o777 }));
    let points = ["fsap-1=/home/x:1000:1001:0700".parse().expect("complete"), "fsap-2=/".parse().expect("complete")];
    let (_, wanted) = one(efs(None, Some("fsap-1")), &points);
    let part = shared(&wanted[1]);
    assert_eq!(part.source, directory("home/x"));
    assert_eq!(part.permissions, Some(Permissions { user: 1000, group: 1001, mode: 0o700 }));
    assert_eq!(one(efs(None, Some("fsap-2")), &points).1.len(), 1, "its root is the file system's");
}

#[test]
fn a_managed_volume_goes_with_its_task_unless_it_is_to_stay() {
    let (mut task, mut definition) = with(vec![volume(|volume| volume.configured_at_launch = Some(true))]);
    let settings = |delete_on_termination| ManagedVolume {
        name: "data".to_owned(),
        role_arn: "role".to_owned(),
        delete_on_termination,
        snapshot_id: None,
    };
    let ids = crate::ids::IdSource::seeded(1);
    task.managed_volume = Some(Box::new(VolumeAttachment::new(settings(true), &ids)));
    let name = format!("localecs-ebs-{}", task.managed_volume.as_ref().expect("set").volume_id);
    let [Wanted::Own(spec)] = &*wanted(&task, &definition, &[]) else { panic!("it goes with the task") };
    assert_eq!((&spec.name, spec.permissions), (&name, None));
    definition.container_definitions.as_mut().expect("given")[0].user = Some("1000:1000".to_owned());
    task.managed_volume = Some(Box::new(VolumeAttachment::new(settings(false), &ids)));
    let wanted = wanted(&task, &definition, &[]);
    assert_eq!(shared(&wanted[0]).permissions.map(|permissions| permissions.mode), Some(0o777));
}

#[test]
fn an_attachment_follows_its_volume() {
    let (mut task, _) = with(vec![]);
    let settings =
        ManagedVolume { name: "data".into(), role_arn: "role".into(), delete_on_termination: true, snapshot_id: None };
    task.managed_volume = Some(Box::new(VolumeAttachment::new(settings, &crate::ids::IdSource::seeded(1))));
    assert!(lacks_attachment(&task));
    let (mut ready, mut failed) = (ObservedTask::default(), ObservedTask::default());
    ready.volumes.ready = true;
    failed.volumes.failure = Some("no room".to_owned());
    let mut other = task.clone();
    attach(&mut other, &failed);
    let attachment = other.managed_volume.expect("set");
    assert_eq!((attachment.status.as_str(), attachment.status_reason.as_deref()), ("FAILED", Some("no room")));
    attach(&mut task, &ready);
    assert!(!lacks_attachment(&task));
    attach(&mut task, &failed);
    detach(&mut task);
    assert_eq!(task.managed_volume.expect("set").status, "DELETED");
}

#[test]
fn mounts_of_other_containers_are_taken_by_their_names_on_the_engine() {
    let from = VolumeFrom { source_container: Some("db".to_owned()), read_only: Some(true) };
    let container = ContainerDefinition { volumes_from: Some(vec![from]), ..ContainerDefinition::default() };
    let expected = VolumesFrom { container: "ecs-db".to_owned(), read_only: true };
    assert_eq!(volumes_from(&container, |name| format!("ecs-{name}")), [expected]);
}
