//! Reading: the events of a stream or of some streams of a group, in the order of their positions, forwards or
//! backwards, without ever holding more than a few chunks.
//!
//! The indexes say which chunks there are ([`Meta`]); a chunk is unpacked when the merge comes to its first event.
//! Chunks may overlap: appends bring late events, and the streams of a group write at the same time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::chunk::{self, EVENT_OVERHEAD, MAX_SPAN_MS, Unpacked};
use super::groups::{self, GroupKey};
use super::position::Position;
use super::{LogStoreError, streams};
use crate::time::Timestamp;

/// How many index entries are read at once.
const PAGE: usize = 256;
/// Up to this many streams are read by their own index; more by that of their group.
const FEW_STREAMS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// Which streams of a group are read.
#[derive(Clone, Debug)]
pub enum Selection {
    All,
    /// Those whose name begins so.
    Prefix(String),
    /// Those of these names. One that does not exist is an error ([`LogStoreError::NoSuchStream`]).
    Names(Vec<String>),
}

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Scan {
    pub group: GroupKey,
    pub streams: Selection,
    /// The first place, and the one behind the last.
    pub from: Position,
    pub to: Position,
    pub direction: Direction,
    pub limits: Limits,
}

/// When a page ends.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events of a page.
    pub events: usize,
    /// Bytes of a page, as CloudWatch counts them: a message and 26 more for each event. One event is given in any
    /// case.
    pub bytes: usize,
    /// Bytes that are looked at, whether they match or not: then the page ends even if it is empty.
    pub examined: usize,
}

/// An event as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    pub position: Position,
    pub stream: Arc<str>,
    pub ingested: Timestamp,
    pub message: String,
}

/// A part of the events of a [`Scan`].
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order of the scan's direction: the newest first when it goes backwards.
    pub events: Vec<StoredEvent>,
    /// Where to go on (`from` of the next scan, or `to` when it goes backwards); `None` at the end.
    pub resume: Option<Position>,
}

/// A chunk as the index knows it.
#[derive(Clone, Copy, Debug)]
struct Meta {
    sequence: u64,
    stream: i64,
    min: i64,
    max: i64,
    count: u64,
}

/// One index's entries, page by page.
struct Source {
    index: Index,
    ahead: VecDeque<Meta>,
    /// The last entry read from the database.
    last: (i64, i64),
    ended: bool,
}

#[derive(Clone, Copy)]
enum Index {
    Group(i64),
    Stream(i64),
}

/// An unpacked chunk, and how far it is read.
struct Open {
    meta: Meta,
    events: Unpacked,
    ingested: Timestamp,
    /// The event that is next.
    at: usize,
}

/// Sorts what is next to the top of a heap.
struct Next<T> {
    position: Position,
    direction: Direction,
    item: T,
}

impl<T> Ord for Next<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.direction {
            Direction::Forward => other.position.cmp(&self.position),
            Direction::Backward => self.position.cmp(&other.position),
        }
    }
}

impl<T> PartialOrd for Next<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Next<T> {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl<T> Eq for Next<T> {}

/// Reads a page; `matches` says of a message whether it belongs to it.
pub(super) fn run(
    connection: &mut Connection,
    scan: &Scan,
    mut matches: impl FnMut(&str) -> bool,
) -> Result<Page, LogStoreError> {
    // One view of the database, whatever is written meanwhile.
    let tx = connection.transaction()?;
    let Some(mut reader) = Reader::new(&tx, scan)? else { return Ok(Page::default()) };
    let mut page = Page::default();
    let (mut bytes, mut examined) = (0, 0);
    while let Some(open) = reader.next()? {
        let position = open.position();
        let message = open.events.message(open.at);
        let size = message.len() + EVENT_OVERHEAD;
        let matched = matches(message);
        let full = matched
            && (page.events.len() >= scan.limits.events
                || (bytes + size > scan.limits.bytes && !page.events.is_empty()));
        if full || examined > scan.limits.examined {
            page.resume = Some(match scan.direction {
                Direction::Forward => position,
                Direction::Backward => position.next(),
            });
            break;
        }
        examined += size;
        if matched && let Some(stream) = reader.names.get(&open.meta.stream) {
            bytes += size;
            let message = message.to_owned();
            page.events.push(StoredEvent { position, stream: stream.clone(), ingested: open.ingested, message });
        }
        reader.keep(open);
    }
    Ok(page)
}

struct Reader<'a> {
    connection: &'a Connection,
    scan: &'a Scan,
    sources: Vec<Source>,
    /// The streams that are read; with a group's index, others may come up.
    names: HashMap<i64, Arc<str>>,
    /// Chunks that are known but not unpacked.
    metas: BinaryHeap<Next<Meta>>,
    open: BinaryHeap<Next<Open>>,
}

