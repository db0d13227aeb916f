//! The log store: log groups, log streams and their events, in a database of their own (`logs.db`).
//!
//! Lines come too fast, and are too many, for [`crate::store::State`]. So everything that belongs to logs lives here,
//! in one SQLite database, where a group goes with its streams and events in one transaction. One thread writes all
//! that is queued in one transaction (as the store's journal does); readers have connections of their own. Events are
//! packed (`chunk.rs`) and never held in memory as a whole: a reader walks through them (`scan.rs`).
//!
//! **Durability.** What [`LogStore::append`] acknowledged outlives a kill of the process. After a power cut the last
//! seconds of events may be missing (a sync for each batch of lines would cost more than the lines), but groups and
//! streams are as durable as everything else: their changes are synced.
//!
//! **Bounds.** Events older than their group's retention are deleted. When the database reaches its largest size, the
//! events that came first are deleted, whichever group they belong to.
//!
//! Two users: `services/logs` (CloudWatch Logs' API) and the capture of containers' output.

mod chunk;
mod cleaning;
mod database;
mod error;
mod groups;
mod position;
pub mod retention;
mod scan;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

pub use chunk::EVENT_OVERHEAD;
use database::{Readers, Sync};
pub use error::LogStoreError;
pub use groups::{Group, GroupFilter, GroupKey, GroupSettings};
use parking_lot::Mutex;
pub use position::Position;
use rusqlite::{Connection, OptionalExtension, Transaction};
pub use scan::{Direction, Limits, Page, Scan, Selection, StoredEvent};
pub use streams::{Stream, StreamFilter, StreamKey, StreamOrder};
use tokio::sync::{Notify, broadcast, oneshot};
use writer::{Append, Closure, Job, Writer};

use crate::identity::Scope;
use crate::time::{Clock, Timestamp};

/// The size a store on disk may have unless told otherwise: 1 GiB, which is two to ten GiB of lines.
pub const DEFAULT_MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// The same for a store in memory: 128 MiB.
pub const DEFAULT_MAX_BYTES_IN_MEMORY: u64 = 128 * 1024 * 1024;
/// A store is never made smaller than this: an empty one has some tables as well.
pub const LEAST_MAX_BYTES: u64 = 1024 * 1024;

/// How many appends a follower may be behind before it misses some.
const FOLLOWER_LAG: usize = 256;

/// One line, or whatever an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds since the epoch; what is before counts as the epoch.
    pub timestamp: i64,
    pub message: String,
}

/// How far the source of events was read: written together with the events, so that who reads the source can go on
/// without losing or doubling a line, also after `kill -9`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCursor {
    /// The source's name, whatever its reader calls it (`<container id>/stdout`).
    pub source: String,
    /// Whatever its reader needs to go on.
    pub position: String,
}

/// Events that were just written.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub stream: StreamKey,
    /// Sorted by time.
    pub events: Arc<[LogEvent]>,
    /// When they came.
    pub ingested: Timestamp,
    /// The sequence of the first event; the others follow one by one. With its timestamp it is the event's
    /// [`Position`].
    pub first_sequence: u64,
}

/// The log store. Share it in an `Arc`; dropping it writes what is queued and closes the database.
pub struct LogStore {
    jobs: Option<mpsc::Sender<Job>>,
    readers: Readers,
    arrivals: broadcast::Sender<Arc<Arrival>>,
    clock: Clock,
    policy: Notify,
    thread: Option<JoinHandle<()>>,
}

impl Drop for LogStore {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl LogStore {
    /// A store that is gone with the process. It keeps at most `max_bytes`.
    ///
    /// # Errors
    /// When there is no memory or no thread for it.
    pub fn in_memory(clock: Clock, max_bytes: u64) -> Result<Self, LogStoreError> {
        let connection = Arc::new(Mutex::new(database::in_memory()?));
        Self::start(connection.clone(), Readers::Memory(connection), clock, max_bytes)
    }

    /// Opens (or makes) the store in the folder `data_dir`; the file is kept at about `max_bytes` at most. Another
    /// process must not use the folder: [`crate::store::Store::open`] sees to that, so open that one first.
    ///
    /// # Errors
    /// When the folder can't be written, or the database was made by a newer version.
    pub fn open(data_dir: &Path, clock: Clock, max_bytes: u64) -> Result<Self, LogStoreError> {
        let (connection, path) = database::open(data_dir)?;
        let readers = Readers::File { path: Arc::new(path), idle: Arc::default() };
        Self::start(Arc::new(Mutex::new(connection)), readers, clock, max_bytes)
    }

