//! The simulated engine's volumes: names and labels, for there are no files. Its errors use Docker's words.

use std::collections::BTreeMap;

use crate::runtime::{Result, RuntimeError, STORE_LABEL, VolumeObservation, VolumeSource, VolumeSpec};

/// The one driver that every engine has.
const LOCAL: &str = "local";

#[derive(Debug, Default)]
pub(super) struct Volumes {
    by_name: BTreeMap<String, VolumeObservation>,
}

impl Volumes {
    pub(super) fn ensure(&mut self, store: &str, spec: &VolumeSpec) -> Result<VolumeObservation> {
        let fail = |message| Err(RuntimeError::Volume { message });
        if let Some(found) = self.by_name.get(&spec.name) {
            return Ok(found.clone());
        }
        match &spec.source {
            VolumeSource::Driver { driver: Some(driver), .. } if driver != LOCAL => {
                return fail(format!(
                    "create {}: error looking up volume plugin {driver}: plugin \"{driver}\" not found",
                    spec.name
                ));
            }
            VolumeSource::Directory { volume, .. } if !self.by_name.contains_key(volume) => {
                return fail(format!("get {volume}: no such volume"));
            }
            VolumeSource::Driver { .. } | VolumeSource::Directory { .. } => {}
        }
        let mut labels = spec.labels.clone();
        labels.insert(STORE_LABEL.to_owned(), store.to_owned());
        let mountpoint = format!("/var/lib/simulated/volumes/{}/_data", spec.name);
        let made = VolumeObservation { name: spec.name.clone(), driver: LOCAL.to_owned(), labels, mountpoint };
        self.by_name.insert(spec.name.clone(), made.clone());
        Ok(made)
    }

    pub(super) fn get(&self, name: &str) -> Option<&VolumeObservation> {
        self.by_name.get(name)
    }

    /// Removes a volume of the store; `user` is a container that mounts it.
    pub(super) fn remove(&mut self, store: &str, name: &str, user: Option<&str>) -> Result<()> {
        if !self.of_store(store).any(|volume| volume.name == name) {
            return Ok(());
        }
        if let Some(user) = user {
            return Err(RuntimeError::Volume { message: format!("remove {name}: volume is in use - [{user}]") });
        }
        self.by_name.remove(name);
        Ok(())
    }

    pub(super) fn of_store(&self, store: &str) -> impl Iterator<Item = &VolumeObservation> {
        self.by_name.values().filter(move |volume| volume.labels.get(STORE_LABEL).is_some_and(|label| label == store))
    }
}