impl<'a> Reader<'a> {
    /// `None` when there is nothing to read.
    fn new(connection: &'a Connection, scan: &'a Scan) -> Result<Option<Self>, LogStoreError> {
        let group = groups::id(connection, &scan.group)?.ok_or(LogStoreError::NoSuchGroup)?;
        let streams = match &scan.streams {
            Selection::All => streams::ids_with_prefix(connection, group, "")?,
            Selection::Prefix(prefix) => streams::ids_with_prefix(connection, group, prefix)?,
            Selection::Names(names) => {
                let unique: HashSet<&String> = names.iter().collect();
                let found = unique.into_iter().map(|name| {
                    let id = streams::id(connection, group, name)?.ok_or(LogStoreError::NoSuchStream)?;
                    Ok((id, name.clone()))
                });
                found.collect::<Result<Vec<_>, LogStoreError>>()?
            }
        };
        if streams.is_empty() || scan.from >= scan.to {
            return Ok(None);
        }
        let indexes = if streams.len() <= FEW_STREAMS {
            streams.iter().map(|(id, _)| Index::Stream(*id)).collect()
        } else {
            vec![Index::Group(group)]
        };
        let names = streams.into_iter().map(|(id, name)| (id, name.into())).collect();
        let sources = indexes.into_iter().map(|index| Source::new(index, scan)).collect();
        Ok(Some(Self { connection, scan, sources, names, metas: BinaryHeap::new(), open: BinaryHeap::new() }))
    }

    /// The chunk whose next event is the next of all.
    fn next(&mut self) -> Result<Option<Open>, LogStoreError> {
        loop {
            self.read_ahead()?;
            let unpack = match (self.metas.peek(), self.open.peek()) {
                (None, None) => return Ok(None),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(meta), Some(open)) => match self.scan.direction {
                    Direction::Forward => meta.position < open.position,
                    Direction::Backward => meta.position > open.position,
                },
            };
            if !unpack {
                return Ok(self.open.pop().map(|next| next.item));
            }
            let Some(meta) = self.metas.pop() else { continue };
            if let Some(open) = self.unpack(meta.item)? {
                self.push(open);
            }
        }
    }

    /// Takes back a chunk whose next event was read.
    fn keep(&mut self, mut open: Open) {
        match self.scan.direction {
            Direction::Forward => open.at += 1,
            Direction::Backward if open.at == 0 => return,
            Direction::Backward => open.at -= 1,
        }
        self.push(open);
    }

    /// Puts a chunk where its next event belongs, unless there is none in the scan's range.
    fn push(&mut self, open: Open) {
        if open.at >= open.events.len() {
            return;
        }
        let position = open.position();
        if position >= self.scan.from && position < self.scan.to {
            self.open.push(Next { position, direction: self.scan.direction, item: open });
        }
    }

    /// Reads index entries until no unread one can hold an event that comes before what is known.
    fn read_ahead(&mut self) -> Result<(), LogStoreError> {
        for source in &mut self.sources {
            loop {
                if source.ahead.is_empty() && !source.ended {
                    source.fill(self.connection, self.scan)?;
                }
                let Some(meta) = source.ahead.front() else { break };
                let known = [self.metas.peek().map(|next| next.position), self.open.peek().map(|next| next.position)];
                let known = known.into_iter().flatten();
                let needed = match self.scan.direction {
                    Direction::Forward => known.min().is_none_or(|known| meta.first() < known),
                    // Those that follow begin earlier, but may end later than this one.
                    Direction::Backward => {
                        known.max().is_none_or(|known| meta.min.saturating_add(MAX_SPAN_MS) >= known.timestamp)
                    }
                };
                if !needed {
                    break;
                }
                let Some(meta) = source.ahead.pop_front() else { break };
                if meta.max < self.scan.from.timestamp || !self.names.contains_key(&meta.stream) {
                    continue;
                }
                let position = match self.scan.direction {
                    Direction::Forward => meta.first(),
                    Direction::Backward => meta.last(),
                };
                self.metas.push(Next { position, direction: self.scan.direction, item: meta });
            }
        }
        Ok(())
    }

    fn unpack(&self, meta: Meta) -> Result<Option<Open>, LogStoreError> {
        let mut select = self.connection.prepare_cached("SELECT ingested, data FROM chunks WHERE seq = ?1")?;
        let row: Option<(i64, Vec<u8>)> =
            select.query_row([meta.sequence as i64], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((ingested, data)) = row else { return Ok(None) };
        let Some(events) = chunk::unpack(meta.min, &data) else {
            tracing::error!(sequence = meta.sequence, "a chunk of log events is broken");
            return Ok(None);
        };
        let place =
            |index: &usize| Position { timestamp: events.timestamp(*index), sequence: meta.sequence + *index as u64 };
        let at = match self.scan.direction {
            Direction::Forward => (0..events.len()).find(|index| place(index) >= self.scan.from),
            Direction::Backward => (0..events.len()).rev().find(|index| place(index) < self.scan.to),
        };
        let ingested = Timestamp::from_millis(ingested);
        Ok(at.map(|at| Open { meta, events, ingested, at }))
    }
}

