//! AWS API models as Rust types.
//!
//! `models/<service>.json` holds the facts of an AWS API; `cargo xtask codegen` turns them into the types under
//! `generated/`. What is written by hand here is what those types have in common:
//!
//! - [`schema`]: the model as a static tree, walked by protocols and by validation
//! - [`Document`]: a request decoded by schema, before it is a typed value
//! - [`Shape`], [`Structure`], [`View`]: typed values, made from a document and looked at member by member
//! - [`ShapeSerializer`]: what a protocol implements to write a value
//! - [`Operation`], [`OperationError`]: one marker type and one error enum for each operation
//!
//! Almost all of it goes through `dyn`: the code is compiled once, in this crate, and not again in its users.

mod debug;
mod document;
mod error;
mod macros;
mod operation;
pub mod schema;
mod serde_impl;
mod serializer;
mod shape;
mod timestamp;

#[allow(unused_imports, reason = "each generated file imports what most of its kind need")]
#[allow(unreachable_pub, reason = "a service without operations exports nothing")]
mod generated;
#[cfg(test)]
mod tests;

pub use document::{Blob, Document, Untyped};
pub use error::{Exception, OperationError, Unexpected};
pub use generated::*;
pub use operation::Operation;
pub use serializer::ShapeSerializer;
pub use shape::{Encode, Fill, ListView, MapView, Shape, ShapeError, Structure, View};
pub use timestamp::{Timestamp, TimestampParseError};

/// What the macros need; not for use by hand.
#[doc(hidden)]
pub mod private {
    pub use crate::debug::fmt_structure;
    pub use crate::serde_impl::{deserialize_structure, serialize_structure};
    pub use crate::serializer::write_structure;
    pub use crate::shape::fill_structure;
    pub use serde;
}
