//! The ECS agent: brings the containers of a task to where the task should be.
