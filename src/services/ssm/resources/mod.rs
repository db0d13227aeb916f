//! The domain types of Parameter Store as the store keeps them, and their rendering to API shapes.

mod filters;
mod labels;
mod names;
mod parameter;
mod public;
mod put;
mod referenced;
mod render;
mod select;
mod tags;

pub use filters::{Described, Filters, ValidOptions};
pub use labels::is_valid as is_valid_label;
pub use names::{check_new as check_new_name, check_path, is_in as is_in_path};
pub use parameter::{Kind, Parameter, ParameterKey, ParameterVersion, Tier};
pub use public::{public_parameter, public_parameters};
pub use put::{Wanted, plan};
pub use referenced::{referenced, secret_as_parameter};
pub use select::{Missing, Selected, select, version_not_found};
pub use tags::checked as checked_tags;
