//! Amazon EC2, as far as container instances need it.

pub mod instance_types;
