//! AWS Security Token Service: who is asking, and roles assumed.

pub mod expiry;
pub mod operations;
pub mod resources;
