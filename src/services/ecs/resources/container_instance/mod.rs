//! Container instances: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/create-capacity.html>

pub mod addresses;
mod attribute_list;
pub mod attributes;
pub mod ending;
pub mod launch;
mod load;
mod offers;
mod record;
pub mod registration;
mod render;
pub mod targets;

pub use attribute_list::AttributeList;
pub use load::{InstanceLoads, Load, Loads};
pub use offers::InstanceOffers;
pub use record::{ContainerInstance, ContainerInstanceKey, Origin, Resources};
