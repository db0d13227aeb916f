//! What ECS tells EventBridge: the state changes of tasks, container instances and deployments, and what services and
//! daemons do, as they are committed.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html>
//!
//! [`changes`] is pure: it compares the states before and after a commit. The [`EventBus`] follows the store's commits
//! and hands the events to whoever listens; without a listener none is made. A commit may hold several transactions:
//! where two of them changed the same record, one event tells of both (its `version` leaps).

mod changes;
mod daemons;
mod event;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

pub use self::event::{Event, Fact};
use crate::services::Shared;
use crate::services::ecs::events::changes::changes;
use crate::services::ecs::resources::service::{Action, ActionName};
use crate::store::{Commit, State};

/// So many events may wait for a listener that is slow; then it misses the oldest, and is told.
const BACKLOG: usize = 4096;

/// The events from now on, for any number of listeners.
pub struct EventBus {
    /// `None` once it is closed.
    sender: Mutex<Option<broadcast::Sender<Arc<Event>>>>,
}

impl EventBus {
    /// Follows the store until the process ends.
    #[must_use]
    pub fn start(shared: Arc<Shared>) -> Arc<Self> {
        let (sender, _) = broadcast::channel(BACKLOG);
        let bus = Arc::new(Self { sender: Mutex::new(Some(sender)) });
        // Subscribed before the snapshot is read, so that no commit falls between the two.
        let mut commits = shared.store.subscribe();
        let mut before = shared.store.snapshot();
        let following = Arc::downgrade(&bus);
        tokio::spawn(async move {
            while let Some(commit) = commits.recv().await {
                let Some(bus) = following.upgrade() else { return };
                bus.tell(&shared, &before, &commit);
                before = commit.state;
            }
        });
        bus
    }

    /// Every event from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        match &*self.sender.lock() {
            Some(sender) => sender.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    /// Ends every subscription, so that the streams that follow them end.
    pub fn close(&self) {
        self.sender.lock().take();
    }

    fn tell(&self, shared: &Shared, before: &State, commit: &Commit) {
        let sender = self.sender.lock();
        let Some(sender) = sender.as_ref().filter(|sender| sender.receiver_count() > 0) else { return };
        let now = shared.clock.now();
        for fact in commit.changes.iter().flat_map(|change| changes(before, &commit.state, change)) {
            // Fails when the last listener has just gone: nobody to tell.
            let _ = sender.send(Arc::new(Event::new(&fact, &commit.state, shared.ids.uuid(), now)));
        }
    }
}
