//! Amazon EC2, as far as container instances and Auto Scaling groups need it: instances that are shares of the local
//! engine, launch templates, and what there is of the default VPC.

pub mod instance_types;
pub mod lifecycle;
pub mod operations;
pub mod resources;
pub mod user_data;