    fn start(
        connection: Arc<Mutex<Connection>>,
        readers: Readers,
        clock: Clock,
        max_bytes: u64,
    ) -> Result<Self, LogStoreError> {
        let (jobs, queue) = mpsc::channel();
        let arrivals = broadcast::Sender::new(FOLLOWER_LAG);
        let writer = Writer::new(connection, queue, arrivals.clone(), max_bytes.max(LEAST_MAX_BYTES))?;
        let thread = thread::Builder::new()
            .name("logs".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| LogStoreError::Thread(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), readers, arrivals, clock, policy: Notify::new(), thread: Some(thread) })
    }

    /// Writes events to a stream that exists, and the cursor of the source they came from, both or neither. Returns
    /// when a kill of the process can't take them back. The events are sorted by their time; those of one time keep
    /// the order they have. `events` may be empty: then only the cursor moves.
    ///
    /// Appends that wait at the same time share a transaction. One at a time for each source gives back pressure and
    /// keeps order; a batch of some hundred lines costs about as much as one line, so collect them for a moment (at
    /// 50,000 lines a second: 20 ms).
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`] or [`LogStoreError::NoSuchStream`]; and whatever the disk does.
    pub async fn append(
        &self,
        stream: &StreamKey,
        mut events: Vec<LogEvent>,
        cursor: Option<SourceCursor>,
    ) -> Result<(), LogStoreError> {
        for event in &mut events {
            event.timestamp = event.timestamp.max(0);
        }
        if !events.is_sorted_by_key(|event| event.timestamp) {
            events.sort_by_key(|event| event.timestamp);
        }
        let chunks = chunk::pack(&events);
        let events = (self.arrivals.receiver_count() > 0 && !events.is_empty()).then(|| events.into());
        let (done, result) = oneshot::channel();
        let ingested = self.clock.now();
        self.send(Job::Append(Append { stream: stream.clone(), chunks, events, ingested, cursor, done }))?;
        result.await.unwrap_or(Err(LogStoreError::Stopped))
    }

    /// How far the source was read, as the last append from it said.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn cursor(&self, source: &str) -> Result<Option<String>, LogStoreError> {
        let source = source.to_owned();
        self.read(move |connection| {
            let mut select = connection.prepare_cached("SELECT position FROM cursors WHERE source = ?1")?;
            Ok(select.query_row([source], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Forgets the cursors of all sources whose names begin so: after a container is removed, `<container id>/`.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn forget_cursors(&self, prefix: &str) -> Result<(), LogStoreError> {
        let prefix = prefix.to_owned();
        self.change(Sync::Process, move |tx| {
            tx.prepare_cached("DELETE FROM cursors WHERE source >= ?1 AND source < ?1 || char(0x10FFFF)")?
                .execute([prefix])?;
            Ok(())
        })
        .await
    }

    /// All appends from now on, as they are committed. Who falls more than 256 appends behind misses some and is told
    /// so (`RecvError::Lagged`).
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Arrival>> {
        self.arrivals.subscribe()
    }

    /// # Errors
    /// [`LogStoreError::GroupExists`]; and whatever the disk does.
    pub async fn create_group(&self, key: &GroupKey, settings: GroupSettings) -> Result<(), LogStoreError> {
        let key = key.clone();
        self.change(Sync::Power, move |tx| groups::create(tx, &key, &settings)).await
    }

    /// Deletes the group with its streams and events.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`]; and whatever the disk does.
    pub async fn delete_group(&self, key: &GroupKey) -> Result<(), LogStoreError> {
        let key = key.clone();
        self.change(Sync::Power, move |tx| groups::delete(tx, &key)).await
    }

    /// Changes the settings of a group, and returns what `change` does.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`]; and whatever the disk does.
    pub async fn update_group<T: Send + 'static>(
        &self,
        key: &GroupKey,
        change: impl FnOnce(&mut GroupSettings) -> T + Send + 'static,
    ) -> Result<T, LogStoreError> {
        let key = key.clone();
        let value = self.change(Sync::Power, move |tx| groups::update(tx, &key, change)).await?;
        self.policy.notify_one();
        Ok(value)
    }

    /// The group, if there is one of this name.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn group(&self, key: &GroupKey) -> Result<Option<Group>, LogStoreError> {
        let key = key.clone();
        self.read(move |connection| groups::get(connection, &key)).await
    }

    /// Up to `limit` groups in the order of their names.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn groups(&self, scope: &Scope, filter: GroupFilter, limit: usize) -> Result<Vec<Group>, LogStoreError> {
        let scope = scope.clone();
        self.read(move |connection| groups::list(connection, &scope, &filter, limit)).await
    }

    /// # Errors
    /// [`LogStoreError::NoSuchGroup`], [`LogStoreError::StreamExists`]; and whatever the disk does.
    pub async fn create_stream(&self, key: &StreamKey) -> Result<(), LogStoreError> {
        let (key, now) = (key.clone(), self.clock.now());
        self.change(Sync::Power, move |tx| streams::create(tx, &key, now)).await
    }

    /// Deletes the stream with its events.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`], [`LogStoreError::NoSuchStream`]; and whatever the disk does.
    pub async fn delete_stream(&self, key: &StreamKey) -> Result<(), LogStoreError> {
        let key = key.clone();
        self.change(Sync::Power, move |tx| streams::delete(tx, &key)).await
    }

    /// The stream, if its group has one of this name.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`]; and when the database can't be read.
    pub async fn stream(&self, key: &StreamKey) -> Result<Option<Stream>, LogStoreError> {
        let key = key.clone();
        self.read(move |connection| streams::get(connection, &key)).await
    }

    /// Up to `limit` streams of a group.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`]; and when the database can't be read.
    pub async fn streams(
        &self,
        group: &GroupKey,
        filter: StreamFilter,
        limit: usize,
    ) -> Result<Vec<Stream>, LogStoreError> {
        let group = group.clone();
        self.read(move |connection| streams::list(connection, &group, &filter, limit)).await
    }

    /// Reads a page of events; `matches` says of a message whether it belongs to it.
    ///
    /// # Errors
    /// [`LogStoreError::NoSuchGroup`], [`LogStoreError::NoSuchStream`]; and when the database can't be read.
    pub async fn scan(
        &self,
        scan: Scan,
        matches: impl FnMut(&str) -> bool + Send + 'static,
    ) -> Result<Page, LogStoreError> {
        self.read(move |connection| scan::run(connection, &scan, matches)).await
    }

    /// Deletes the events whose group's retention has passed.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn expire(&self) -> Result<(), LogStoreError> {
        for (group, settings) in self.read(|connection| groups::with_retention(connection)).await? {
            let cutoff = settings.kept_from(self.clock.now());
            while self.change(Sync::Process, move |tx| cleaning::expire(tx, group, cutoff)).await? {}
        }
        Ok(())
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn clear(&self) -> Result<(), LogStoreError> {
        self.change(Sync::Power, |tx| {
            tx.execute_batch(
                "DELETE FROM groups; DELETE FROM streams; DELETE FROM chunks; DELETE FROM doomed; DELETE FROM cursors;",
            )?;
            Ok(())
        })
        .await
    }

    /// Returns when a group's settings were changed since the last call.
    async fn policy_changed(&self) {
        self.policy.notified().await;
    }

    /// Makes a change in a transaction of the writing thread.
    async fn change<T: Send + 'static>(
        &self,
        sync: Sync,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, LogStoreError> + Send + 'static,
    ) -> Result<T, LogStoreError> {
        let (done, result) = oneshot::channel();
        let change = Box::new(Closure { work: Some(work), result: None, done });
        self.send(Job::Change { sync, change })?;
        result.await.unwrap_or(Err(LogStoreError::Stopped))
    }

    /// Reads on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, LogStoreError> + Send + 'static,
    ) -> Result<T, LogStoreError> {
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || readers.with(work)).await.unwrap_or(Err(LogStoreError::Stopped))
    }

    fn send(&self, job: Job) -> Result<(), LogStoreError> {
        let jobs = self.jobs.as_ref().ok_or(LogStoreError::Stopped)?;
        jobs.send(job).map_err(|_| LogStoreError::Stopped)
    }
}
