//! The store: one writer, snapshots for everybody else, and a journal that survives `kill -9`.
//!
//! [`State`] is a struct of persistent ordered maps. [`Store::transact`] runs a closure over the newest state under
//! one mutex; an `Err` drops everything it did. An `Ok` is queued for the journal, whose thread writes all that is
//! queued in one SQLite transaction (group commit), then publishes the new snapshot and lets the callers go on. So
//! a reader never sees what a crash could take back, and an acknowledged write is durable.

mod journal;
mod record;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use api_models::Unexpected;
pub use journal::JournalError;
use journal::{Journal, Queue};
use parking_lot::Mutex;
pub use record::{Record, Stored, Table};
pub use state::{Change, State};
use tokio::sync::{mpsc, oneshot, watch};

use crate::ids::IdSource;

/// What one or more transactions changed, and the state that holds after them.
#[derive(Clone, Debug)]
pub struct Commit {
    pub state: Arc<State>,
    /// The keys of the records written or deleted; each once.
    pub changes: Arc<[Change]>,
}

/// The single owner of all state.
pub struct Store {
    shared: Arc<Shared>,
    /// `None` for a store that lives in memory only.
    journal: Option<Journal>,
    id: String,
}

/// What the journal's thread shares with the callers.
struct Shared {
    head: Mutex<Head>,
    published: watch::Sender<Arc<State>>,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<Commit>>>,
}

/// The newest state: with the writes that are not durable yet, so only transactions may build on it.
struct Head {
    state: Arc<State>,
    queue: Queue,
}

/// One transaction on its way to the journal.
struct Pending {
    state: Arc<State>,
    changes: BTreeSet<Change>,
    done: oneshot::Sender<Result<(), JournalError>>,
}

impl Shared {
    fn new(state: State) -> Self {
        let state = Arc::new(state);
        Self {
            published: watch::Sender::new(state.clone()),
            head: Mutex::new(Head { state, queue: Queue::default() }),
            subscribers: Mutex::default(),
        }
    }

    fn publish(&self, commit: Commit) {
        self.published.send_replace(commit.state.clone());
        self.subscribers.lock().retain(|subscriber| subscriber.send(commit.clone()).is_ok());
    }
}

impl Store {
    /// A store that is gone with the process.
    #[must_use]
    pub fn in_memory(ids: &IdSource) -> Self {
        Self { shared: Arc::new(Shared::new(State::default())), journal: None, id: ids.hex(16) }
    }

    /// Opens (or makes) the store in the folder `data_dir`.
    ///
    /// # Errors
    /// When the folder can't be written, another process holds the store, its schema is newer than this program, or
    /// a record in it can't be read.
    pub fn open(data_dir: &Path, ids: &IdSource) -> Result<Self, JournalError> {
        let opened = journal::open(data_dir, ids)?;
        let shared = Arc::new(Shared::new(opened.state));
        let journal = Journal::start(opened.connection, shared.clone())?;
        Ok(Self { shared, journal: Some(journal), id: opened.store_id })
    }

    /// What distinguishes this store from any other: 16 hexadecimal digits, the value of the Docker label
    /// `localecs.store` on everything made for it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether what is written outlives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.journal.is_some()
    }

    /// The newest durable state. Never waits for a writer.
    #[must_use]
    pub fn snapshot(&self) -> Arc<State> {
        self.shared.published.borrow().clone()
    }

    /// Every commit from now on, in order. The receiver must be drained: commits queue up for it without bound.
    #[must_use]
    pub fn subscribe(&self) -> mpsc::UnboundedReceiver<Commit> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.subscribers.lock().push(sender);
        receiver
    }

    /// Runs `work` on the newest state, alone, and returns its value once all it wrote (and all it may have read) is
    /// durable. `work` must not block: every other writer waits for it.
    ///
    /// # Errors
    /// What `work` returns, in which case nothing is written; or, as [`Unexpected`], that the journal could not be
    /// written, in which case nothing is written either.
    pub async fn transact<T, E: From<Unexpected>>(
        &self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let (value, durable) = {
            let mut head = self.shared.head.lock();
            let mut tx = Transaction { state: State::clone(&head.state), changes: BTreeSet::new() };
            let value = work(&mut tx)?;
            let Transaction { state, changes } = tx;
            match &self.journal {
                None => {
                    if !changes.is_empty() {
                        head.state = Arc::new(state);
                        // Under the lock, so that commits are published in the order in which they were made.
                        self.shared
                            .publish(Commit { state: head.state.clone(), changes: changes.into_iter().collect() });
                    }
                    return Ok(value);
                }
                // Nothing written, nothing on its way that could have been read: nothing to wait for.
                Some(_) if changes.is_empty() && head.queue.is_settled() => return Ok(value),
                Some(journal) => {
                    let state = if changes.is_empty() { head.state.clone() } else { Arc::new(state) };
                    let (done, durable) = oneshot::channel();
                    head.queue.push(Pending { state: state.clone(), changes, done }).map_err(Unexpected::new)?;
                    head.state = state;
                    journal.wake();
                    (value, durable)
                }
            }
        };
        match durable.await {
            Ok(Ok(())) => Ok(value),
            Ok(Err(error)) => Err(Unexpected::new(error).into()),
            Err(_) => Err(Unexpected::new(JournalError::Stopped).into()),
        }
    }
}

/// A view of the newest state that can be written to. Reads through `Deref` see what was written before.
#[derive(Debug)]
pub struct Transaction {
    state: State,
    changes: BTreeSet<Change>,
}

impl std::ops::Deref for Transaction {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Transaction {
    /// Writes `record` under its own key, replacing what stood there.
    pub fn put<R: Stored>(&mut self, record: R) {
        self.put_arc(Arc::new(record));
    }

    /// [`Transaction::put`] for a record that is already shared.
    pub fn put_arc<R: Stored>(&mut self, record: Arc<R>) {
        self.changes.insert(R::change(record.key()));
        self.state.write(record);
    }

    /// Deletes the record under `key` and returns it.
    pub fn delete<R: Stored>(&mut self, key: &R::Key) -> Option<Arc<R>> {
        let old = R::table_mut(&mut self.state).remove(key)?;
        R::follow(&mut self.state, Some(&old), None);
        self.changes.insert(R::change(key.clone()));
        Some(old)
    }

    /// Changes the record under `key` in place; returns whether there is one. `change` says whether it changed
    /// anything: `false` writes nothing.
    pub fn update<R: Stored + Clone>(&mut self, key: &R::Key, change: impl FnOnce(&mut R) -> bool) -> bool {
        let Some(old) = R::table(&self.state).get(key) else { return false };
        let mut record = R::clone(old);
        if change(&mut record) {
            self.put(record);
        }
        true
    }

    /// Deletes every record of every table.
    pub fn clear(&mut self) {
        self.changes.extend(self.state.all_keys());
        self.state = State::default();
    }
}
