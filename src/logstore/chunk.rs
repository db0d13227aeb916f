//! Events in packs: many lines make one row, compressed.
//!
//! A row for each line would cost two index entries and some 40 bytes each. A chunk holds the events of one stream and
//! one append, in their order, and no more than [`MAX_SPAN_MS`] apart: that bound lets a reader find all chunks that
//! can hold a moment by looking at those that begin shortly before it.

use super::LogEvent;

/// A chunk's last event is at most this much later than its first.
pub(super) const MAX_SPAN_MS: i64 = 10_000;
/// A chunk is closed when its messages have this many bytes: what a reader unpacks at once.
const TARGET_BYTES: usize = 64 * 1024;
const MAX_EVENTS: usize = 4096;
/// Shorter ones gain nothing.
const COMPRESS_FROM: usize = 256;

/// No chunk says it is larger than this unpacked: one message can be longer than [`TARGET_BYTES`], but not without end.
const MAX_UNPACKED: usize = 64 * 1024 * 1024;

/// How a chunk's data is packed: its first byte.
const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// What CloudWatch counts for an event besides its message.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
pub const EVENT_OVERHEAD: usize = 26;

/// Events ready to be written.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) count: u32,
    /// As CloudWatch counts: messages and [`EVENT_OVERHEAD`] each.
    pub(super) bytes: u64,
    pub(super) data: Vec<u8>,
}

/// Packs events, which are sorted by their time.
pub(super) fn pack(events: &[LogEvent]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fits = |event: &&LogEvent| {
            let fits = event.timestamp - first.timestamp <= MAX_SPAN_MS && bytes < TARGET_BYTES;
            bytes += event.message.len();
            fits
        };
        let count = rest.iter().take(MAX_EVENTS).take_while(fits).count();
        let (now, later) = rest.split_at(count);
        chunks.push(pack_one(now));
        rest = later;
    }
    chunks
}

fn pack_one(events: &[LogEvent]) -> Chunk {
    let messages: usize = events.iter().map(|event| event.message.len()).sum();
    let mut plain = Vec::with_capacity(1 + messages + events.len() * 4);
    plain.push(PLAIN);
    let (min, max) = (events[0].timestamp, events[events.len() - 1].timestamp);
    let mut last = min;
    for event in events {
        write_varint(&mut plain, event.timestamp.abs_diff(last));
        write_varint(&mut plain, event.message.len() as u64);
        plain.extend_from_slice(event.message.as_bytes());
        last = event.timestamp;
    }
    let data = if plain.len() < COMPRESS_FROM { plain } else { compressed(plain) };
    let bytes = (messages + events.len() * EVENT_OVERHEAD) as u64;
    Chunk { min, max, count: events.len() as u32, bytes, data }
}

fn compressed(plain: Vec<u8>) -> Vec<u8> {
    let mut data = vec![LZ4];
    data.extend_from_slice(&(plain.len() as u32 - 1).to_le_bytes());
    data.extend(lz4_flex::block::compress(&plain[1..]));
    if data.len() < plain.len() { data } else { plain }
}

/// The events of a chunk, unpacked in one piece.
pub(super) struct Unpacked {
    text: Vec<u8>,
    /// Of each event: its time, and where its message lies in `text`.
    events: Vec<(i64, std::ops::Range<usize>)>,
}

impl Unpacked {
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn timestamp(&self, index: usize) -> i64 {
        self.events[index].0
    }

    pub(super) fn message(&self, index: usize) -> &str {
        // It was a string when it was packed.
        str::from_utf8(&self.text[self.events[index].1.clone()]).unwrap_or_default()
    }
}

/// Reads what [`pack`] made; `None` when it is broken.
pub(super) fn unpack(min: i64, data: &[u8]) -> Option<Unpacked> {
    let (kind, body) = data.split_first()?;
    let text = match *kind {
        PLAIN => body.to_vec(),
        LZ4 => {
            let (length, body) = body.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > MAX_UNPACKED {
                return None;
            }
            lz4_flex::block::decompress(body, length).ok()?
        }
        _ => return None,
    };
    let mut events = Vec::new();
    let (mut at, mut last) = (0, min);
    while at < text.len() {
        let delta = read_varint(&text, &mut at)?;
        let length = usize::try_from(read_varint(&text, &mut at)?).ok()?;
        let end = at.checked_add(length).filter(|end| *end <= text.len())?;
        last = last.checked_add_unsigned(delta)?;
        events.push((last, at..end));
        at = end;
    }
    Some(Unpacked { text, events })
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(chunks: &[Chunk]) -> Vec<LogEvent> {
        let mut events = Vec::new();
        for chunk in chunks {
            let unpacked = unpack(chunk.min, &chunk.data).expect("readable");
            assert_eq!(unpacked.len(), chunk.count as usize);
            assert!(chunk.max - chunk.min <= MAX_SPAN_MS);
            events.extend((0..unpacked.len()).map(|index| LogEvent {
                timestamp: unpacked.timestamp(index),
                message: unpacked.message(index).to_owned(),
            }));
        }
        events
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(mut events in proptest::collection::vec((0_i64..100_000, "[a-c\u{e9}]{0,300}"), 0..50)) {
            events.sort();
            let events: Vec<LogEvent> =
                events.into_iter().map(|(timestamp, message)| LogEvent { timestamp, message }).collect();
            prop_assert_eq!(unpacked(&pack(&events)), events);
        }

        #[test]
        fn broken_data_is_refused_without_a_panic(data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = unpack(0, &data);
        }
    }

    #[test]
    fn large_appends_become_many_chunks() {
        let line = "x".repeat(1000);
        let events: Vec<_> = (0..1000).map(|at| LogEvent { timestamp: at, message: line.clone() }).collect();
        let chunks = pack(&events);
        assert!(chunks.len() > 10 && chunks.iter().all(|chunk| chunk.count <= 67), "{}", chunks.len());
        assert_eq!(unpacked(&chunks), events);
        let huge = [LogEvent { timestamp: 1, message: "y".repeat(300_000) }];
        assert_eq!(unpacked(&pack(&huge)), huge);
    }
}
