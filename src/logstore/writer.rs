//! The one thread that writes: everything queued goes into one transaction, as in the store's journal.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{broadcast, oneshot};

use super::chunk::Chunk;
use super::database::{self, Sync};
use super::{Arrival, LogEvent, LogStoreError, SourceCursor, StreamKey, cleaning};
use crate::time::Timestamp;

/// The data of one transaction is about this large at most, so that nobody waits long for it.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Streams whose ids are remembered.
const KNOWN_STREAMS: usize = 10_000;

/// What the thread is asked to do.
pub(super) enum Job {
    Append(Append),
    /// Changes of groups, streams or cursors.
    Change {
        sync: Sync,
        change: Box<dyn Change>,
    },
}

pub(super) struct Append {
    pub(super) stream: StreamKey,
    pub(super) chunks: Vec<Chunk>,
    /// Kept only while somebody follows.
    pub(super) events: Option<Arc<[LogEvent]>>,
    pub(super) ingested: Timestamp,
    pub(super) cursor: Option<SourceCursor>,
    pub(super) done: oneshot::Sender<Result<(), LogStoreError>>,
}

/// A change on its way through a transaction that it may share with others.
pub(super) trait Change: Send {
    /// Makes the change; what it returns is told by [`Change::settle`].
    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), LogStoreError>;
    /// Tells who waits for it that the transaction ended.
    fn settle(self: Box<Self>, committed: Result<(), LogStoreError>);
}

/// A [`Change`] made of a closure.
pub(super) struct Closure<T, F> {
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, LogStoreError>>,
    pub(super) done: oneshot::Sender<Result<T, LogStoreError>>,
}

impl<T: Send, F: FnOnce(&Transaction<'_>) -> Result<T, LogStoreError> + Send> Change for Closure<T, F> {
    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), LogStoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        // One that fails leaves nothing behind; the others of the transaction go on.
        tx.execute_batch("SAVEPOINT change")?;
        let result = work(tx);
        let end = if result.is_ok() { "RELEASE change" } else { "ROLLBACK TO change; RELEASE change" };
        tx.execute_batch(end)?;
        self.result = Some(result);
        Ok(())
    }

    fn settle(self: Box<Self>, committed: Result<(), LogStoreError>) {
        let Self { result, done, .. } = *self;
        let _ = done.send(committed.and_then(|()| result.unwrap_or(Err(LogStoreError::Stopped))));
    }
}

/// What the thread works with.
pub(super) struct Writer {
    pub(super) connection: Arc<Mutex<Connection>>,
    pub(super) jobs: Receiver<Job>,
    pub(super) arrivals: broadcast::Sender<Arc<Arrival>>,
    /// The number of the next event.
    pub(super) next_sequence: u64,
    /// The database is kept smaller than this many bytes.
    pub(super) max_bytes: u64,
    known: HashMap<StreamKey, Ids>,
    sync: Sync,
}

#[derive(Clone, Copy, Debug)]
struct Ids {
    group: i64,
    stream: i64,
}

/// What the appends of a transaction add to a stream.
struct Growth {
    first: i64,
    last: i64,
    ingested: i64,
    bytes: u64,
}

/// An append that is written, but not committed.
struct Written {
    done: oneshot::Sender<Result<(), LogStoreError>>,
    arrival: Option<Arrival>,
    result: Result<(), LogStoreError>,
}

