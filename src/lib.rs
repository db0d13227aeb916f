//! LocalECS: Amazon ECS on your own machine. See ARCHITECTURE.md for the way of a request through the folders.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod identity;
pub mod ids;
pub mod inside;
pub mod logstore;
pub mod protocol;
pub mod reconcile;
pub mod runtime;
pub mod s3;
pub mod services;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
