//! Amazon EC2 Auto Scaling: groups of instances that are kept at their desired capacity.
//!
//! [`plan`] decides, purely; [`keeper`] carries it out.

pub mod keeper;
pub mod operations;
pub mod plan;
pub mod resources;
