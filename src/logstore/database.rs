//! The database of the log store: its schema, and connections to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::LogStoreError;

const FILE: &str = "logs.db";

/// Each entry brings a database of the version that is its place in the list to the next version. Append only.
///
/// Ids of groups and streams are never used again (AUTOINCREMENT): chunks of deleted ones are removed bit by bit
/// (table `doomed`), and must not show up in a new one. The two indexes hold all that a reader needs to know which
/// chunks to unpack, in which order.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE groups (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        record BLOB NOT NULL,
        UNIQUE (account, region, name)
    );
    CREATE TABLE streams (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        group_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        created INTEGER NOT NULL,
        first_event INTEGER,
        last_event INTEGER,
        last_ingestion INTEGER,
        bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (group_id, name)
    );
    CREATE TABLE chunks (
        seq INTEGER PRIMARY KEY,
        stream_id INTEGER NOT NULL,
        group_id INTEGER NOT NULL,
        min_ts INTEGER NOT NULL,
        max_ts INTEGER NOT NULL,
        ingested INTEGER NOT NULL,
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX chunks_by_stream ON chunks (stream_id, min_ts, seq, max_ts, count);
    CREATE INDEX chunks_by_group ON chunks (group_id, min_ts, seq, max_ts, count, stream_id);
    CREATE TABLE doomed (stream_id INTEGER PRIMARY KEY);
    CREATE TABLE cursors (source TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
"];

/// How long a connection waits for another's lock; in WAL mode only a checkpoint or recovery takes one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Commits are moved from the log to the database (and synced) when it has this many pages: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4096;

/// Where connections for reading come from.
#[derive(Clone)]
pub(super) enum Readers {
    /// Connections of their own, which see the last commit and wait for nobody.
    File { path: Arc<PathBuf>, idle: Arc<Mutex<Vec<Connection>>> },
    /// A database in memory has one connection, for reading and writing.
    Memory(Arc<Mutex<Connection>>),
}

/// As many connections are kept open for reading.
const IDLE_READERS: usize = 4;

impl Readers {
    /// Runs `work` on a connection. Blocks.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, LogStoreError>,
    ) -> Result<T, LogStoreError> {
        match self {
            Self::Memory(connection) => work(&mut connection.lock()),
            Self::File { path, idle } => {
                let taken = idle.lock().pop();
                let mut connection = match taken {
                    Some(connection) => connection,
                    None => reader(path)?,
                };
                let result = work(&mut connection);
                let mut idle = idle.lock();
                if idle.len() < IDLE_READERS {
                    idle.push(connection);
                }
                result
            }
        }
    }
}

fn reader(path: &Path) -> Result<Connection, LogStoreError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens (or makes) the database in the folder.
pub(super) fn open(data_dir: &Path) -> Result<(Connection, PathBuf), LogStoreError> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| LogStoreError::Folder { path: data_dir.display().to_string(), reason: error.to_string() })?;
    let path = data_dir.join(FILE);
    let mut connection = new(Connection::open(&path)?)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // A checkpoint leaves the log this large at most.
    connection.pragma_update(None, "journal_size_limit", 4 * CHECKPOINT_PAGES * 4096)?;
    migrate(&mut connection)?;
    Ok((connection, path))
}

/// A database that is gone with the process.
pub(super) fn in_memory() -> Result<Connection, LogStoreError> {
    let mut connection = new(Connection::open_in_memory()?)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// What must be set before anything is read or written.
fn new(connection: Connection) -> Result<Connection, LogStoreError> {
    connection.set_prepared_statement_cache_capacity(64);
    // Space of deleted events goes back to the disk; see cleaning.rs.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), LogStoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(LogStoreError::NewerSchema { found, known });
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}

/// How durable a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    /// Outlives a kill of the process; after a power cut the last seconds may be missing, never a part of a commit.
    Process,
    /// Outlives a power cut as well.
    Power,
}

/// Sets how the next commits are synced.
pub(super) fn set_sync(connection: &Connection, sync: Sync) -> Result<(), LogStoreError> {
    let value = match sync {
        Sync::Process => "NORMAL",
        Sync::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", value)?;
    Ok(())
}

/// Bytes of the pages in use.
pub(super) fn used_bytes(connection: &Connection) -> Result<u64, LogStoreError> {
    let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = value("page_count")? - value("freelist_count")?;
    Ok(u64::try_from(pages * value("page_size")?).unwrap_or(0))
}
