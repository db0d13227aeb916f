//! The domain types of AWS Secrets Manager as the store keeps them, and their rendering to API shapes.

mod checks;
mod filters;
mod find;
pub mod password;
pub mod policy;
mod render;
mod secret;
mod value;
mod versions;

pub use checks::{checked_tags, name as check_name};
pub use filters::Filters;
pub use find::{find, not_found, not_marked, pick, usable};
pub use render::tags as rendered_tags;
pub use secret::{Deletion, Secret, SecretKey, SecretValue, SecretVersion, day};
pub use value::given as given_value;
pub use versions::{CURRENT, PREVIOUS, VersionWanted, wanted_version};