impl Writer {
    pub(super) fn new(
        connection: Arc<Mutex<Connection>>,
        jobs: Receiver<Job>,
        arrivals: broadcast::Sender<Arc<Arrival>>,
        max_bytes: u64,
    ) -> Result<Self, LogStoreError> {
        let next_sequence = {
            let connection = connection.lock();
            database::set_sync(&connection, Sync::Process)?;
            let last: Option<(i64, i64)> = connection
                .query_row("SELECT seq, count FROM chunks ORDER BY seq DESC LIMIT 1", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            last.map_or(1, |(sequence, count)| u64::try_from(sequence + count).unwrap_or(1))
        };
        let known = HashMap::new();
        Ok(Self { connection, jobs, arrivals, next_sequence, max_bytes, known, sync: Sync::Process })
    }

    /// Works until all handles of the store are gone.
    pub(super) fn run(mut self) {
        // Something may be left to clean from before.
        let mut dirty = true;
        loop {
            let first = if dirty {
                match self.jobs.try_recv() {
                    Ok(job) => Some(job),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match self.jobs.recv() {
                    Ok(job) => Some(job),
                    Err(_) => return,
                }
            };
            if let Some(first) = first {
                self.batch(first);
            }
            // A step of cleaning after each transaction: under load it goes on as well, and never stops the writing.
            let connection = self.connection.clone();
            dirty = match cleaning::step(&mut connection.lock(), self.max_bytes) {
                Ok(more) => more,
                Err(error) => {
                    tracing::error!(%error, "old log events could not be removed");
                    false
                }
            };
        }
    }

    /// Writes what is queued, `first` at least, in one transaction.
    fn batch(&mut self, first: Job) {
        let mut jobs = vec![first];
        let mut bytes = size(&jobs[0]);
        while bytes < MAX_BATCH_BYTES {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += size(&job);
            jobs.push(job);
        }
        let sync = if jobs.iter().any(|job| matches!(job, Job::Change { sync: Sync::Power, .. })) {
            Sync::Power
        } else {
            Sync::Process
        };
        let connection = self.connection.clone();
        let mut connection = connection.lock();
        let mut appends = Vec::new();
        let mut changes = Vec::new();
        let result = self.write(&mut connection, sync, jobs, &mut appends, &mut changes);
        drop(connection);
        if let Err(error) = &result {
            tracing::error!(%error, "log events could not be written");
            self.known.clear();
        }
        for change in changes {
            change.settle(result.clone());
        }
        for Written { done, arrival, result: own } in appends {
            let result = result.clone().and(own);
            if let (Ok(()), Some(arrival)) = (&result, arrival) {
                // An error says that nobody follows.
                let _ = self.arrivals.send(Arc::new(arrival));
            }
            let _ = done.send(result);
        }
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        sync: Sync,
        jobs: Vec<Job>,
        appends: &mut Vec<Written>,
        changes: &mut Vec<Box<dyn Change>>,
    ) -> Result<(), LogStoreError> {
        if self.sync != sync {
            database::set_sync(connection, sync)?;
            self.sync = sync;
        }
        let tx = connection.transaction()?;
        let mut growth = BTreeMap::new();
        let mut cursors = BTreeMap::new();
        for job in jobs {
            match job {
                Job::Append(append) => {
                    let Append { stream, chunks, events, ingested, cursor, done } = append;
                    let first_sequence = self.next_sequence;
                    let result = self.append(&tx, &stream, &chunks, ingested, &mut growth);
                    let failed = result.as_ref().is_err_and(|error| matches!(error, LogStoreError::Database(_)));
                    let database = result.clone();
                    let arrival = result.is_ok().then_some(events).flatten();
                    let arrival = arrival.map(|events| Arrival { stream, events, ingested, first_sequence });
                    if let (Ok(()), Some(cursor)) = (&result, cursor) {
                        cursors.insert(cursor.source, cursor.position);
                    }
                    appends.push(Written { done, arrival, result });
                    if failed {
                        return database;
                    }
                }
                Job::Change { mut change, .. } => {
                    // It may read or delete what the appends before it wrote.
                    grow(&tx, std::mem::take(&mut growth))?;
                    keep_cursors(&tx, std::mem::take(&mut cursors))?;
                    let result = change.run(&tx);
                    changes.push(change);
                    result?;
                    self.known.clear();
                }
            }
        }
        grow(&tx, growth)?;
        keep_cursors(&tx, cursors)?;
        tx.commit()?;
        Ok(())
    }

    fn append(
        &mut self,
        tx: &Transaction<'_>,
        stream: &StreamKey,
        chunks: &[Chunk],
        ingested: Timestamp,
        growth: &mut BTreeMap<i64, Growth>,
    ) -> Result<(), LogStoreError> {
        let ids = match self.known.get(stream) {
            Some(ids) => *ids,
            None => {
                let ids = find(tx, stream)?;
                if self.known.len() >= KNOWN_STREAMS {
                    self.known.clear();
                }
                self.known.insert(stream.clone(), ids);
                ids
            }
        };
        let mut insert = tx.prepare_cached(
            "INSERT INTO chunks (seq, stream_id, group_id, min_ts, max_ts, ingested, count, bytes, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for chunk in chunks {
            insert.execute(params![
                self.next_sequence as i64,
                ids.stream,
                ids.group,
                chunk.min,
                chunk.max,
                ingested.as_millis(),
                chunk.count,
                chunk.bytes as i64,
                chunk.data
            ])?;
            self.next_sequence += u64::from(chunk.count);
            let grown =
                growth.entry(ids.stream).or_insert(Growth { first: chunk.min, last: chunk.max, ingested: 0, bytes: 0 });
            grown.first = grown.first.min(chunk.min);
            grown.last = grown.last.max(chunk.max);
            grown.ingested = ingested.as_millis();
            grown.bytes += chunk.bytes;
        }
        Ok(())
    }
}

fn size(job: &Job) -> usize {
    match job {
        Job::Append(append) => append.chunks.iter().map(|chunk| chunk.data.len()).sum(),
        Job::Change { .. } => 0,
    }
}

fn find(tx: &Transaction<'_>, stream: &StreamKey) -> Result<Ids, LogStoreError> {
    let group = super::groups::id(tx, &stream.group_key())?.ok_or(LogStoreError::NoSuchGroup)?;
    let stream = super::streams::id(tx, group, &stream.stream)?.ok_or(LogStoreError::NoSuchStream)?;
    Ok(Ids { group, stream })
}

/// Adds to the streams' own records what was appended, once for each stream.
fn grow(tx: &Transaction<'_>, growth: BTreeMap<i64, Growth>) -> Result<(), LogStoreError> {
    let mut update = tx.prepare_cached(
        "UPDATE streams SET
            first_event = MIN(COALESCE(first_event, ?2), ?2),
            last_event = MAX(COALESCE(last_event, ?3), ?3),
            last_ingestion = ?4,
            bytes = bytes + ?5
         WHERE id = ?1",
    )?;
    for (stream, Growth { first, last, ingested, bytes }) in growth {
        update.execute(params![stream, first, last, ingested, bytes as i64])?;
    }
    Ok(())
}

fn keep_cursors(tx: &Transaction<'_>, cursors: BTreeMap<String, String>) -> Result<(), LogStoreError> {
    let mut put = tx.prepare_cached(
        "INSERT INTO cursors (source, position) VALUES (?1, ?2)
         ON CONFLICT (source) DO UPDATE SET position = excluded.position",
    )?;
    for (source, position) in cursors {
        put.execute(params![source, position])?;
    }
    Ok(())
}
