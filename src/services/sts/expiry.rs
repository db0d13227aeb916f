//! Forgets temporary credentials when they expire. Their keys are still known for LocalECS's own, so requests with
//! them are told that the token is expired.

use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use super::resources::Session;
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State};

/// Looks at one session.
pub struct SessionExpiry {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Reconciler for SessionExpiry {
    type Key = Arc<str>;

    fn name(&self) -> &'static str {
        "sts-session-expiry"
    }

    fn initial(&self, state: &State) -> Vec<Arc<str>> {
        state.sessions.keys().cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<Arc<str>> {
        match change {
            Change::Session(key) if state.sessions.contains_key(key) => vec![key.clone()],
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &Arc<str>) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some(due) = state.sessions.get(key).map(|session| session.expires_at) else { return Ok(Next::Idle) };
        if due > self.shared.clock.now() {
            return Ok(Next::At(due));
        }
        self.shared
            .store
            .transact(|tx| {
                tx.delete::<Session>(key);
                Ok(Next::Idle)
            })
            .await
    }
}
