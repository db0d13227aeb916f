//! ECS Exec: a command in a container, at the terminal of whoever called ExecuteCommand.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>
//!
//! ExecuteCommand opens a session and answers with a URL and a token ([`Sessions`]). The client (the Session Manager
//! plugin, for the AWS CLI) opens a websocket there (`endpoint`), shows the token, and speaks the protocol of Session
//! Manager's data channel: `message` (pure) is a frame of it, `payload` the JSON inside, `channel` (pure) its state
//! machine. `session` ties that to a command on the [`ContainerRuntime`](crate::runtime::ContainerRuntime).

mod channel;
#[cfg(test)]
mod channel_tests;
mod complaint;
pub mod endpoint;
mod message;
mod payload;
mod session;
mod sessions;

pub use sessions::{Opened, Purpose, Sessions};
