//! Tasks: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>

mod record;
mod render;

pub use record::{Container, NetworkAttachment, Protection, Task, TaskKey, TaskStatus};
