//! Pure: which of the engine's volumes stand for a task's volumes, and how its containers mount them.
//!
//! A volume of the task's own is called as the ECS agent calls it. A file system (EFS, FSx, S3 Files) is a volume
//! that all tasks share, a directory of it another volume that shows the directory alone. A managed EBS volume is one
//! of its own. See docs/storage.md.

use std::collections::BTreeMap;

use api_models::ecs::{self, ContainerDefinition, DockerVolumeConfiguration, EFSVolumeConfiguration, Scope, Volume};
use sha2::{Digest, Sha256};

use super::observed::ObservedTask;
use crate::runtime::{
    Mount, MountSource, Permissions, SCOPE_LABEL, TASK_ARN_LABEL, VolumeSource, VolumeSpec, VolumesFrom,
};
use crate::services::ecs::access_point::{AccessPoint, directory};
use crate::services::ecs::resources::{Task, VolumeAttachment};

/// The value of [`SCOPE_LABEL`] on what goes with its task,
pub(super) const TASK_SCOPE: &str = "task";
/// and on what stays.
pub(super) const SHARED_SCOPE: &str = "shared";

/// A volume that must be there before the task's containers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Made for the task, and removed after it.
    Own(VolumeSpec),
    /// Made unless it exists, and never removed with a task.
    Shared(VolumeSpec),
    /// The user made it, or nobody did.
    Existing(String),
}

