//! Official AWS SDKs and tools against a LocalECS endpoint: what the tests have in common.
//!
//! A [`Server`] is a `localecs serve` process; an [`Ecs`] is one test's view of it: a client with an account of its
//! own, so that tests run side by side on one server without seeing each other's resources.
//!
//! | Variable | |
//! |---|---|
//! | `LOCALECS_BIN` | the binary to test; else `target/<profile>/localecs`, built with `cargo build --bin localecs` |
//! | `LOCALECS_ENDPOINT` | test what listens at this URL instead; tests that start or kill a server are skipped |
//! | `LOCALECS_TEST_STORES` | file to which the id of each store is appended: the label of its containers |
//! | `LOCALECS_CHAOS_ROUNDS` | rounds of the storm (1) |
//! | `LOCALECS_TEST_LOG` | log filter of the servers, such as `localecs=debug` |

#![allow(clippy::disallowed_methods, reason = "these tests run real programs in real time")]

pub mod docker;
mod ecs;
mod engine_proxy;
pub mod exec;
pub mod http;
mod leftovers;
mod logs;
mod prepared;
mod private_engine;
mod process;
mod random;
pub mod registry;
mod server;
mod shared;
mod wait;

pub use ecs::{APP_IMAGE, Ecs, Registers, Runs, app, awsvpc, refusal};
pub use engine_proxy::EngineProxy;
pub use leftovers::Store;
pub use prepared::busybox;
pub use private_engine::PrivateEngine;
pub use random::{random_account, random_name, seed};
pub use server::{Runtime, Server, program};
pub use shared::{endpoint_given, shared};
pub use wait::{wait_until, wait_until_some};
