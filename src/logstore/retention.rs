//! Deletes events whose group's retention has passed: once an hour of the injected clock, and when a policy is set.
//!
//! Readers don't rely on it: they leave out what is too old ([`super::GroupSettings::kept_from`]).

use std::sync::Arc;
use std::time::Duration;

use super::LogStore;
use crate::time::Clock;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Runs until the store is gone with the runtime.
pub async fn run(store: Arc<LogStore>, clock: Clock) {
    loop {
        if let Err(error) = store.expire().await {
            tracing::error!(%error, "old log events could not be removed");
        }
        tokio::select! {
            () = clock.sleep(EVERY) => {}
            () = store.policy_changed() => {}
        }
    }
}
