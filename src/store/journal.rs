//! The journal: one SQLite database (WAL) with one row for each record, written by one thread.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Change, Commit, Pending, Shared, State};
use crate::ids::IdSource;

/// Each entry brings a database of the version that is its place in the list to the next version.
/// Append only: databases of every earlier version are out there.
///
/// Records have a rowid: they are too large for an index B-tree, which is what a table without one is. That way half
/// the pages are written.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE records (
        tbl TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (tbl, key)
    );
"];

const FILE: &str = "localecs.sqlite3";

/// How long to wait for another server to let go of the database: enough for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(1);

/// What can go wrong with the journal. The messages say what to do where something can be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    #[error("can't make the data directory {path}: {reason}")]
    Folder { path: String, reason: String },
    #[error("another LocalECS uses the data directory {0}: stop it, or choose another with --data-dir")]
    InUse(String),
    #[error(
        "the data directory was written by a newer LocalECS (schema version {found}, this one knows {known}): \
         upgrade, or choose another with --data-dir"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error("the journal has a table this LocalECS does not know: {0}")]
    UnknownTable(String),
    #[error("a record of table {table} can't be read: {reason}")]
    Unreadable { table: String, reason: String },
    #[error("a record of table {table} can't be written: {reason}")]
    Unwritable { table: String, reason: String },
    #[error("the journal's database failed: {0}")]
    Database(Arc<rusqlite::Error>),
    #[error("can't start the journal's thread: {0}")]
    Thread(String),
    #[error("the journal is closed")]
    Stopped,
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// A record as the journal keeps it; no value means that it is deleted.
#[derive(Debug)]
pub(super) struct Row {
    table: &'static str,
    key: String,
    value: Option<Vec<u8>>,
}

impl Row {
    pub(super) fn new(
        table: &'static str,
        key: &impl Serialize,
        record: Option<&Arc<impl Serialize>>,
    ) -> Result<Self, JournalError> {
        let unwritable =
            |error: serde_json::Error| JournalError::Unwritable { table: table.to_owned(), reason: error.to_string() };
        let key = serde_json::to_string(key).map_err(unwritable)?;
        let value = record.map(|record| serde_json::to_vec(record.as_ref())).transpose().map_err(unwritable)?;
        Ok(Self { table, key, value })
    }
}

pub(super) fn decode<R: DeserializeOwned>(table: &str, value: &[u8]) -> Result<R, JournalError> {
    serde_json::from_slice(value)
        .map_err(|error| JournalError::Unreadable { table: table.to_owned(), reason: error.to_string() })
}

/// What [`open`] found.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) state: State,
    pub(super) store_id: String,
}

pub(super) fn open(data_dir: &Path, ids: &IdSource) -> Result<Opened, JournalError> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| JournalError::Folder { path: data_dir.display().to_string(), reason: error.to_string() })?;
    let mut connection = Connection::open(data_dir.join(FILE))?;
    connection.busy_timeout(PATIENCE)?;
    let store_id = prepare(&mut connection, ids).map_err(|error| match &error {
        JournalError::Database(cause) if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
            JournalError::InUse(data_dir.display().to_string())
        }
        _ => error,
    })?;
    let state = load(&connection)?;
    Ok(Opened { connection, state, store_id })
}

/// Takes the database for this process, brings its schema up to date and returns the store's id.
fn prepare(connection: &mut Connection, ids: &IdSource) -> Result<String, JournalError> {
    // The exclusive lock is held as long as the connection lives: a second server on the same folder would
    // overwrite what this one acknowledged. It also spares WAL its shared-memory file.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is synced, so that it outlives a power cut as well as a kill.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(JournalError::NewerSchema { found, known });
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    let stored: Option<String> =
        tx.query_row("SELECT value FROM meta WHERE name = 'store_id'", [], |row| row.get(0)).optional()?;
    let store_id = match stored {
        Some(id) => id,
        None => {
            let id = ids.hex(16);
            tx.execute("INSERT INTO meta (name, value) VALUES ('store_id', ?1)", params![id])?;
            id
        }
    };
    tx.commit()?;
    Ok(store_id)
}

