//! Tasks: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
//!
//! A [`TaskRequest`] becomes a [`Blueprint`], and that a [`Task`] for each place that was found.

mod exec_agent;
mod find;
mod managed_volume;
mod new;
mod overrides;
mod owners;
mod record;
mod render;
mod report;
mod request;
mod roles;
mod sharing;
mod waiting;

pub use exec_agent::ExecAgent;
pub use find::{Named, check_id, find_task, tasks_after};
pub use managed_volume::{ManagedVolume, VolumeAttachment, VolumeRequest, managed_volume};
pub use new::{Blueprint, Place, Platform, Under};
pub use owners::Phase;
pub(super) use owners::{Owner, TasksOf};
pub use record::{AttachmentStatus, Container, NetworkAttachment, Protection, Task, TaskKey, TaskStatus};
pub use report::{TaskReport, report_on};
pub use request::TaskRequest;
pub use roles::{check_roles, unusable_role};
pub use waiting::{Waiting, WaitingTasks, alike};
