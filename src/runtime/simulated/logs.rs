//! What simulated containers print: `sim.stdout` and `sim.stderr`, at each start and every `sim.print-every`.
//!
//! Nothing is kept: what was printed by a moment follows from the script and from when the container ran.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;

use super::SimulatedRuntime;
use super::container::{Container, Stage};
use crate::runtime::{ContainerId, LogRecord, LogRecords, LogSource, LogsRequest, Result, RuntimeError};
use crate::time::Timestamp;

const NANOS_PER_MILLI: i64 = 1_000_000;
/// A log is made up anew each time it is read, so it does not grow without end.
const MOST_REPETITIONS: i64 = 100_000;

impl SimulatedRuntime {
    pub(super) fn read_logs(&self, id: &ContainerId, request: &LogsRequest) -> Result<LogRecords> {
        let mut follower = Follower {
            runtime: self.clone(),
            id: id.clone(),
            since: request.since,
            seen: 0,
            ready: VecDeque::new(),
            over: false,
        };
        let change = follower.look()?;
        if let Some(tail) = request.tail.and_then(|tail| usize::try_from(tail).ok()) {
            let before = follower.ready.len().saturating_sub(tail);
            follower.ready.drain(..before);
        }
        if !request.follow {
            return Ok(stream::iter(follower.ready.into_iter().map(Ok)).boxed());
        }
        let state = (follower, Some(change));
        Ok(stream::unfold(state, |(mut follower, mut change)| async move {
            let record = follower.next(&mut change).await?;
            Some((record, (follower, change)))
        })
        .boxed())
    }
}

/// Someone who reads along.
struct Follower {
    runtime: SimulatedRuntime,
    id: ContainerId,
    since: Option<i64>,
    /// So many records were seen.
    seen: usize,
    ready: VecDeque<LogRecord>,
    /// It has ended, or is gone.
    over: bool,
}

/// What to wait for: the container's next change, and the next time it prints.
type News = (oneshot::Receiver<()>, Option<Timestamp>);

impl Follower {
    /// Takes in what was printed since the last look.
    fn look(&mut self) -> Result<News> {
        let (id, since, seen) = (&self.id, self.since, self.seen);
        let (new, over, news) = self.runtime.call(|world, now| {
            let container = world.printer(&self.runtime.store, id)?;
            if !container.made.readable {
                return Err(RuntimeError::Other("configured logging driver does not support reading".to_owned()));
            }
            let new: Vec<_> = printed(container, since, now).skip(seen).collect();
            let next = next_print(container, now);
            let over = !container.is_running() && !container.starting;
            let (sender, receiver) = oneshot::channel();
            container.waiters.push(sender);
            Ok((new, over, (receiver, next)))
        })?;
        self.seen += new.len();
        self.ready.extend(new);
        self.over = over;
        Ok(news)
    }

    async fn next(&mut self, news: &mut Option<News>) -> Option<Result<LogRecord>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(Ok(record));
            }
            if self.over {
                return None;
            }
            if let Some((change, next)) = news.take() {
                let clock = self.runtime.engine.clock().clone();
                let timer = async {
                    match next {
                        Some(next) => clock.sleep_until(next).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    // Whether it was sent to or dropped: something changed.
                    _ = change => {}
                    () = timer => {}
                }
            }
            match self.look() {
                Ok(later) => *news = Some(later),
                Err(RuntimeError::NoSuchContainer(_)) => return None,
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Everything it printed until `now`, from the second `since` on.
fn printed(container: &Container, since: Option<i64>, now: Timestamp) -> impl Iterator<Item = LogRecord> {
    let running = match &container.stage {
        Stage::Running { started_at } => Some((*started_at, now)),
        Stage::Created | Stage::Exited(_) => None,
    };
    let script = &container.made.script();
    let every = script.print_every.map(|every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1));
    let lives = container.lives.iter().copied().chain(running);
    lives
        .flat_map(move |(from, to)| {
            let (from, to) = (from.as_millis(), to.as_millis());
            let times = every.map_or(0, |every| ((to - from) / every).min(MOST_REPETITIONS));
            (0..=times).map(move |time| from + time * every.unwrap_or(0))
        })
        .flat_map(|at| script.lines.iter().zip(0_i64..).map(move |(line, place)| (at, line, place)))
        .map(|(at, (source, text), place)| LogRecord {
            source: *source,
            at: at * NANOS_PER_MILLI + place,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            complete: true,
        })
        .filter(move |record| since.is_none_or(|since| record.at.div_euclid(1_000 * NANOS_PER_MILLI) >= since))
}

fn next_print(container: &Container, now: Timestamp) -> Option<Timestamp> {
    let Stage::Running { started_at } = container.stage else { return None };
    let every = i64::try_from(container.made.script().print_every?.as_millis()).ok()?.max(1);
    let times = (now.as_millis() - started_at.as_millis()) / every + 1;
    Some(Timestamp::from_millis(started_at.as_millis() + times * every))
}

/// The lines of a label's text.
pub(super) fn lines(source: LogSource, text: &str) -> impl Iterator<Item = (LogSource, String)> {
    text.lines().map(move |line| (source, line.to_owned()))
}
