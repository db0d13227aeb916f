//! Pure: the agent of ECS Exec in a container, as the managed agents of DescribeTasks show it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedAgent.html>
//!
//! There is none here: the engine runs the commands. So it runs from the moment the container does, and where AWS's
//! could not run, it does not either.

use api_models::ecs::{ContainerDefinition, ManagedAgent, ManagedAgentName};

use super::{Container, Task, TaskStatus};
use crate::time::Timestamp;

/// Where the agent writes, each with its parents: with a read-only root, a volume or tmpfs must be at one of them.
const WRITES_TO: [[&str; 4]; 2] = [
    ["/var/lib/amazon/ssm", "/var/lib/amazon", "/var/lib", "/var"],
    ["/var/log/amazon/ssm", "/var/log/amazon", "/var/log", "/var"],
];
const READ_ONLY: &str = "The agent cannot write to the container's root filesystem, which is read-only.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecAgent {
    Pending,
    Running {
        /// When the container was started the last time.
        since: Option<Timestamp>,
    },
    /// It could not start in a container that runs.
    Failed,
    /// With its container.
    Stopped,
}

impl Task {
    /// How the agent in the container stands; `None` without `enableExecuteCommand`.
    #[must_use]
    pub fn exec_agent(&self, container: &Container) -> Option<ExecAgent> {
        if !self.enable_execute_command {
            return None;
        }
        Some(match container.last_status {
            TaskStatus::Stopped => ExecAgent::Stopped,
            TaskStatus::Running if container.exec_impossible => ExecAgent::Failed,
            TaskStatus::Running => ExecAgent::Running { since: container.started_at },
            _ => ExecAgent::Pending,
        })
    }
}

impl ExecAgent {
    pub(super) fn to_api(self) -> ManagedAgent {
        let status = match self {
            Self::Pending => TaskStatus::Pending,
            Self::Running { .. } => TaskStatus::Running,
            Self::Failed | Self::Stopped => TaskStatus::Stopped,
        };
        ManagedAgent {
            name: Some(ManagedAgentName::ExecuteCommandAgent),
            last_status: Some(status.as_str().to_owned()),
            last_started_at: match self {
                Self::Running { since } => since,
                Self::Pending | Self::Failed | Self::Stopped => None,
            },
            reason: (self == Self::Failed).then(|| READ_ONLY.to_owned()),
        }
    }
}

/// Whether AWS's agent could not run in such a container: it has to write.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>
pub(super) fn is_impossible(definition: &ContainerDefinition) -> bool {
    if definition.readonly_root_filesystem != Some(true) {
        return false;
    }
    let volumes = definition.mount_points.iter().flatten();
    let volumes = volumes.filter(|mount| mount.read_only != Some(true)).filter_map(|it| it.container_path.as_deref());
    let tmpfs = definition.linux_parameters.iter().flat_map(|parameters| parameters.tmpfs.iter().flatten());
    let tmpfs = tmpfs.filter_map(|tmpfs| tmpfs.container_path.as_deref());
    let writable: Vec<&str> = volumes.chain(tmpfs).map(|path| path.trim_end_matches('/')).collect();
    !WRITES_TO.iter().all(|places| places.iter().any(|place| writable.contains(place)))
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{LinuxParameters, MountPoint, Tmpfs};

    use super::*;

    fn mount(path: &str, read_only: bool) -> MountPoint {
        MountPoint { container_path: Some(path.to_owned()), read_only: Some(read_only), ..MountPoint::default() }
    }

    #[test]
    fn the_agent_needs_places_to_write() {
        let mut definition = ContainerDefinition::default();
        assert!(!is_impossible(&definition));
        definition.readonly_root_filesystem = Some(true);
        assert!(is_impossible(&definition));
        definition.mount_points = Some(vec![mount("/var/lib/amazon/", false), mount("/var/log/amazon/ssm", true)]);
        assert!(is_impossible(&definition));
        definition.mount_points = Some(vec![mount("/var/lib/amazon/", false), mount("/var/log/amazon/ssm", false)]);
        assert!(!is_impossible(&definition));
        definition.mount_points = None;
        let tmpfs = Tmpfs { container_path: Some("/var".to_owned()), ..Tmpfs::default() };
        definition.linux_parameters =
            Some(Box::new(LinuxParameters { tmpfs: Some(vec![tmpfs]), ..LinuxParameters::default() }));
        assert!(!is_impossible(&definition));
    }
}