/// All volumes of the task's definition, in the order in which they are to be made.
pub(super) fn wanted(task: &Task, definition: &ecs::TaskDefinition, points: &[AccessPoint]) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for volume in definition.volumes.iter().flatten() {
        for one in resolve(task, definition, volume, points).1 {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// What a container mounts, in the order of its mount points.
pub(super) fn mounts(
    task: &Task,
    definition: &ecs::TaskDefinition,
    container: &ContainerDefinition,
    points: &[AccessPoint],
) -> Vec<Mount> {
    let mount_points = container.mount_points.iter().flatten();
    mount_points
        .filter_map(|point| {
            let volumes = definition.volumes.iter().flatten();
            let volume = volumes.into_iter().find(|volume| volume.name == point.source_volume)?;
            Some(Mount {
                source: resolve(task, definition, volume, points).0,
                target: point.container_path.clone()?,
                read_only: point.read_only == Some(true),
            })
        })
        .collect()
}

/// The containers whose mounts a container has too; `host_name` says what the engine calls them.
pub(super) fn volumes_from(container: &ContainerDefinition, host_name: impl Fn(&str) -> String) -> Vec<VolumesFrom> {
    let all = container.volumes_from.iter().flatten();
    all.filter_map(|from| {
        let read_only = from.read_only == Some(true);
        Some(VolumesFrom { container: host_name(from.source_container.as_deref()?), read_only })
    })
    .collect()
}

/// How a volume is mounted, and what must be there for it.
fn resolve(
    task: &Task,
    definition: &ecs::TaskDefinition,
    volume: &Volume,
    points: &[AccessPoint],
) -> (MountSource, Vec<Wanted>) {
    let name = volume.name.as_deref().unwrap_or_default();
    if let Some(path) = volume.host.as_ref().and_then(|host| host.source_path.clone()) {
        return (MountSource::Host(path), Vec::new());
    }
    if let Some(docker) = &volume.docker_volume_configuration {
        return docker_volume(task, name, docker);
    }
    if let Some(efs) = &volume.efs_volume_configuration {
        return elastic(efs, points);
    }
    if let Some(fsx) = &volume.fsx_windows_file_server_volume_configuration {
        let file_system = format!("localecs-fsx-{}", clean(fsx.file_system_id.as_deref()));
        return file_system_volume(file_system, fsx.root_directory.as_deref(), None);
    }
    if let Some(s3) = &volume.s3files_volume_configuration {
        let id = |arn: &Option<String>| arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
        let file_system = format!("localecs-s3files-{}", clean(id(&s3.file_system_arn).as_deref()));
        let point = id(&s3.access_point_arn);
        return file_system_volume(file_system, s3.root_directory.as_deref(), access_point(point.as_deref(), points));
    }
    match &task.managed_volume {
        Some(attachment) if attachment.settings.name == name => elastic_block(task, definition, attachment),
        // A directory of the task, of which the engine chooses the place.
        _ => own(task, name, VolumeSource::default(), BTreeMap::new()),
    }
}

/// A volume that the containers of one task share; an empty one takes what the image has at the path.
fn own(
    task: &Task,
    name: &str,
    source: VolumeSource,
    mut labels: BTreeMap<String, String>,
) -> (MountSource, Vec<Wanted>) {
    labels.extend(own_labels(task));
    let spec = VolumeSpec { name: engine_name(task, name), labels, source, permissions: None };
    (MountSource::Volume { name: spec.name.clone(), image_content: true }, vec![Wanted::Own(spec)])
}

/// A volume that is there for the task, and for nothing of its definition. Its name is short: that of a socket in it
/// must fit into 108 bytes, on the engine's machine.
pub(super) fn of_task(task: &Task, purpose: &str) -> VolumeSpec {
    let name = format!("localecs-{purpose}-{}", digits(&format!("{}/{purpose}", task.key.arn()), 10));
    VolumeSpec { name, labels: own_labels(task).into(), source: VolumeSource::default(), permissions: None }
}

fn own_labels(task: &Task) -> [(String, String); 2] {
    [(SCOPE_LABEL.to_owned(), TASK_SCOPE.to_owned()), (TASK_ARN_LABEL.to_owned(), task.key.arn())]
}

fn shared_label() -> (String, String) {
    (SCOPE_LABEL.to_owned(), SHARED_SCOPE.to_owned())
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DockerVolumeConfiguration.html>
fn docker_volume(task: &Task, name: &str, docker: &DockerVolumeConfiguration) -> (MountSource, Vec<Wanted>) {
    let mut labels = docker.labels.clone().unwrap_or_default();
    let source = VolumeSource::Driver {
        driver: docker.driver.clone().filter(|driver| !driver.is_empty()),
        options: docker.driver_opts.clone().unwrap_or_default(),
    };
    if docker.scope != Some(Scope::Shared) {
        return own(task, name, source, labels);
    }
    let mount = MountSource::Volume { name: name.to_owned(), image_content: true };
    if docker.autoprovision != Some(true) {
        return (mount, vec![Wanted::Existing(name.to_owned())]);
    }
    labels.extend([shared_label()]);
    (mount, vec![Wanted::Shared(VolumeSpec { name: name.to_owned(), labels, source, permissions: None })])
}

fn elastic(efs: &EFSVolumeConfiguration, points: &[AccessPoint]) -> (MountSource, Vec<Wanted>) {
    let file_system = format!("localecs-efs-{}", clean(efs.file_system_id.as_deref()));
    let point = efs.authorization_config.as_ref().and_then(|config| config.access_point_id.as_deref());
    file_system_volume(file_system, efs.root_directory.as_deref(), access_point(point, points))
}

/// What is known of the access point; of one that nothing is known of, a directory of its own that all may write to.
fn access_point(id: Option<&str>, points: &[AccessPoint]) -> Option<AccessPoint> {
    let id = id.filter(|id| !id.is_empty())?;
    let known = points.iter().find(|point| point.id == id).cloned();
    Some(known.unwrap_or_else(|| AccessPoint {
        id: id.to_owned(),
        root_directory: clean(Some(id)),
        permissions: Permissions { mode: 0o777, ..Permissions::default() },
    }))
}

/// A file system, or the directory of it that is asked for. It comes over the network: nothing of the image goes there.
fn file_system_volume(
    name: String,
    root_directory: Option<&str>,
    point: Option<AccessPoint>,
) -> (MountSource, Vec<Wanted>) {
    let labels = BTreeMap::from([shared_label()]);
    let whole = VolumeSpec { name: name.clone(), labels: labels.clone(), ..VolumeSpec::default() };
    let (path, permissions) = match point {
        Some(point) => (point.root_directory, Some(point.permissions)),
        None => (root_directory.and_then(directory).unwrap_or_default(), None),
    };
    let mount = |name: &str| MountSource::Volume { name: name.to_owned(), image_content: false };
    if path.is_empty() {
        return (mount(&name), vec![Wanted::Shared(whole)]);
    }
    let part = VolumeSpec {
        name: format!("{name}-{}", digits(&path, 6)),
        labels,
        source: VolumeSource::Directory { volume: name, path },
        permissions,
    };
    (mount(&part.name), vec![Wanted::Shared(whole), Wanted::Shared(part)])
}

fn elastic_block(
    task: &Task,
    definition: &ecs::TaskDefinition,
    attachment: &VolumeAttachment,
) -> (MountSource, Vec<Wanted>) {
    let spec = |labels| VolumeSpec {
        name: format!("localecs-ebs-{}", attachment.volume_id),
        labels,
        source: VolumeSource::default(),
        permissions: permissions_for(definition, &attachment.settings.name),
    };
    let wanted = match attachment.settings.delete_on_termination {
        true => Wanted::Own(spec(own_labels(task).into())),
        // It is the user's from then on.
        false => Wanted::Shared(spec(BTreeMap::from([shared_label()]))),
    };
    let name = format!("localecs-ebs-{}", attachment.volume_id);
    (MountSource::Volume { name, image_content: false }, vec![wanted])
}

/// ECS sees to it that containers of users other than root can write to the volume. It gives it to their group; here
/// whoever mounts it may write, for who a name stands for only the image knows.
fn permissions_for(definition: &ecs::TaskDefinition, volume: &str) -> Option<Permissions> {
    let mut containers = definition.container_definitions.iter().flatten();
    let others = containers.any(|container| {
        let mounts = container.mount_points.iter().flatten().any(|m| m.source_volume.as_deref() == Some(volume));
        let user = container.user.as_deref().unwrap_or_default();
        mounts && !matches!(user.split(':').next(), None | Some("" | "0" | "root"))
    });
    others.then_some(Permissions { mode: 0o777, ..Permissions::default() })
}

/// `ecs-<family>-<revision>-<volume>-<20 hex digits>`, as the agent names the volumes of a task. The digits follow
/// from the task.
fn engine_name(task: &Task, volume: &str) -> String {
    let (family, revision) = (&task.task_definition.family, task.task_definition.revision);
    format!("ecs-{family}-{revision}-{volume}-{}", digits(&format!("{}/volumes/{volume}", task.key.arn()), 10))
}

fn digits(text: &str, bytes: usize) -> String {
    Sha256::digest(text).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// What of an id can stand in a volume's name.
fn clean(id: Option<&str>) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    id.unwrap_or_default().chars().map(allowed).collect()
}

/// Notes in the task how its managed volume fares.
pub(super) fn attach(task: &mut Task, observed: &ObservedTask) {
    let Some(attachment) = &mut task.managed_volume else { return };
    if attachment.status != VolumeAttachment::CREATED {
        return;
    }
    if observed.volumes.ready {
        VolumeAttachment::ATTACHED.clone_into(&mut attachment.status);
    } else if let Some(failure) = &observed.volumes.failure {
        VolumeAttachment::FAILED.clone_into(&mut attachment.status);
        attachment.status_reason = Some(failure.clone());
    }
}

/// Whether the task waits for its managed volume.
pub(super) fn lacks_attachment(task: &Task) -> bool {
    task.managed_volume.as_ref().is_some_and(|attachment| attachment.status == VolumeAttachment::CREATED)
}

/// Notes that the task has no managed volume any more.
pub(super) fn detach(task: &mut Task) {
    if let Some(attachment) = &mut task.managed_volume
        && attachment.status != VolumeAttachment::FAILED
    {
        VolumeAttachment::DELETED.clone_into(&mut attachment.status);
    }
}

#[cfg(test)]
#[path = "volumes_tests.rs"]
mod tests;
