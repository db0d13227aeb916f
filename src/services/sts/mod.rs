//! AWS Security Token Service: who is asking, and roles assumed.

pub mod operations;
pub mod resources;