impl Meta {
    fn first(&self) -> Position {
        Position { timestamp: self.min, sequence: self.sequence }
    }

    fn last(&self) -> Position {
        Position { timestamp: self.max, sequence: self.sequence + self.count.saturating_sub(1) }
    }
}

impl Open {
    fn position(&self) -> Position {
        Position { timestamp: self.events.timestamp(self.at), sequence: self.meta.sequence + self.at as u64 }
    }
}

impl Source {
    fn new(index: Index, scan: &Scan) -> Self {
        let last = match scan.direction {
            // A chunk that begins earlier than this ends before the range.
            Direction::Forward => (scan.from.timestamp.saturating_sub(MAX_SPAN_MS), -1),
            Direction::Backward => (scan.to.timestamp, i64::MAX),
        };
        Self { index, ahead: VecDeque::new(), last, ended: false }
    }

    fn fill(&mut self, connection: &Connection, scan: &Scan) -> Result<(), LogStoreError> {
        let (column, id, index) = match self.index {
            Index::Group(id) => ("group_id", id, "chunks_by_group"),
            Index::Stream(id) => ("stream_id", id, "chunks_by_stream"),
        };
        let (behind, bound, order) = match scan.direction {
            Direction::Forward => (">", "min_ts <= ?4", "min_ts, seq"),
            Direction::Backward => ("<", "min_ts >= ?4", "min_ts DESC, seq DESC"),
        };
        let bound_value = match scan.direction {
            Direction::Forward => scan.to.timestamp,
            Direction::Backward => scan.from.timestamp.saturating_sub(MAX_SPAN_MS),
        };
        let mut select = connection.prepare_cached(&format!(
            "SELECT seq, stream_id, min_ts, max_ts, count FROM chunks INDEXED BY {index}
             WHERE {column} = ?1 AND (min_ts, seq) {behind} (?2, ?3) AND {bound} ORDER BY {order} LIMIT {PAGE}"
        ))?;
        let mut rows = select.query(params![id, self.last.0, self.last.1, bound_value])?;
        while let Some(row) = rows.next()? {
            let sequence: i64 = row.get(0)?;
            let min = row.get(2)?;
            self.last = (min, sequence);
            self.ahead.push_back(Meta {
                sequence: u64::try_from(sequence).unwrap_or(0),
                stream: row.get(1)?,
                min,
                max: row.get(3)?,
                count: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            });
        }
        self.ended = self.ahead.len() < PAGE;
        Ok(())
    }
}
