//! What the unit tests of operations start from: an empty store in memory, a clock that stands still, seeded ids.

use std::sync::Arc;

use crate::config::Config;
use crate::identity::{AccountId, Region, Scope};
use crate::ids::IdSource;
use crate::logstore::{DEFAULT_MAX_BYTES_IN_MEMORY, LogStore};
use crate::services::ecs::exec::Sessions;
use crate::services::sts::resources::Caller;
use crate::services::{CallerAddress, Context, Shared};
use crate::store::Store;
use crate::time::{Clock, Timestamp};

/// When the clock of [`context`] stands: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The account of [`context`].
pub(crate) const ACCOUNT: &str = "123456789012";

/// A request's context in [`ACCOUNT`] and us-east-1 over a store of its own; clones share that store.
pub(crate) fn context() -> Context {
    context_with(Config::default())
}

/// [`context`] with settings of the test's own.
pub(crate) fn context_with(config: Config) -> Context {
    context_seeded(config, 1)
}

/// [`context_with`] with other ids.
pub(crate) fn context_seeded(config: Config, seed: u64) -> Context {
    let ids = IdSource::seeded(seed);
    let (store, clock) = (Arc::new(Store::in_memory(&ids)), Clock::manual(START));
    let account: AccountId = ACCOUNT.parse().expect("12 digits");
    Context {
        shared: Arc::new(Shared { store, logs: logs(&clock), clock, ids, config, exec: Sessions::default() }),
        scope: Scope::new(account, Region::new("us-east-1")),
        request_id: "5f1a2b3c-0000-4000-8000-000000000000".into(),
        caller: Caller::Root,
        caller_address: CallerAddress::default(),
    }
}

/// An empty log store in memory.
pub(crate) fn logs(clock: &Clock) -> Arc<LogStore> {
    Arc::new(LogStore::in_memory(clock.clone(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a database in memory"))
}
