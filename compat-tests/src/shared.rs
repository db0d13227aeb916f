//! The two servers (one for each runtime) that most tests share.

use std::sync::OnceLock;

use crate::{Runtime, Server};

static DOCKER: OnceLock<Server> = OnceLock::new();
static SIMULATED: OnceLock<Server> = OnceLock::new();

/// The URL in `LOCALECS_ENDPOINT`, where a server is to be tested that these tests did not start.
#[must_use]
pub fn endpoint_given() -> Option<String> {
    std::env::var("LOCALECS_ENDPOINT").ok().filter(|url| !url.is_empty())
}

/// The server of that runtime; started for the first test that asks, stopped when all are through.
///
/// With `LOCALECS_ENDPOINT` it is the server there, whatever runs its tasks.
pub fn shared(runtime: Runtime) -> &'static Server {
    let slot = match runtime {
        Runtime::Docker => &DOCKER,
        Runtime::Simulated => &SIMULATED,
    };
    slot.get_or_init(|| match endpoint_given() {
        Some(endpoint) => Server::of_others(&endpoint, runtime),
        None => {
            stop_at_exit();
            Server::start(runtime, &[])
        }
    })
}

/// The test harness has no hook for its end, but the C library has.
fn stop_at_exit() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // SAFETY: the handler unwinds nowhere, and statics live until after it ran.
        unsafe { libc::atexit(stop_both) };
    });
}

extern "C" fn stop_both() {
    let stopped = std::panic::catch_unwind(|| {
        for server in [&DOCKER, &SIMULATED] {
            if let Some(server) = server.get() {
                server.stop_in_place();
            }
        }
    });
    if stopped.is_err() {
        // The panic said why. Leaving the harness's "ok" as the last word would hide it.
        unsafe { libc::_exit(101) };
    }
}
