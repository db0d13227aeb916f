//! What every runtime promises of volumes.

use std::collections::BTreeMap;

use localecs::runtime::{
    ContainerNetwork, Mount, MountSource, Permissions, RuntimeError, STORE_LABEL, VolumeSource, VolumeSpec,
};

use crate::support::{Does, Harness};

fn volume(harness: &Harness, name: &str) -> VolumeSpec {
    let labels = BTreeMap::from([("test.name".to_owned(), name.to_owned())]);
    VolumeSpec { name: harness.name(name), labels, ..VolumeSpec::default() }
}

fn mounted(volume: &VolumeSpec, target: &str) -> Mount {
    let source = MountSource::Volume { name: volume.name.clone(), image_content: true };
    Mount { source, target: target.to_owned(), read_only: false }
}

pub(crate) async fn volumes_are_made_once_and_stay_while_they_are_used(harness: Harness) {
    let spec = volume(&harness, "data");
    assert_eq!(harness.runtime.inspect_volume(&spec.name).await, Ok(None));
    let made = harness.runtime.ensure_volume(&spec).await.expect("it is made");
    assert_eq!((&made.name, made.driver.as_str()), (&spec.name, "local"));
    assert_eq!(made.labels.get(STORE_LABEL), Some(&harness.store));
    assert_eq!(made.labels.get("test.name").map(String::as_str), Some("data"));
    let again = VolumeSpec { labels: BTreeMap::new(), ..spec.clone() };
    assert_eq!(harness.runtime.ensure_volume(&again).await.as_ref(), Ok(&made), "it is left as it is");
    assert_eq!(harness.other.ensure_volume(&again).await.as_ref(), Ok(&made), "whoever made it");
    assert_eq!(harness.other.inspect_volume(&spec.name).await, Ok(Some(made.clone())));
    assert_eq!(harness.runtime.list_volumes().await, Ok(vec![made.clone()]));
    assert_eq!(harness.other.list_volumes().await, Ok(Vec::new()));

    let mut user = harness.spec("user", &Does::Sleep);
    user.mounts = vec![mounted(&spec, "/data")];
    let user = harness.create(&user).await;
    let error = harness.runtime.remove_volume(&spec.name).await.expect_err("a container uses it");
    assert!(matches!(&error, RuntimeError::Volume { message } if message.contains("volume is in use")), "{error:?}");
    harness.runtime.remove_container(&user).await.expect("it is removed");
    harness.other.remove_volume(&spec.name).await.expect("it is not theirs, so there is nothing to remove");
    assert_eq!(harness.runtime.list_volumes().await, Ok(vec![made]));
    harness.runtime.remove_volume(&spec.name).await.expect("nobody uses it");
    harness.runtime.remove_volume(&spec.name).await.expect("it is gone");
    assert_eq!(harness.runtime.list_volumes().await, Ok(Vec::new()));
}

pub(crate) async fn a_volume_can_be_a_directory_of_another(harness: Harness) {
    let whole = volume(&harness, "whole");
    let mut part = volume(&harness, "part");
    part.source = VolumeSource::Directory { volume: whole.name.clone(), path: "a/b".to_owned() };
    part.permissions = Some(Permissions { user: 1000, group: 2000, mode: 0o750 });
    let error = harness.runtime.ensure_volume(&part).await.expect_err("there is no whole yet");
    assert!(matches!(&error, RuntimeError::Volume { message } if message.contains("no such volume")), "{error:?}");
    harness.runtime.ensure_volume(&whole).await.expect("it is made");
    harness.runtime.ensure_volume(&part).await.expect("it is made");
    let names: Vec<_> = harness.runtime.list_volumes().await.expect("listed").into_iter().map(|v| v.name).collect();
    assert_eq!(names, [part.name.clone(), whole.name.clone()]);
    assert_eq!(harness.runtime.list_containers().await, Ok(Vec::new()), "whoever made the directory is gone");

    let mut watch = harness.watch().await;
    let mut writer = harness.spec("writer", &Does::Write("/part/file".to_owned()));
    writer.network = ContainerNetwork::None;
    writer.user = Some("1000:2000".to_owned());
    writer.mounts = vec![mounted(&part, "/part")];
    let writer = harness.start(&writer).await.id;
    assert_eq!(watch.exit(&writer).await.exit_code, 0, "it is the owner's");
    let mut reader = harness.spec("reader", &Does::Read("/whole/a/b/file".to_owned()));
    reader.network = ContainerNetwork::None;
    reader.mounts = vec![mounted(&whole, "/whole")];
    let reader = harness.start(&reader).await.id;
    assert_eq!(watch.exit(&reader).await.exit_code, 0, "it is the same file");
}

pub(crate) async fn a_volume_has_the_permissions_it_was_made_with(harness: Harness) {
    let mut spec = volume(&harness, "open");
    spec.permissions = Some(Permissions { user: 0, group: 0, mode: 0o777 });
    harness.runtime.ensure_volume(&spec).await.expect("it is made");
    let mut watch = harness.watch().await;
    let mut writer = harness.spec("writer", &Does::Write("/data/file".to_owned()));
    writer.network = ContainerNetwork::None;
    writer.user = Some("1000".to_owned());
    writer.mounts = vec![mounted(&spec, "/data")];
    let writer = harness.start(&writer).await.id;
    assert_eq!(watch.exit(&writer).await.exit_code, 0, "anybody may write");
}

pub(crate) async fn a_volume_that_nobody_can_make_is_an_error(harness: Harness) {
    let mut spec = volume(&harness, "x");
    spec.source = VolumeSource::Driver { driver: Some("no-such-driver".to_owned()), options: BTreeMap::new() };
    let error = harness.runtime.ensure_volume(&spec).await.expect_err("there is no such driver");
    assert!(matches!(&error, RuntimeError::Volume { message } if message.contains("no-such-driver")), "{error:?}");
    assert_eq!(harness.runtime.list_volumes().await, Ok(Vec::new()));
}
