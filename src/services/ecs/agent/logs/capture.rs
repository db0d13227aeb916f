//! Reads one container's log and writes its events, for as long as the container is there.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use regex::bytes::Regex;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::pipeline::Pipeline;
use super::resume::Taken;
use crate::logstore::{LogEvent, LogStore, LogStoreError, SourceCursor, StreamKey};
use crate::runtime::{ContainerId, ContainerRuntime, LogRecord, LogsRequest, ObservedState, Result, RuntimeError};
use crate::time::{real_sleep, stopwatch};

/// After a few lines the reader rests: what comes meanwhile is one batch, and many quiet containers cost little.
const REST: Duration = Duration::from_millis(500);
/// What is more than a few. Who prints that much is read without rest.
const FEW: usize = 256;
/// What comes within so long is one batch.
const WINDOW: Duration = Duration::from_millis(20);
/// So many records are one batch at most.
const BATCH: usize = 8192;
/// How long an event of several lines waits for another line, as in Docker's driver.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between attempts to reach an engine that is away: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// One log that is read. The reading ends when it is dropped.
pub(super) struct Capture {
    shared: Arc<Signals>,
    task: AbortHandle,
}

/// What the reader and those who wait for it tell each other.
struct Signals {
    progress: watch::Sender<Progress>,
    /// Somebody waits for the end: no rest.
    hurry: Notify,
    /// The container was started again.
    again: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Records that were taken, so that one sees it go on.
    records: u64,
    /// All the container printed in the life that ended is stored.
    drained: bool,
    /// Nothing will be read any more.
    over: bool,
}

impl Capture {
    pub(super) fn start(
        store: Arc<LogStore>,
        runtime: Arc<dyn ContainerRuntime>,
        id: ContainerId,
        stream: StreamKey,
        pattern: Option<Regex>,
    ) -> Self {
        let shared = Arc::new(Signals {
            progress: watch::Sender::new(Progress::default()),
            hurry: Notify::new(),
            again: Notify::new(),
        });
        let reader = Reader { store, runtime, id, stream, signals: shared.clone(), records: 0, dropped: 0 };
        let task = tokio::spawn(reader.run(pattern)).abort_handle();
        Self { shared, task }
    }

    /// The container runs again.
    pub(super) fn again(&self) {
        self.shared.progress.send_if_modified(|progress| !progress.over && std::mem::take(&mut progress.drained));
        self.shared.again.notify_one();
    }

