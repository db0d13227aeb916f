//! Reconcilers and what drives them.
//!
//! A [`Reconciler`] looks at one key (a task, a service) and moves the world one or more steps towards what the state
//! asks for. It gets no hint of what changed, so running it once too often is harmless. The driver runs it for a key
//! when a commit touches the key, when a timer it asked for is due, when somebody outside (an engine's event) wakes
//! it, and again after a failure, later each time; what touches a failing key brings that forward. A key is never run
//! twice at once; different keys run in parallel.

mod driver;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::hash::Hash;

use api_models::Unexpected;
use async_trait::async_trait;
pub use driver::{Driver, ReconcilerStatus, Waker};

use crate::store::{Change, State};
use crate::time::Timestamp;

/// What a run of a reconciler asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something touches the key.
    Idle,
    /// Another run at this time, if nothing touches the key before.
    At(Timestamp),
}

#[async_trait]
pub trait Reconciler: Send + Sync + 'static {
    type Key: Clone + Ord + Hash + Debug + Send + Sync + 'static;

    /// For logs and the admin API: `ecs-agent`.
    fn name(&self) -> &'static str;

    /// The keys to look at when the server starts.
    fn initial(&self, state: &State) -> Vec<Self::Key>;

    /// The keys that a change may concern. Cheap: called for every change of every commit.
    fn touched(&self, change: &Change, state: &State) -> Vec<Self::Key>;

    /// Looks at `key` and acts. It may find the key gone.
    ///
    /// # Errors
    /// Anything unexpected: it is logged and the key is run again, after 100 ms at first, a minute at most.
    async fn reconcile(&self, key: &Self::Key) -> Result<Next, Unexpected>;
}
