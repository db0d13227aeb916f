//! What containers print: how the engine is to keep it, and how it is read back.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::Result;

/// Who keeps a container's output.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum LogDriver {
    /// The engine's own choice; it may be one that can't be read.
    #[default]
    Default,
    /// A bounded file that [`ContainerRuntime::logs`](super::ContainerRuntime::logs) reads, byte for byte, whatever
    /// the engine's default is. The options are those that any driver has: `mode`, `max-buffer-size`.
    Readable(LogOptions),
    /// A driver by the engine's name for it.
    Named { driver: String, options: LogOptions },
}

/// Options of a driver. Some are secrets (tokens), so only their names are ever shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LogOptions(pub BTreeMap<String, String>);

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Which part of a container's output is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LogsRequest {
    /// Seconds since the epoch by the engine's clock; records of that second and later ones. `None`: from the start.
    pub since: Option<i64>,
    /// Only so many of the last records.
    pub tail: Option<u64>,
    /// Go on with what is printed later, until the container ends.
    pub follow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogSource {
    /// Also what a terminal shows: it does not tell the two apart.
    Stdout,
    Stderr,
}

/// A line, or a part of a long one: engines cut lines at 16 KiB or so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub source: LogSource,
    /// Nanoseconds since the epoch by the engine's clock. The parts of a line have the time of the first.
    pub at: i64,
    /// Without the newline.
    pub bytes: Bytes,
    /// Whether the line ends with it.
    pub complete: bool,
}

/// Records in the order in which the engine wrote them; those of stdout and stderr may differ a little from the order
/// of their times. It ends where the log ends, or when the container does.
pub type LogRecords = BoxStream<'static, Result<LogRecord>>;