    /// Resolves when all that the container, which has ended, printed is stored.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let (signals, mut progress) = (self.shared.clone(), self.shared.progress.subscribe());
        async move {
            signals.hurry.notify_one();
            let _ = progress.wait_for(|progress| progress.drained).await;
        }
    }

    /// Somebody started the container again.
    pub(super) fn runs(&self) {
        if self.shared.progress.borrow().drained {
            self.again();
        }
    }

    /// The same as [`Capture::ended`], after one more look at the log, but gives up when there is no progress for `patience`: false then.
    pub(super) fn drained(&self, patience: Duration) -> impl Future<Output = bool> + use<> {
        self.runs();
        let (signals, mut progress) = (self.shared.clone(), self.shared.progress.subscribe());
        async move {
            loop {
                if progress.borrow_and_update().drained {
                    return true;
                }
                signals.hurry.notify_one();
                tokio::select! {
                    changed = progress.changed() => if changed.is_err() { return false },
                    () = real_sleep(patience) => return false,
                }
            }
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Reader {
    store: Arc<LogStore>,
    runtime: Arc<dyn ContainerRuntime>,
    id: ContainerId,
    stream: StreamKey,
    signals: Arc<Signals>,
    records: u64,
    /// Events whose group or stream was deleted meanwhile.
    dropped: u64,
}

/// Why the reading of a log ended.
enum End {
    /// The engine had no more.
    Whole,
    /// The container is gone, or its log can't be read.
    Lost,
    /// The engine went away.
    Broken(RuntimeError),
    /// What was read could not be stored: it is to be read again.
    Unstored,
}

impl Reader {
    async fn run(mut self, pattern: Option<Regex>) {
        let mut pipeline = self.pipeline(&pattern).await;
        let mut pause = RETRY.0;
        loop {
            let exited = match self.runtime.inspect_container(&self.id).await {
                Ok(Some(seen)) => !matches!(seen.state, ObservedState::Running { .. }),
                Ok(None) => return self.lost(),
                Err(error) => {
                    tracing::debug!(container = %self.id, %error, "its log will be read when the engine answers");
                    real_sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                    continue;
                }
            };
            // A container that has ended is read once more to its end: a stream that was followed may have ended early.
            tracing::trace!(container = %self.id, exited, "reading its log");
            let end = match self.read(&mut pipeline, !exited).await {
                End::Whole if exited => self.finish(&mut pipeline).await,
                end => end,
            };
            match end {
                End::Whole if exited => {
                    pause = RETRY.0;
                    tracing::trace!(container = %self.id, records = self.records, "its log is stored");
                    self.signals.progress.send_modify(|progress| progress.drained = true);
                    self.signals.again.notified().await;
                }
                End::Whole => {
                    tracing::trace!(container = %self.id, records = self.records, "the stream of its log ended");
                    // It has ended, or the engine is about to say so.
                    self.rest(RETRY.0).await;
                }
                End::Lost => return self.lost(),
                End::Broken(error) => {
                    tracing::debug!(container = %self.id, %error, "the reading of its log broke off");
                    real_sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
                End::Unstored => {
                    real_sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                    pipeline = self.pipeline(&pattern).await;
                }
            }
        }
    }

    /// As far as it was read before.
    async fn pipeline(&self, pattern: &Option<Regex>) -> Pipeline {
        match self.store.cursor(self.id.as_str()).await {
            Ok(position) => Pipeline::new(pattern.clone(), position.as_deref()),
            Err(error) => {
                tracing::error!(container = %self.id, %error, "how far its log was read can't be found out");
                Pipeline::new(pattern.clone(), None)
            }
        }
    }

    /// Nothing more will come of it.
    fn lost(&self) {
        self.signals.progress.send_modify(|progress| (progress.drained, progress.over) = (true, true));
    }

    /// Reads the log from where it was left to its end.
    async fn read(&mut self, pipeline: &mut Pipeline, follow: bool) -> End {
        let request = LogsRequest { since: pipeline.begin(), tail: None, follow };
        let records = match self.runtime.logs(&self.id, &request).await {
            Ok(records) => records,
            Err(RuntimeError::NoSuchContainer(_)) => return End::Lost,
            Err(error @ (RuntimeError::Unavailable(_) | RuntimeError::Timeout(_))) => return End::Broken(error),
            Err(error) => {
                tracing::warn!(container = %self.id, %error, "its log can't be read");
                return End::Lost;
            }
        };
        let mut records = records.fuse();
        let mut quiet_since = stopwatch();
        loop {
            let first = tokio::select! {
                first = records.next() => first,
                () = real_sleep(PATIENCE.saturating_sub(quiet_since())), if pipeline.is_pending() => {
                    let mut events = Vec::new();
                    pipeline.flush(&mut events);
                    if !self.write(pipeline, events).await {
                        return End::Unstored;
                    }
                    continue;
                }
            };
            let Some(first) = first else { return End::Whole };
            let chunk = gather(first, &mut records).await;
            quiet_since = stopwatch();
            let count = chunk.len();
            let (mut events, mut broken) = (Vec::with_capacity(count), None);
            for record in chunk {
                match record {
                    Ok(record) => {
                        if let Taken::AfterGap(missing) = pipeline.push(&record, &mut events) {
                            tracing::warn!(
                                container = %self.id, missing,
                                "the engine has thrown away the beginning of its log, lines that were read and perhaps \
                                 some that were not"
                            );
                        }
                    }
                    Err(error) => broken = Some(error),
                }
            }
            self.records += count as u64;
            if !self.write(pipeline, events).await {
                return End::Unstored;
            }
            if let Some(error) = broken {
                return End::Broken(error);
            }
            if follow && count < FEW {
                self.rest(REST).await;
            }
        }
    }

    /// The container has ended: what waits for more is complete.
    async fn finish(&mut self, pipeline: &mut Pipeline) -> End {
        let mut events = Vec::new();
        pipeline.finish(&mut events);
        if self.write(pipeline, events).await { End::Whole } else { End::Unstored }
    }

    /// Stores events together with where the reading stands. False when it can't be done now.
    async fn write(&mut self, pipeline: &mut Pipeline, events: Vec<LogEvent>) -> bool {
        let count = events.len() as u64;
        // Without an event nothing is lost by a position that is a little behind.
        if count > 0 {
            let cursor = SourceCursor { source: self.id.to_string(), position: pipeline.position() };
            match self.store.append(&self.stream, events, Some(cursor)).await {
                Ok(()) => {}
                Err(error @ (LogStoreError::NoSuchGroup | LogStoreError::NoSuchStream)) => {
                    if self.dropped == 0 {
                        let (group, stream) = (&self.stream.group, &self.stream.stream);
                        tracing::warn!(%group, %stream, %error, "what the container prints is dropped");
                    }
                    self.dropped += count;
                }
                Err(error) => {
                    tracing::error!(container = %self.id, %error, count, "log events could not be stored");
                    return false;
                }
            }
        }
        self.signals.progress.send_modify(|progress| progress.records = self.records);
        true
    }

    async fn rest(&self, span: Duration) {
        tokio::select! {
            () = real_sleep(span) => {}
            () = self.signals.hurry.notified() => {}
        }
    }
}

/// `first`, and what comes within [`WINDOW`]: engines send line by line.
async fn gather(
    first: Result<LogRecord>,
    records: &mut (impl Stream<Item = Result<LogRecord>> + Unpin),
) -> Vec<Result<LogRecord>> {
    let mut chunk = vec![first];
    let mut window = std::pin::pin!(real_sleep(WINDOW));
    while chunk.len() < BATCH {
        tokio::select! {
            biased;
            record = records.next() => match record {
                Some(record) => chunk.push(record),
                None => break,
            },
            () = &mut window => break,
        }
    }
    chunk
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.dropped > 0 {
            let (group, stream) = (&self.stream.group, &self.stream.stream);
            tracing::warn!(%group, %stream, events = self.dropped, "events were dropped in all");
        }
    }
}
