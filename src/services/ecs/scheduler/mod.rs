//! Pure decisions: placement and capacity (and later services and deployments).

pub mod capacity;
pub mod constraints;
pub mod placement;
pub mod query;
