//! Volumes, and the containers that mount them.

use std::collections::BTreeSet;

use api_models::ecs::{EFSAuthorizationConfigIAM, EFSTransitEncryption, EFSVolumeConfiguration, Volume};

use crate::services::ecs::access_point::directory;

use super::{Checked, Subject, ensure, list, name, names, refuse, text};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let volumes = list(&subject.input.volumes);
    let mut known = BTreeSet::new();
    for volume in volumes {
        let name = text(&volume.name);
        // (ours), all three
        ensure(!name.is_empty(), || "Volume.name should not be null or empty.".into())?;
        ensure(names::is_name(name), || "Volume.name contains invalid characters.".into())?;
        ensure(known.insert(name), || "Volume names must be unique within a task definition".into())?;
        kind(volume)?;
        directories(volume)?;
        s3_files(subject, volume)?;
    }
    let mut mounted = BTreeSet::new();
    for container in subject.containers {
        for mount in list(&container.mount_points) {
            let source = mount.source_volume.as_deref();
            let Some(source) = source.filter(|source| known.contains(source)) else {
                return refuse(format!("Unknown volume '{}'.", source.unwrap_or("null")));
            };
            mounted.insert(source);
            ensure(!text(&mount.container_path).is_empty(), || {
                format!("Invalid 'containerPath' setting for container '{}'.", name(container)) // (ours)
            })?;
        }
        for from in list(&container.volumes_from) {
            let source = text(&from.source_container);
            ensure(subject.container(source).is_some_and(|found| !std::ptr::eq(found, container)), || {
                format!("Unknown container '{source}'.") // (ours)
            })?;
        }
    }
    launch_time(volumes, &mounted)
}

/// A volume has one kind, or none: then it is an empty directory of the task.
fn kind(volume: &Volume) -> Checked {
    let host = volume.host.as_ref().and_then(|host| host.source_path.as_ref());
    ensure(host.is_none_or(|path| !path.trim().is_empty()), || "host.sourcePath should not be blank.".into())?;
    let kinds = [
        host.is_some(),
        volume.docker_volume_configuration.is_some(),
        volume.efs_volume_configuration.is_some(),
        volume.s3files_volume_configuration.is_some(),
        volume.fsx_windows_file_server_volume_configuration.is_some(),
        volume.configured_at_launch == Some(true),
    ];
    ensure(kinds.into_iter().filter(|given| *given).count() <= 1, || {
        // (ours)
        format!("Fields mutually exclusive: volume '{}' can have only one configuration.", text(&volume.name))
    })?;
    volume.efs_volume_configuration.as_ref().map_or(Ok(()), |efs| file_system(efs))
}

/// A directory of a file system can't lead out of it. (ours)
fn directories(volume: &Volume) -> Checked {
    let of = [
        volume.efs_volume_configuration.as_ref().and_then(|efs| efs.root_directory.as_deref()),
        volume.s3files_volume_configuration.as_ref().and_then(|s3| s3.root_directory.as_deref()),
        volume.fsx_windows_file_server_volume_configuration.as_ref().and_then(|fsx| fsx.root_directory.as_deref()),
    ];
    match of.into_iter().flatten().find(|path| directory(path).is_none()) {
        Some(path) => refuse(format!("Invalid root directory '{path}' for volume '{}'.", text(&volume.name))),
        None => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_S3FilesVolumeConfiguration.html>; sentences are (ours).
fn s3_files(subject: &Subject<'_>, volume: &Volume) -> Checked {
    let Some(s3) = &volume.s3files_volume_configuration else { return Ok(()) };
    ensure(subject.input.task_role_arn.as_deref().is_some_and(|role| !role.is_empty()), || {
        "S3 Files volumes require the task definition to have a task role.".into()
    })?;
    ensure(text(&s3.file_system_arn).starts_with("arn:"), || {
        format!("Invalid S3 Files file system ARN '{}'.", text(&s3.file_system_arn))
    })?;
    ensure(s3.access_point_arn.is_none() || matches!(s3.root_directory.as_deref(), None | Some("/" | "")), || {
        "When using an S3 Files access point, the root directory must either be set to \"/\" or be omitted.".into()
    })
}

fn file_system(efs: &EFSVolumeConfiguration) -> Checked {
    let encrypted = efs.transit_encryption == Some(EFSTransitEncryption::Enabled);
    let authorization = efs.authorization_config.as_ref();
    if authorization.and_then(|config| config.iam.as_ref()) == Some(&EFSAuthorizationConfigIAM::Enabled) {
        ensure(encrypted, || "EFS IAM authorization requires TransitEncryption to be enabled.".into())?;
    }
    if authorization.is_some_and(|config| config.access_point_id.is_some()) {
        ensure(matches!(efs.root_directory.as_deref(), None | Some("/" | "")), || {
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted.".into()
        })?;
        ensure(encrypted, || "EFS access point requires TransitEncryption to be enabled.".into())?; // (ours)
    }
    ensure(efs.transit_encryption_port.is_none() || encrypted, || {
        "TransitEncryptionPort requires that TransitEncryption is enabled.".into()
    })
}

/// A volume that the launch configures must be there for a container, and there can be only one.
fn launch_time(volumes: &[Volume], mounted: &BTreeSet<&str>) -> Checked {
    let names: Vec<&str> = volumes
        .iter()
        .filter(|volume| volume.configured_at_launch == Some(true))
        .map(|volume| text(&volume.name))
        .collect();
    ensure(names.len() <= 1, || "Only one volume can be configured at launch.".into())?; // (ours)
    let unused: Vec<&str> = names.into_iter().filter(|name| !mounted.contains(name)).collect();
    ensure(unused.is_empty(), || format!("Volumes [{}] are not referenced by any of the containers", unused.join(", ")))
}
