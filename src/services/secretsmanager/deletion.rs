//! Removes secrets when their recovery window has passed.

use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use super::resources::SecretKey;
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State};
use crate::time::Timestamp;

/// Looks at one secret that is marked for deletion.
pub struct SecretDeletion {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Reconciler for SecretDeletion {
    type Key = SecretKey;

    fn name(&self) -> &'static str {
        "secretsmanager-deletion"
    }

    fn initial(&self, state: &State) -> Vec<SecretKey> {
        state.secrets.keys().filter(|key| due(state, key).is_some()).cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<SecretKey> {
        match change {
            Change::Secret(key) if due(state, key).is_some() => vec![key.clone()],
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &SecretKey) -> Result<Next, Unexpected> {
        let now = self.shared.clock.now();
        let Some(when) = due(&self.shared.store.snapshot(), key) else { return Ok(Next::Idle) };
        if when > now {
            return Ok(Next::At(when));
        }
        self.shared
            .store
            .transact(|tx| {
                // Restored meanwhile, perhaps.
                if due(tx, key).is_some_and(|due| due <= now) {
                    tx.delete::<super::resources::Secret>(key);
                }
                Ok(Next::Idle)
            })
            .await
    }
}

/// When the secret goes, if it is marked.
fn due(state: &State, key: &SecretKey) -> Option<Timestamp> {
    state.secrets.get(key)?.deletion.map(|deletion| deletion.due)
}
