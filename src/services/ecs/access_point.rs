//! Access points of file systems: there is no EFS API here, so the user says what they are.

use std::str::FromStr;

use crate::runtime::Permissions;

/// What an access point leads to: `fsap-0123=/data:1000:1000:0750`, owner and mode optional.
/// <https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    pub id: String,
    /// In its file system, without the slash in front; empty for the root.
    pub root_directory: String,
    /// Of the root directory, when it is made.
    pub permissions: Permissions,
}

/// Why a text says nothing about an access point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not ID=/DIRECTORY or ID=/DIRECTORY:UID:GID or ID=/DIRECTORY:UID:GID:MODE (mode in octal)")]
pub struct NotAnAccessPoint(String);

impl FromStr for AccessPoint {
    type Err = NotAnAccessPoint;

    fn from_str(text: &str) -> Result<Self, NotAnAccessPoint> {
        parse(text).ok_or_else(|| NotAnAccessPoint(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<AccessPoint> {
    let (id, rest) = text.split_once('=')?;
    let mut parts = rest.split(':');
    let root_directory = directory(parts.next().filter(|path| path.starts_with('/'))?)?;
    let parts: Vec<&str> = parts.collect();
    let permissions = match &*parts {
        [] => Permissions::default(),
        [user, group, mode @ ..] if mode.len() <= 1 => Permissions {
            user: user.parse().ok()?,
            group: group.parse().ok()?,
            mode: mode.first().map_or(Some(0o755), |mode| u32::from_str_radix(mode, 8).ok())?,
        },
        _ => return None,
    };
    (!id.is_empty() && permissions.mode <= 0o7777).then(|| AccessPoint {
        id: id.to_owned(),
        root_directory,
        permissions,
    })
}

/// A path without the slashes around it and the parts that mean nothing; `None` if it leads out of its root. Windows'
/// separators are taken too.
#[must_use]
pub fn directory(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_point_is_a_directory_and_its_owner() {
        let point = |text: &str| text.parse::<AccessPoint>();
        let bare = point("fsap-1=/a//b/").expect("complete");
        assert_eq!((bare.id.as_str(), bare.root_directory.as_str()), ("fsap-1", "a/b"));
        assert_eq!(bare.permissions, Permissions { user: 0, group: 0, mode: 0o755 });
        let full = point("fsap-1=/:1000:2000:0750").expect("complete");
        assert_eq!(full.root_directory, "");
        assert_eq!(full.permissions, Permissions { user: 1000, group: 2000, mode: 0o750 });
        for wrong in
            ["fsap-1", "fsap-1=a", "=/a", "fsap-1=/a:1", "fsap-1=/a:1:2:9", "fsap-1=/../x", "fsap-1=/a:1:2:3:4"]
        {
            assert!(point(wrong).is_err(), "{wrong}");
        }
    }
}
