//! The official clients against LocalECS. One program, so that all tests share two servers and run side by side.
//!
//! A test on both runtimes is a function that takes an [`Ecs`](compat_tests::Ecs); `on_both!` makes two tests of it.
//! Where a container has to fail or end by itself, `sim.*` labels tell the simulated runtime what the sample app does
//! on Docker.

#![allow(clippy::disallowed_methods, reason = "these tests run real programs in real time")]

/// Makes tests `on_docker::<name>` and `on_simulated::<name>` of each function.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_docker {
            $(#[tokio::test]
            async fn $name() {
                super::$name(compat_tests::shared(compat_tests::Runtime::Docker).ecs()).await;
            })+
        }
        mod on_simulated {
            $(#[tokio::test]
            async fn $name() {
                super::$name(compat_tests::shared(compat_tests::Runtime::Simulated).ecs()).await;
            })+
        }
    };
}

/// Makes tests on the simulated runtime only: no container would make a difference.
macro_rules! on_simulated {
    ($($name:ident),+ $(,)?) => {
        mod only_simulated {
            $(#[tokio::test]
            async fn $name() {
                super::$name(compat_tests::shared(compat_tests::Runtime::Simulated).ecs()).await;
            })+
        }
    };
}

/// Makes tests that need real containers.
macro_rules! on_docker {
    ($($name:ident),+ $(,)?) => {
        mod only_docker {
            $(#[tokio::test]
            async fn $name() {
                super::$name(compat_tests::shared(compat_tests::Runtime::Docker).ecs()).await;
            })+
        }
    };
}

/// Ends a test that starts its own server, when the server to test is given.
macro_rules! needs_own_server {
    () => {
        if compat_tests::endpoint_given().is_some() {
            println!("skipped: it starts and stops servers, and LOCALECS_ENDPOINT names one that is not ours");
            return;
        }
    };
}

mod admin;
mod adoption;
mod awslogs;
mod capacity_providers;
mod chaos;
mod clients;
mod clusters;
mod container_instances;
mod daemon_network;
mod daemons;
mod daemons_run;
mod deployments;
mod durability;
mod events;
mod exec;
mod exits;
mod firelens;
mod idempotency;
mod image;
mod images;
mod inside;
mod instances;
mod linux;
mod log_drivers;
mod native;
mod network;
mod order;
mod packed;
mod paging;
mod placement;
mod properties;
mod protection;
mod rolling;
mod scopes;
mod secrets;
mod server;
mod services;
mod settings;
mod stopping;
mod storage;
mod storm;
mod tags;
mod task_definition_refusals;
mod task_definitions;
mod task_sets;
mod tasks;
mod wire;
