//! Capacity providers of the user's own: Auto Scaling groups, and instances that ECS manages.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProvider.html>

mod attachments;
mod auto_scaling;
mod find;
mod managed_instances;
mod record;

pub use attachments::{DRAINING_HOOK, attachments};
pub use auto_scaling::{complete, group_name, update};
pub use find::{
    Family, TOO_MANY_WAIT, active, all_of, check_name, clusters_of, family, find, gets_more, has_daemons, in_use,
    instances_for, may_wait,
};
pub use managed_instances::{check_new, check_update};
pub use record::{AttachmentIds, CapacityProvider, CapacityProviderKey, Kind};
