//! A task's output, for people: from CloudWatch Logs where it goes there, else from the engine.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::lines::Joiner;
use super::{captured, stream_key};
use crate::logstore::{Direction, Limits, LogStore, LogStoreError, Position, Scan, Selection, StreamKey};
use crate::runtime::{ContainerId, ContainerRuntime, LogsRequest};
use crate::services::Shared;
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A task's id or ARN, or the beginning of an id.
    pub task: String,
    /// One of its containers; all of them otherwise.
    pub container: Option<String>,
    /// Go on until the task ends.
    pub follow: bool,
    /// Milliseconds since the epoch.
    pub since: Option<i64>,
    /// So many of the last lines of each container.
    pub tail: Option<usize>,
}

/// Something that a container printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub container: Arc<str>,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub message: String,
}

/// Why there is nothing to show. The messages are for people.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no task {0}")]
    NoSuchTask(String),
    #[error("{0} is the beginning of more than one task's id")]
    Ambiguous(String),
    #[error("the task has no container {0}")]
    NoSuchContainer(String),
    #[error(
        "the output of container {0} went with it; give it the log driver awslogs, and what it prints is kept in \
         CloudWatch Logs"
    )]
    Gone(String),
    #[error("the output of container {container} can't be read: {reason}")]
    Unreadable { container: String, reason: String },
}

/// Lines that wait for who reads them.
const AHEAD: usize = 1024;
const PAGE: Limits = Limits { events: 1000, bytes: 1 << 20, examined: 64 << 20 };

/// The lines of a task's containers: in the order of their times, or as they come when they are followed.
///
/// # Errors
/// [`Refusal`].
pub async fn view(
    shared: &Arc<Shared>,
    runtime: &Arc<dyn ContainerRuntime>,
    wanted: &Wanted,
) -> Result<BoxStream<'static, Line>, Refusal> {
    let state = shared.store.snapshot();
    let task = find(state.tasks.values(), &wanted.task)?;
    let nothing = api_models::ecs::TaskDefinition::default();
    let record = task.definition(&state);
    let definition = record.map_or(&nothing, |record| &record.definition);
    let asked = |name: &str| wanted.container.as_deref().is_none_or(|container| container == name);
    let containers: Vec<_> = task.containers.iter().filter(|container| asked(&container.name)).collect();
    if let (Some(name), true) = (&wanted.container, containers.is_empty()) {
        return Err(Refusal::NoSuchContainer(name.clone()));
    }
    let mut sources = Vec::new();
    for container in containers {
        let name = container.name.clone();
        // One that never ran has printed nothing.
        let Some(id) = &container.runtime_id else { continue };
        if let Some(awslogs) = captured(task, definition, &name) {
            let reader = Stored { shared: shared.clone(), key: stream_key(task, &awslogs, id), task: task.key.clone() };
            sources.push(reader.lines(name, wanted));
        } else if task.last_status == TaskStatus::Stopped {
            if wanted.container.is_some() {
                return Err(Refusal::Gone(name.to_string()));
            }
        } else {
            sources.push(of_engine(runtime, id, name, wanted).await?);
        }
    }
    if sources.is_empty() && task.last_status == TaskStatus::Stopped {
        let ran = task.containers.iter().find(|container| container.runtime_id.is_some());
        return ran.map_or(Ok(stream::empty().boxed()), |container| Err(Refusal::Gone(container.name.to_string())));
    }
    Ok(if wanted.follow { stream::select_all(sources).boxed() } else { merged(sources) })
}

fn find<'a>(mut tasks: impl Iterator<Item = &'a Arc<Task>>, wanted: &str) -> Result<&'a Task, Refusal> {
    let is_arn = wanted.starts_with("arn:");
    let matches = |task: &Task| match is_arn {
        true => task.key.arn() == wanted,
        false => !wanted.is_empty() && task.key.id.starts_with(wanted),
    };
    let found = tasks.find(|task| matches(task)).ok_or_else(|| Refusal::NoSuchTask(wanted.to_owned()))?;
    if tasks.any(|task| matches(task)) { Err(Refusal::Ambiguous(wanted.to_owned())) } else { Ok(found) }
}

/// The engine's own log of a container.
async fn of_engine(
    runtime: &Arc<dyn ContainerRuntime>,
    id: &ContainerId,
    name: Arc<str>,
    wanted: &Wanted,
) -> Result<BoxStream<'static, Line>, Refusal> {
    let request = LogsRequest {
        since: wanted.since.map(|since| since.div_euclid(1000)),
        tail: wanted.tail.and_then(|tail| u64::try_from(tail).ok()),
        follow: wanted.follow,
    };
    let records = runtime.logs(id, &request).await;
    let records =
        records.map_err(|error| Refusal::Unreadable { container: name.to_string(), reason: error.to_string() })?;
    let mut joiner = Joiner::default();
    let since = wanted.since.unwrap_or(i64::MIN);
    let lines = records.into_stream().take_while(|record| std::future::ready(record.is_ok())).flat_map(move |record| {
        let mut ready = Vec::new();
        if let Ok(record) = record {
            joiner.push(&record, |line| {
                let message = String::from_utf8_lossy(&line.bytes).into_owned();
                ready.push(Line { container: name.clone(), at: line.at, message });
            });
        }
        stream::iter(ready.into_iter().filter(move |line| line.at >= since))
    });
    Ok(lines.boxed())
}

