//! Events leave: those of deleted streams, those older than their group's retention, and the oldest of all when the
//! store is full. In small steps between the appends, so that nobody waits long.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::LogStoreError;
use super::database::used_bytes;

/// How many chunks one step removes.
const STEP: i64 = 256;
/// Free space is given back when it is this many pages (10 MiB) and a quarter of the file; less is used again soon.
const FREE_PAGES: i64 = 2560;
/// How many pages one step gives back.
const VACUUM_PAGES: i64 = 512;

/// Does one step of what there is to clean; returns whether there is more.
pub(super) fn step(connection: &mut Connection, max_bytes: u64) -> Result<bool, LogStoreError> {
    if used_bytes(connection)? > max_bytes && evict(connection, max_bytes)? {
        return Ok(true);
    }
    if remove_doomed(connection)? {
        return Ok(true);
    }
    give_back(connection)
}

/// A chunk that goes.
struct Going {
    sequence: i64,
    stream: i64,
    bytes: i64,
}

/// Removes the events that came first, whatever their group; a twentieth of the store at most. Returns whether there
/// were any.
fn evict(connection: &mut Connection, max_bytes: u64) -> Result<bool, LogStoreError> {
    let tx = connection.transaction()?;
    let mut going = Vec::new();
    {
        let mut oldest =
            tx.prepare_cached("SELECT seq, stream_id, bytes, LENGTH(data) FROM chunks ORDER BY seq LIMIT ?1")?;
        let mut rows = oldest.query([STEP])?;
        let mut freed = 0;
        while let Some(row) = rows.next()? {
            going.push(Going { sequence: row.get(0)?, stream: row.get(1)?, bytes: row.get(2)? });
            freed += u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
            if freed > max_bytes / 20 {
                break;
            }
        }
    }
    remove(&tx, &going)?;
    tx.commit()?;
    Ok(!going.is_empty())
}

/// Removes chunks of a group whose last event is older than `cutoff`; returns whether there may be more.
pub(super) fn expire(tx: &Transaction<'_>, group: i64, cutoff: i64) -> Result<bool, LogStoreError> {
    let going = {
        let mut old = tx.prepare_cached(
            "SELECT c.seq, c.stream_id, c.bytes
             FROM (SELECT seq FROM chunks WHERE group_id = ?1 AND min_ts < ?2 AND max_ts < ?2 LIMIT ?3) AS old
             JOIN chunks AS c ON c.seq = old.seq",
        )?;
        let rows = old.query_map(params![group, cutoff, STEP], |row| {
            Ok(Going { sequence: row.get(0)?, stream: row.get(1)?, bytes: row.get(2)? })
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    remove(tx, &going)?;
    Ok(going.len() as i64 == STEP)
}

/// Removes chunks, and what they added to their streams' records.
fn remove(tx: &Transaction<'_>, going: &[Going]) -> Result<(), LogStoreError> {
    let mut streams: BTreeMap<i64, i64> = BTreeMap::new();
    let mut delete = tx.prepare_cached("DELETE FROM chunks WHERE seq = ?1")?;
    for chunk in going {
        delete.execute([chunk.sequence])?;
        *streams.entry(chunk.stream).or_default() += chunk.bytes;
    }
    let mut update = tx.prepare_cached(
        "UPDATE streams SET
            bytes = MAX(bytes - ?2, 0),
            first_event = (SELECT MIN(min_ts) FROM chunks WHERE stream_id = ?1)
         WHERE id = ?1",
    )?;
    for (stream, bytes) in streams {
        update.execute([stream, bytes])?;
    }
    Ok(())
}

/// Removes some events of a deleted stream; returns whether there was one.
fn remove_doomed(connection: &mut Connection) -> Result<bool, LogStoreError> {
    let doomed: Option<i64> = connection
        .prepare_cached("SELECT stream_id FROM doomed LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(stream) = doomed else { return Ok(false) };
    let tx = connection.transaction()?;
    let removed = tx
        .prepare_cached("DELETE FROM chunks WHERE seq IN (SELECT seq FROM chunks WHERE stream_id = ?1 LIMIT ?2)")?
        .execute([stream, STEP])?;
    if (removed as i64) < STEP {
        tx.execute("DELETE FROM doomed WHERE stream_id = ?1", [stream])?;
    }
    tx.commit()?;
    Ok(true)
}

/// Gives free pages back to the disk, if they are many.
fn give_back(connection: &Connection) -> Result<bool, LogStoreError> {
    let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let free = value("freelist_count")?;
    if free < FREE_PAGES || free * 4 < value("page_count")? {
        return Ok(false);
    }
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(value("freelist_count")? < free)
}