fn load(connection: &Connection) -> Result<State, JournalError> {
    let mut state = State::default();
    let mut statement = connection.prepare("SELECT tbl, value FROM records")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let table = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let value = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        state.load(table, value)?;
    }
    state.loaded();
    Ok(state)
}

/// Transactions that wait for the journal's thread.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<Pending>,
    /// The thread has taken transactions and not yet said how they ended.
    writing: bool,
    closed: bool,
}

impl Queue {
    /// Adds a transaction, unless the thread has ended.
    pub(super) fn push(&mut self, pending: Pending) -> Result<(), JournalError> {
        if self.closed {
            return Err(JournalError::Stopped);
        }
        self.waiting.push(pending);
        Ok(())
    }

    /// Whether all that was ever pushed is durable.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && !self.writing
    }
}

/// The journal's thread; dropping it writes what is queued and closes the database.
pub(super) struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    pub(super) fn start(connection: Connection, shared: Arc<Shared>) -> Result<Self, JournalError> {
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn({
                let shared = shared.clone();
                move || run(connection, &shared)
            })
            .map_err(|error| JournalError::Thread(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.head.lock().queue.closed = true;
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// However the thread ends, even by a panic: nobody waits for it any more, and nobody begins to.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut head = self.0.head.lock();
        head.state = self.0.published.borrow().clone();
        head.queue = Queue { closed: true, ..Queue::default() };
    }
}

fn run(mut connection: Connection, shared: &Shared) {
    let _closing = Closing(shared);
    loop {
        let (batch, closed) = {
            let mut head = shared.head.lock();
            let batch = std::mem::take(&mut head.queue.waiting);
            head.queue.writing = !batch.is_empty();
            (batch, head.queue.closed)
        };
        if batch.is_empty() {
            if closed {
                return;
            }
            thread::park();
            continue;
        }
        let commit = merge(&batch);
        match write(&mut connection, &commit) {
            Ok(()) => {
                if !commit.changes.is_empty() {
                    shared.publish(commit);
                }
                settle(shared);
                for pending in batch {
                    let _ = pending.done.send(Ok(()));
                }
            }
            Err(error) => fail(shared, batch, &error),
        }
    }
}

fn settle(shared: &Shared) {
    shared.head.lock().queue.writing = false;
}

/// All transactions of a batch as one: the last state, and each changed key once.
fn merge(batch: &[Pending]) -> Commit {
    let changes: BTreeSet<Change> = batch.iter().flat_map(|pending| pending.changes.iter().cloned()).collect();
    let state = batch.last().map_or_else(Arc::default, |pending| pending.state.clone());
    Commit { state, changes: changes.into_iter().collect() }
}

fn write(connection: &mut Connection, commit: &Commit) -> Result<(), JournalError> {
    if commit.changes.is_empty() {
        return Ok(());
    }
    let tx = connection.transaction()?;
    {
        let mut put = tx.prepare_cached(
            "INSERT INTO records (tbl, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value",
        )?;
        let mut delete = tx.prepare_cached("DELETE FROM records WHERE tbl = ?1 AND key = ?2")?;
        for change in commit.changes.iter() {
            let row = commit.state.row(change)?;
            match row.value {
                Some(value) => put.execute(params![row.table, row.key, value])?,
                None => delete.execute(params![row.table, row.key])?,
            };
        }
    }
    tx.commit()?;
    Ok(())
}

/// Nothing of the batch is written: the head goes back to what is published, and whatever was built on the
/// lost state since fails too.
fn fail(shared: &Shared, batch: Vec<Pending>, error: &JournalError) {
    tracing::error!(%error, "the journal could not be written; the transactions on their way are refused");
    let later = {
        let mut head = shared.head.lock();
        head.state = shared.published.borrow().clone();
        head.queue.writing = false;
        std::mem::take(&mut head.queue.waiting)
    };
    for pending in batch.into_iter().chain(later) {
        let _ = pending.done.send(Err(error.clone()));
    }
}
