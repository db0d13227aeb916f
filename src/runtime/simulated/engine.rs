//! The simulated engine's shell: the lock around the world, and the task that wakes it when something is due.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::SimulatedRuntime;
use super::world::World;
use crate::ids::IdSource;
use crate::time::{Clock, Timestamp};

/// A simulated engine, apart from its clients, so that containers outlive a restart of LocalECS in a test.
#[derive(Clone, Debug)]
pub struct SimulatedEngine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    clock: Clock,
    ids: IdSource,
    /// Told when something is due earlier than the timer's task knows.
    sooner: Arc<Notify>,
    timer: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.get_mut().take() {
            timer.abort();
        }
    }
}

impl SimulatedEngine {
    /// An engine without containers. To be called inside a Tokio runtime, where one task keeps its time.
    #[must_use]
    pub fn new(clock: Clock, ids: IdSource) -> Self {
        let sooner = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            world: Mutex::default(),
            clock: clock.clone(),
            ids,
            sooner: sooner.clone(),
            timer: Mutex::default(),
        });
        let timer = tokio::spawn(keep_time(Arc::downgrade(&shared), clock, sooner));
        *shared.timer.lock() = Some(timer);
        Self { shared }
    }

    /// The client of the store `store_id`: it sees that store's containers alone.
    #[must_use]
    pub fn runtime(&self, store_id: &str) -> SimulatedRuntime {
        SimulatedRuntime { engine: self.clone(), store: store_id.into() }
    }

    /// To see in a test that the engine is gone.
    #[cfg(test)]
    pub(super) fn downgrade(&self) -> Weak<impl Sized + use<>> {
        Arc::downgrade(&self.shared)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn ids(&self) -> &IdSource {
        &self.shared.ids
    }

    /// Runs `work` on the world as it is now.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let mut world = self.shared.world.lock();
        let now = self.shared.clock.now();
        // What is due has happened, whether the timer's task has come to it or not.
        world.settle(now);
        let before = world.next_due();
        let value = work(&mut world, now);
        world.settle(now);
        let after = world.next_due();
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.shared.sooner.notify_one();
        }
        value
    }
}

async fn keep_time(engine: Weak<Shared>, clock: Clock, sooner: Arc<Notify>) {
    loop {
        let Some(shared) = engine.upgrade() else { return };
        let due = SimulatedEngine { shared }.with(|world, _| world.next_due());
        let timer = async {
            match due {
                Some(due) => clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sooner.notified() => {}
            () = timer => {}
        }
    }
}
