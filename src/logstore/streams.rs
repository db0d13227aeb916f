//! Log streams: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html>

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::LogStoreError;
use super::groups::{self, GroupKey};
use crate::identity::Scope;
use crate::time::Timestamp;

/// Names a log stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    pub scope: Scope,
    /// The group's name.
    pub group: Arc<str>,
    pub stream: Arc<str>,
}

impl StreamKey {
    #[must_use]
    pub fn new(scope: &Scope, group: &str, stream: &str) -> Self {
        Self { scope: scope.clone(), group: group.into(), stream: stream.into() }
    }

    #[must_use]
    pub fn group_key(&self) -> GroupKey {
        GroupKey { scope: self.scope.clone(), name: self.group.clone() }
    }
}

/// A log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub created_at: Timestamp,
    /// The time of its oldest and newest event, and when the last one came; `None` while it has none.
    pub first_event: Option<Timestamp>,
    pub last_event: Option<Timestamp>,
    pub last_ingestion: Option<Timestamp>,
    /// The size of its events as CloudWatch counts it.
    pub stored_bytes: u64,
}

/// How streams are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOrder {
    Name,
    /// By the time of the newest event; streams without one count as older than all others.
    LastEvent,
}

/// Which streams to list, and in which order.
#[derive(Clone, Debug)]
pub struct StreamFilter {
    pub prefix: String,
    pub order: StreamOrder,
    pub descending: bool,
    /// The last stream of the page before: the time of its newest event (0 without one), and its name.
    pub after: Option<(i64, String)>,
}

pub(super) fn id(connection: &Connection, group: i64, name: &str) -> Result<Option<i64>, LogStoreError> {
    let mut select = connection.prepare_cached("SELECT id FROM streams WHERE group_id = ?1 AND name = ?2")?;
    Ok(select.query_row(params![group, name], |row| row.get(0)).optional()?)
}

pub(super) fn create(tx: &Transaction<'_>, key: &StreamKey, now: Timestamp) -> Result<(), LogStoreError> {
    let group = groups::id(tx, &key.group_key())?.ok_or(LogStoreError::NoSuchGroup)?;
    if id(tx, group, &key.stream)?.is_some() {
        return Err(LogStoreError::StreamExists);
    }
    tx.prepare_cached("INSERT INTO streams (group_id, name, created) VALUES (?1, ?2, ?3)")?.execute(params![
        group,
        &*key.stream,
        now.as_millis()
    ])?;
    Ok(())
}

/// Deletes the stream; its events are gone at once, their space a little later.
pub(super) fn delete(tx: &Transaction<'_>, key: &StreamKey) -> Result<(), LogStoreError> {
    let group = groups::id(tx, &key.group_key())?.ok_or(LogStoreError::NoSuchGroup)?;
    let stream = id(tx, group, &key.stream)?.ok_or(LogStoreError::NoSuchStream)?;
    tx.execute("INSERT INTO doomed (stream_id) VALUES (?1)", [stream])?;
    tx.execute("DELETE FROM streams WHERE id = ?1", [stream])?;
    Ok(())
}

const COLUMNS: &str = "name, created, first_event, last_event, last_ingestion, bytes";

fn read(row: &Row<'_>) -> Result<Stream, rusqlite::Error> {
    let time = |index| row.get::<_, Option<i64>>(index).map(|time| time.map(Timestamp::from_millis));
    Ok(Stream {
        name: row.get(0)?,
        created_at: Timestamp::from_millis(row.get(1)?),
        first_event: time(2)?,
        last_event: time(3)?,
        last_ingestion: time(4)?,
        stored_bytes: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
    })
}

pub(super) fn get(connection: &Connection, key: &StreamKey) -> Result<Option<Stream>, LogStoreError> {
    let Some(group) = groups::id(connection, &key.group_key())? else { return Err(LogStoreError::NoSuchGroup) };
    let mut select =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM streams WHERE group_id = ?1 AND name = ?2"))?;
    Ok(select.query_row(params![group, &*key.stream], read).optional()?)
}

/// Up to `limit` streams of a group.
pub(super) fn list(
    connection: &Connection,
    key: &GroupKey,
    filter: &StreamFilter,
    limit: usize,
) -> Result<Vec<Stream>, LogStoreError> {
    let group = groups::id(connection, key)?.ok_or(LogStoreError::NoSuchGroup)?;
    let (sign, direction) = if filter.descending { ("<", "DESC") } else { (">", "ASC") };
    let (behind, order) = match filter.order {
        StreamOrder::Name => (format!("name {sign} ?4"), format!("name {direction}")),
        StreamOrder::LastEvent => (
            format!("(COALESCE(last_event, 0), name) {sign} (?3, ?4)"),
            format!("COALESCE(last_event, 0) {direction}, name {direction}"),
        ),
    };
    let behind = if filter.after.is_some() { behind } else { "TRUE OR ?3 OR ?4".to_owned() };
    // Names that begin with the prefix: the code point that is larger than any other ends the range.
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM streams
         WHERE group_id = ?1 AND name >= ?2 AND name < ?2 || char(0x10FFFF) AND ({behind})
         ORDER BY {order} LIMIT ?5"
    ))?;
    let (time, name) = filter.after.as_ref().map_or((0, ""), |(time, name)| (*time, name.as_str()));
    let rows = select.query_map(params![group, filter.prefix, time, name, limit as i64], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The ids and names of a group's streams with this prefix.
pub(super) fn ids_with_prefix(
    connection: &Connection,
    group: i64,
    prefix: &str,
) -> Result<Vec<(i64, String)>, LogStoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, name FROM streams WHERE group_id = ?1 AND name >= ?2 AND name < ?2 || char(0x10FFFF) ORDER BY name",
    )?;
    let rows = select.query_map(params![group, prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
