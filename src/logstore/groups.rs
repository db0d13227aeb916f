//! Log groups: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::LogStoreError;
use crate::identity::Scope;
use crate::time::Timestamp;

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Names a log group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl GroupKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }
}

/// What a log group is besides its name and its streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    pub created_at: Timestamp,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    pub class: String,
    /// Events older than this many days are deleted; `None` keeps them.
    #[serde(default)]
    pub retention_days: Option<i32>,
    #[serde(default)]
    pub kms_key: Option<String>,
    #[serde(default)]
    pub deletion_protection: bool,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl GroupSettings {
    /// A group as one is that is created with a name alone.
    #[must_use]
    pub fn new(created_at: Timestamp) -> Self {
        Self {
            created_at,
            class: "STANDARD".to_owned(),
            retention_days: None,
            kms_key: None,
            deletion_protection: false,
            tags: BTreeMap::new(),
        }
    }

    /// The first moment (in milliseconds) whose events are still kept; 0 when all are.
    #[must_use]
    pub fn kept_from(&self, now: Timestamp) -> i64 {
        self.retention_days.map_or(0, |days| (now.as_millis() - i64::from(days) * DAY_MS).max(0))
    }
}

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub key: GroupKey,
    pub settings: GroupSettings,
    /// The size of its events as CloudWatch counts it.
    pub stored_bytes: u64,
}

/// Which groups to list.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// The name begins with this...
    pub prefix: String,
    /// ... and has this in it.
    pub pattern: Option<String>,
    pub class: Option<String>,
    /// Only groups whose name sorts behind this one.
    pub after: Option<String>,
}

pub(super) fn id(connection: &Connection, key: &GroupKey) -> Result<Option<i64>, LogStoreError> {
    let mut select =
        connection.prepare_cached("SELECT id FROM groups WHERE account = ?1 AND region = ?2 AND name = ?3")?;
    let (account, region) = (key.scope.account.to_string(), key.scope.region.as_str());
    Ok(select.query_row(params![account, region, &*key.name], |row| row.get(0)).optional()?)
}

pub(super) fn create(tx: &Transaction<'_>, key: &GroupKey, settings: &GroupSettings) -> Result<(), LogStoreError> {
    if id(tx, key)?.is_some() {
        return Err(LogStoreError::GroupExists);
    }
    tx.prepare_cached("INSERT INTO groups (account, region, name, record) VALUES (?1, ?2, ?3, ?4)")?.execute(
        params![key.scope.account.to_string(), key.scope.region.as_str(), &*key.name, serde_json::to_vec(settings)?],
    )?;
    Ok(())
}

/// Deletes the group with its streams; their events are gone at once, their space a little later.
pub(super) fn delete(tx: &Transaction<'_>, key: &GroupKey) -> Result<(), LogStoreError> {
    let group = id(tx, key)?.ok_or(LogStoreError::NoSuchGroup)?;
    tx.execute("INSERT INTO doomed (stream_id) SELECT id FROM streams WHERE group_id = ?1", [group])?;
    tx.execute("DELETE FROM streams WHERE group_id = ?1", [group])?;
    tx.execute("DELETE FROM groups WHERE id = ?1", [group])?;
    Ok(())
}

/// Changes the group's settings, and returns what `change` does.
pub(super) fn update<T>(
    tx: &Transaction<'_>,
    key: &GroupKey,
    change: impl FnOnce(&mut GroupSettings) -> T,
) -> Result<T, LogStoreError> {
    let group = id(tx, key)?.ok_or(LogStoreError::NoSuchGroup)?;
    let record: Vec<u8> = tx.query_row("SELECT record FROM groups WHERE id = ?1", [group], |row| row.get(0))?;
    let mut settings = serde_json::from_slice(&record)?;
    let value = change(&mut settings);
    tx.execute("UPDATE groups SET record = ?2 WHERE id = ?1", params![group, serde_json::to_vec(&settings)?])?;
    Ok(value)
}

const COLUMNS: &str = "name, record, (SELECT COALESCE(SUM(bytes), 0) FROM streams WHERE streams.group_id = groups.id)";

fn read(scope: &Scope, row: &Row<'_>) -> Result<Group, LogStoreError> {
    let name: String = row.get(0)?;
    let record: Vec<u8> = row.get(1)?;
    Ok(Group {
        key: GroupKey::new(scope, &name),
        settings: serde_json::from_slice(&record)?,
        stored_bytes: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
    })
}

pub(super) fn get(connection: &Connection, key: &GroupKey) -> Result<Option<Group>, LogStoreError> {
    let Some(id) = id(connection, key)? else { return Ok(None) };
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM groups WHERE id = ?1"))?;
    let mut rows = select.query([id])?;
    rows.next()?.map(|row| read(&key.scope, row)).transpose()
}

/// Up to `limit` groups in the order of their names.
pub(super) fn list(
    connection: &Connection,
    scope: &Scope,
    filter: &GroupFilter,
    limit: usize,
) -> Result<Vec<Group>, LogStoreError> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM groups WHERE account = ?1 AND region = ?2 AND name >= ?3 AND name > ?4 ORDER BY name"
    ))?;
    let after = filter.after.as_deref().unwrap_or_default();
    let mut rows = select.query(params![scope.account.to_string(), scope.region.as_str(), filter.prefix, after])?;
    let mut groups = Vec::new();
    while groups.len() < limit {
        let Some(row) = rows.next()? else { break };
        let group = read(scope, row)?;
        if !group.key.name.starts_with(&filter.prefix) {
            break;
        }
        let named = filter.pattern.as_ref().is_none_or(|pattern| group.key.name.contains(pattern));
        if named && filter.class.as_ref().is_none_or(|class| *class == group.settings.class) {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// The groups of all scopes that have a retention: their ids and settings.
pub(super) fn with_retention(connection: &Connection) -> Result<Vec<(i64, GroupSettings)>, LogStoreError> {
    let mut select = connection.prepare_cached("SELECT id, record FROM groups")?;
    let mut rows = select.query([])?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        let settings: GroupSettings =
            serde_json::from_slice(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        if settings.retention_days.is_some() {
            groups.push((row.get(0)?, settings));
        }
    }
    Ok(groups)
}