/// Lines of several sources, each sorted by time, in the order of their times.
fn merged(sources: Vec<BoxStream<'static, Line>>) -> BoxStream<'static, Line> {
    let sources: Vec<_> = sources.into_iter().map(|source| source.peekable()).collect();
    stream::unfold(sources, |mut sources| async move {
        let mut first: Option<(i64, usize)> = None;
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(line) = std::pin::Pin::new(source).peek().await
                && first.is_none_or(|(at, _)| line.at < at)
            {
                first = Some((line.at, index));
            }
        }
        let line = sources[first?.1].next().await?;
        Some((line, sources))
    })
    .boxed()
}

/// A stream in CloudWatch Logs.
struct Stored {
    shared: Arc<Shared>,
    key: StreamKey,
    task: TaskKey,
}

impl Stored {
    fn lines(self, name: Arc<str>, wanted: &Wanted) -> BoxStream<'static, Line> {
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        let wanted = wanted.clone();
        tokio::spawn(async move {
            if let Err(error) = self.send(&name, &wanted, &sender).await {
                tracing::debug!(container = %name, %error, "its log events can't be read");
            }
        });
        stream::poll_fn(move |context| receiver.poll_recv(context)).boxed()
    }

    fn store(&self) -> &LogStore {
        &self.shared.logs
    }

    /// Sends all lines there are, and those that come if they are wanted. It ends when nobody listens.
    async fn send(&self, name: &Arc<str>, wanted: &Wanted, sender: &mpsc::Sender<Line>) -> Result<(), LogStoreError> {
        let mut arrivals = self.store().subscribe();
        let mut commits = self.shared.store.subscribe();
        let mut next = self.first(wanted).await?;
        // Events are numbered in the order in which they came, whatever their times.
        let mut seen = 0;
        loop {
            let Some(behind) = self.history(next, &mut seen, name, sender).await? else { return Ok(()) };
            next = behind;
            if !wanted.follow {
                return Ok(());
            }
            // Live, until something is missed: then from the store again.
            loop {
                let over = self.is_over();
                let arrival = tokio::select! {
                    biased;
                    arrival = arrivals.recv() => arrival,
                    () = sender.closed() => return Ok(()),
                    // What the task printed was stored before it was STOPPED.
                    () = std::future::ready(()), if over => return Ok(()),
                    commit = commits.recv() => {
                        if commit.is_none() {
                            return Ok(());
                        }
                        continue;
                    }
                };
                let arrival = match arrival {
                    Ok(arrival) => arrival,
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(()),
                };
                if arrival.stream != self.key {
                    continue;
                }
                for (event, sequence) in arrival.events.iter().zip(arrival.first_sequence..) {
                    if sequence <= seen {
                        continue;
                    }
                    seen = sequence;
                    let line = Line { container: name.clone(), at: event.timestamp, message: event.message.clone() };
                    if sender.send(line).await.is_err() {
                        return Ok(());
                    }
                }
                let last = arrival.events.last().zip(u64::try_from(arrival.events.len()).ok());
                if let Some((event, count)) = last {
                    next = next.max(Position { timestamp: event.timestamp, sequence: arrival.first_sequence + count });
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let state = self.shared.store.snapshot();
        state.tasks.get(&self.task).is_none_or(|task| task.last_status == TaskStatus::Stopped)
    }

    fn scan(&self, from: Position, direction: Direction, limits: Limits) -> Scan {
        let streams = Selection::Names(vec![self.key.stream.to_string()]);
        Scan { group: self.key.group_key(), streams, from, to: Position::END, direction, limits }
    }

    /// Where to begin.
    async fn first(&self, wanted: &Wanted) -> Result<Position, LogStoreError> {
        let since = wanted.since.map_or(Position::START, Position::at);
        match wanted.tail {
            None => Ok(since),
            Some(0) => Ok(Position::END),
            Some(tail) => {
                let limits = Limits { events: tail, bytes: usize::MAX, examined: usize::MAX };
                let page = self.store().scan(self.scan(since, Direction::Backward, limits), |_| true).await?;
                Ok(page.events.last().map_or(since, |event| event.position))
            }
        }
    }

    /// Sends what is stored from there on, and returns the place behind it; `None` when nobody listens.
    async fn history(
        &self,
        mut from: Position,
        seen: &mut u64,
        name: &Arc<str>,
        sender: &mpsc::Sender<Line>,
    ) -> Result<Option<Position>, LogStoreError> {
        if from == Position::END {
            return Ok(Some(Position::at(self.shared.clock.now().as_millis())));
        }
        loop {
            let page = self.store().scan(self.scan(from, Direction::Forward, PAGE), |_| true).await?;
            for event in page.events {
                from = event.position.next();
                *seen = event.position.sequence.max(*seen);
                let line = Line { container: name.clone(), at: event.position.timestamp, message: event.message };
                if sender.send(line).await.is_err() {
                    return Ok(None);
                }
            }
            match page.resume {
                Some(resume) => from = resume,
                None => return Ok(Some(from)),
            }
        }
    }
}
