//! The volumes of tasks.

use bollard::body_full;
use bollard::models::{ContainerCreateBody, HostConfig, Volume, VolumeCreateRequest};
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptions, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, UploadToContainerOptionsBuilder,
};
use std::collections::HashMap;

use super::errors::{CallError, CallResult, within};
use super::{Engine, archive, filters, limits};
use crate::runtime::{
    MountSource, Permissions, ROLE_LABEL, Result, RuntimeError, STORE_LABEL, VolumeObservation, VolumeSource,
    VolumeSpec,
};

/// Where the container that makes directories has the volume.
const MOUNTED_AT: &str = "/volume";

impl Engine {
    pub(super) async fn ensure_volume(&self, spec: &VolumeSpec) -> Result<VolumeObservation> {
        // Directories and permissions are made once: nobody may look between the volume and them.
        let _making = self.making_volumes.lock().await;
        if let Some(found) = self.volume(&spec.name).await.map_err(CallError::about_volume)? {
            return Ok(observation(found));
        }
        let (driver, options) = match &spec.source {
            VolumeSource::Driver { driver, options } => (driver.clone(), options.clone().into_iter().collect()),
            VolumeSource::Directory { volume, path } => (None, self.directory(volume, path, spec.permissions).await?),
        };
        let mut labels: HashMap<String, String> = spec.labels.clone().into_iter().collect();
        labels.insert(STORE_LABEL.to_owned(), self.store.to_string());
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            driver,
            driver_opts: Some(options),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let made = within(limits::VOLUME, self.docker.create_volume(request)).await.map_err(CallError::about_volume)?;
        if let (VolumeSource::Driver { .. }, Some(permissions)) = (&spec.source, spec.permissions) {
            self.in_volume(&spec.name, ".", permissions).await?;
        }
        tracing::debug!(volume = spec.name, driver = made.driver, "volume made");
        Ok(observation(made))
    }

    pub(super) async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeObservation>> {
        Ok(self.volume(name).await.map_err(CallError::about_volume)?.map(observation))
    }

    pub(super) async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.volume(name).await.map_err(CallError::about_volume)? {
            Some(found) if found.labels.get(STORE_LABEL).map(String::as_str) == Some(&*self.store) => {}
            _ => return Ok(()),
        }
        match within(limits::VOLUME, self.docker.remove_volume(name, None::<RemoveVolumeOptions>)).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.about_volume()),
        }
    }

    pub(super) async fn list_volumes(&self) -> Result<Vec<VolumeObservation>> {
        let options = ListVolumesOptionsBuilder::new().filters(&filters([("label", self.store_filter())])).build();
        let found =
            within(limits::LIST, self.docker.list_volumes(Some(options))).await.map_err(CallError::about_volume)?;
        let mut volumes: Vec<_> = found.volumes.unwrap_or_default().into_iter().map(observation).collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    async fn volume(&self, name: &str) -> CallResult<Option<Volume>> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
            return Err(CallError::Other(format!("{name:?} is no name for a volume")));
        }
        match within(limits::INSPECT, self.docker.inspect_volume(name)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory unless it is there, and returns the options of a volume that shows it alone.
    async fn directory(
        &self,
        volume: &str,
        path: &str,
        permissions: Option<Permissions>,
    ) -> Result<HashMap<String, String>> {
        let fail = |message| RuntimeError::Volume { message };
        if path.is_empty()
            || path.len() > archive::LONGEST_NAME
            || path.split('/').any(|p| matches!(p, "" | "." | ".."))
        {
            return Err(fail(format!("invalid directory {path:?} of volume {volume}")));
        }
        let of = self.volume(volume).await.map_err(CallError::about_volume)?;
        let of = of.ok_or_else(|| fail(format!("get {volume}: no such volume")))?;
        self.in_volume(volume, path, permissions.unwrap_or_default()).await?;
        let options =
            [("type", "none".to_owned()), ("o", "bind".to_owned()), ("device", format!("{}/{path}", of.mountpoint))];
        Ok(options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Makes a directory in a volume, with these permissions, unless it is there; those of `.` (its root) are set. A
    /// container that is never started does it: the engine puts files into its volumes.
    async fn in_volume(&self, volume: &str, path: &str, permissions: Permissions) -> Result<()> {
        let body = ContainerCreateBody {
            image: Some(self.pause_image().await?),
            labels: Some(HashMap::from([
                (STORE_LABEL.to_owned(), self.store.to_string()),
                (ROLE_LABEL.to_owned(), "volume".to_owned()),
            ])),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{volume}:{MOUNTED_AT}:nocopy")]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let container = within(limits::CREATE, self.docker.create_container(None::<CreateContainerOptions>, body))
            .await
            .map_err(CallError::about_volume)?
            .id;
        let put = self.put_directory(&container, path, permissions).await;
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let removed = within(limits::REMOVE, self.docker.remove_container(&container, Some(options))).await;
        put.map_err(CallError::about_volume)?;
        removed.map_err(CallError::about_volume)
    }

    async fn put_directory(&self, container: &str, path: &str, permissions: Permissions) -> CallResult<()> {
        if path != "." {
            let options = ContainerArchiveInfoOptionsBuilder::new().path(&format!("{MOUNTED_AT}/{path}")).build();
            match within(limits::INSPECT, self.docker.get_container_archive_info(container, Some(options))).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        // The engine passes over `.`: the root has its name in the directory above.
        let (above, name) = match path {
            "." => ("/", MOUNTED_AT.trim_start_matches('/')),
            path => (MOUNTED_AT, path),
        };
        let options = UploadToContainerOptionsBuilder::new().path(above).build();
        let archive = archive::directory(&format!("{name}/"), permissions);
        within(limits::VOLUME, self.docker.upload_to_container(container, Some(options), body_full(archive))).await
    }
}

fn observation(volume: Volume) -> VolumeObservation {
    let Volume { name, driver, labels, mountpoint, .. } = volume;
    VolumeObservation { name, driver, labels: labels.into_iter().collect(), mountpoint }
}

/// A mount as the engine's `Binds` have it: `source:target:options`.
pub(super) fn bind(mount: &crate::runtime::Mount) -> String {
    let (source, image_content) = match &mount.source {
        MountSource::Host(path) => (path, true),
        MountSource::Volume { name, image_content } => (name, *image_content),
    };
    let mut bind = format!("{source}:{}", mount.target);
    let options = [(mount.read_only, "ro"), (!image_content, "nocopy")];
    let options: Vec<_> = options.into_iter().filter_map(|(given, option)| given.then_some(option)).collect();
    if !options.is_empty() {
        bind = format!("{bind}:{}", options.join(","));
    }
    bind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Mount;

    #[test]
    fn mounts_are_binds() {
        let mount = |source, read_only| bind(&Mount { source, target: "/data".into(), read_only });
        let volume = |image_content| MountSource::Volume { name: "db".into(), image_content };
        assert_eq!(mount(MountSource::Host("/srv/x".into()), false), "/srv/x:/data");
        assert_eq!(mount(MountSource::Host("/srv/x".into()), true), "/srv/x:/data:ro");
        assert_eq!(mount(volume(true), false), "db:/data");
        assert_eq!(mount(volume(false), true), "db:/data:ro,nocopy");
    }
}
