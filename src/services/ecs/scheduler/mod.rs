//! Pure decisions: placement and capacity, services and their deployments.

pub mod capacity;
pub mod constraints;
pub mod deployment;
pub mod managed_instances;
pub mod managed_scaling;
pub mod packing;
pub mod placement;
pub mod plan_daemons;
pub mod plan_service;
pub mod query;
