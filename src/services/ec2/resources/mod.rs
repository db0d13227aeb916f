//! EC2's records, and what its operations share.

pub mod errors;
pub mod filters;
pub mod images;
pub mod instance;
pub mod launch;
pub mod paging;
mod render;
pub mod tags;
pub mod template;
pub mod vpc;

pub use instance::{Instance, InstanceKey, Phase, TemplateUse};
pub use template::{LaunchTemplate, TemplateKey, TemplateVersion};
