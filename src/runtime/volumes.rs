//! Volumes: where containers keep files, and how a container mounts them.

use std::collections::BTreeMap;

/// A volume to be made.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VolumeSpec {
    pub name: String,
    /// The store's label is added by the runtime.
    pub labels: BTreeMap<String, String>,
    pub source: VolumeSource,
    /// Of the volume's root directory, when it is made now.
    pub permissions: Option<Permissions>,
}

/// What a volume is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A driver of the engine makes it; its own one (`local`) when none is named.
    Driver { driver: Option<String>, options: BTreeMap<String, String> },
    /// A directory of another volume, which must exist; the directory is made when it is missing. `path` is relative
    /// to that volume's root, without `.` and `..`.
    Directory { volume: String, path: String },
}

impl Default for VolumeSource {
    fn default() -> Self {
        Self::Driver { driver: None, options: BTreeMap::new() }
    }
}

/// Who may do what with a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub user: u32,
    pub group: u32,
    /// As chmod takes it: `0o755`.
    pub mode: u32,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { user: 0, group: 0, mode: 0o755 }
    }
}

/// A volume that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeObservation {
    pub name: String,
    pub driver: String,
    pub labels: BTreeMap<String, String>,
    /// Where the engine's machine has it.
    pub mountpoint: String,
}

/// What a container sees at a path of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub source: MountSource,
    /// The path in the container.
    pub target: String,
    pub read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A path on the engine's machine; the engine makes a directory there when nothing is.
    Host(String),
    /// A volume by name. With `image_content`, an empty one is filled with what the image has at the path.
    Volume { name: String, image_content: bool },
}

/// All mounts of another container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumesFrom {
    /// The engine's name or id of it; it must exist.
    pub container: String,
    pub read_only: bool,
}
