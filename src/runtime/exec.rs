//! A command inside a running container, at a terminal.

use bytes::Bytes;
use tokio::sync::mpsc;

/// What to run. It gets a terminal of its own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExecSpec {
    pub command: Vec<String>,
    /// As in `docker exec --user`; `None` is the container's.
    pub user: Option<String>,
    /// `NAME=value`, besides what the container has.
    pub environment: Vec<String>,
}

/// What a command at a terminal is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecInput {
    /// As typed: Ctrl-C is the byte 3.
    Data(Bytes),
    Resize {
        columns: u16,
        rows: u16,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecOutput {
    Data(Bytes),
    /// The last.
    Ended(ExecEnd),
}

/// How a command came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEnd {
    /// 137 when it was killed, with its container or alone.
    Exited(i32),
    /// The engine's own words for why it never ran.
    NotStarted(String),
    /// The connection to the engine broke; whether the command goes on is unknown.
    Lost(String),
}

/// A command that runs. Who drops one of the ends hangs up: the command gets SIGHUP where the engine's processes can
/// be reached, and is killed if it does not end soon; elsewhere it gets the keys that end most programs.
#[derive(Debug)]
pub struct Exec {
    pub input: mpsc::Sender<ExecInput>,
    /// Bounded: a command whose output nobody takes has to wait.
    pub output: mpsc::Receiver<ExecOutput>,
}

/// How many pieces of input or output may be on their way.
const CAPACITY: usize = 32;

/// The other ends of an [`Exec`], for a runtime.
pub(super) struct ExecEnds {
    pub(super) input: mpsc::Receiver<ExecInput>,
    pub(super) output: mpsc::Sender<ExecOutput>,
}

/// An [`Exec`] and what belongs to it.
pub(super) fn exec_pair() -> (Exec, ExecEnds) {
    let (input, from_user) = mpsc::channel(CAPACITY);
    let (to_user, output) = mpsc::channel(CAPACITY);
    (Exec { input, output }, ExecEnds { input: from_user, output: to_user })
}
