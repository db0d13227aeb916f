//! AWS API models as Rust types.
