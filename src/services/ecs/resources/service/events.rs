//! Service events: the newest 100 of each service.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html>

use std::sync::Arc;

use api_models::ecs;
use serde::{Deserialize, Serialize};

use super::{Action, Said, ServiceKey};
use crate::ids::IdSource;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// How many of a service's events are kept.
pub const EVENTS_KEPT: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceEventKey {
    pub service: ServiceKey,
    /// Counts up with each event.
    pub number: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    pub key: ServiceEventKey,
    /// A UUID.
    pub id: String,
    pub created_at: Timestamp,
    pub message: String,
    /// What EventBridge is told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

impl Record for ServiceEvent {
    type Key = ServiceEventKey;

    fn key(&self) -> ServiceEventKey {
        self.key.clone()
    }
}

impl ServiceEvent {
    #[must_use]
    pub fn to_api(&self) -> ecs::ServiceEvent {
        ecs::ServiceEvent {
            id: Some(self.id.clone()),
            created_at: Some(self.created_at),
            message: Some(self.message.clone()),
        }
    }
}

/// A service's events, oldest first.
pub fn events_of<'a>(
    state: &'a State,
    service: &ServiceKey,
) -> impl DoubleEndedIterator<Item = &'a Arc<ServiceEvent>> + use<'a> {
    let key = |number| ServiceEventKey { service: service.clone(), number };
    state.service_events.range(key(0)..=key(u64::MAX)).map(|(_, event)| event)
}

/// Adds an event to a service's, and forgets the oldest when there are too many.
pub fn add_event(tx: &mut Transaction, service: &ServiceKey, said: impl Into<Said>, ids: &IdSource, now: Timestamp) {
    let Said { message, action } = said.into();
    let number = events_of(tx, service).next_back().map_or(0, |event| event.key.number + 1);
    let key = ServiceEventKey { service: service.clone(), number };
    tracing::info!(cluster = &*service.cluster, "{message}");
    tx.put(ServiceEvent { key, id: ids.uuid(), created_at: now, message, action });
    if let Some(old) = number.checked_sub(EVENTS_KEPT as u64) {
        tx.delete::<ServiceEvent>(&ServiceEventKey { service: service.clone(), number: old });
    }
}
