//! Clusters: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html>

mod census;
pub mod checks;
mod providers;
mod record;
mod tally;

pub use census::{Census, instances_of, tasks_of};
pub use providers::{BuiltIn, check_kinds, check_providers, check_strategy, strategy};
pub use record::{Cluster, ClusterKey, ClusterStatus};
pub use tally::{ClusterTallies, Tally};
