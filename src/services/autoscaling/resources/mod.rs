//! Auto Scaling's records, and what its operations share.

pub mod activity;
pub mod change;
pub mod configuration;
pub mod errors;
pub mod group;
pub mod hook;
pub mod page;
mod render;
pub mod settings;
pub mod source;
pub mod tags;

pub use activity::{Activity, ActivityKey};
pub use configuration::{ConfigurationKey, LaunchConfiguration};
pub use group::{Group, GroupKey, Member};
