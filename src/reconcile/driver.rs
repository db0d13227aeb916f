//! The loop around a reconciler: signals, timers, backoff.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use super::{Next, Reconciler};
use crate::store::{Commit, Store};
use crate::time::{Clock, Timestamp};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(60);

/// What a reconciler is doing, for `/_localecs/reconcilers` and for tests that wait until all is quiet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcilerStatus {
    pub name: &'static str,
    /// Keys being looked at now.
    pub running: usize,
    /// Keys that wait for a time.
    pub waiting: usize,
    /// Keys whose last run failed.
    pub failing: usize,
    /// Runs since the start.
    pub runs: u64,
    pub last_error: Option<String>,
}

/// Wakes a reconciler for a key, from outside the store.
#[derive(Debug)]
pub struct Waker<K> {
    sender: mpsc::UnboundedSender<K>,
}

impl<K> Clone for Waker<K> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<K> Waker<K> {
    /// Has `key` looked at soon. After the driver has stopped this does nothing.
    pub fn wake(&self, key: K) {
        let _ = self.sender.send(key);
    }
}

/// Runs reconcilers until it is dropped.
pub struct Driver {
    store: Arc<Store>,
    clock: Clock,
    loops: JoinSet<()>,
    statuses: Vec<watch::Receiver<ReconcilerStatus>>,
}

impl Driver {
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        Self { store, clock, loops: JoinSet::new(), statuses: Vec::new() }
    }

    /// A channel to wake the reconciler that [`Driver::run`] is given the other end of. Made first, because what
    /// wakes a reconciler is often part of it.
    #[must_use]
    pub fn waker<K>() -> (Waker<K>, mpsc::UnboundedReceiver<K>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Waker { sender }, receiver)
    }

    /// Starts `reconciler`; its initial keys are looked at once.
    pub fn run<R: Reconciler>(&mut self, reconciler: Arc<R>, wakes: mpsc::UnboundedReceiver<R::Key>) {
        let (status, receiver) =
            watch::channel(ReconcilerStatus { name: reconciler.name(), ..ReconcilerStatus::default() });
        self.statuses.push(receiver);
        // Subscribed before the snapshot is read, so that no commit falls between the two.
        let commits = self.store.subscribe();
        let mut work = Work {
            reconciler,
            clock: self.clock.clone(),
            keys: HashMap::new(),
            timers: BTreeSet::new(),
            runs: JoinSet::new(),
            by_run: HashMap::new(),
            status,
        };
        for key in work.reconciler.initial(&self.store.snapshot()) {
            work.signal(key);
        }
        self.loops.spawn(work.turn(commits, wakes));
    }

    /// What each reconciler is doing.
    #[must_use]
    pub fn statuses(&self) -> Vec<watch::Receiver<ReconcilerStatus>> {
        self.statuses.clone()
    }
}

/// What the driver knows of one key.
#[derive(Default)]
struct KeyState {
    running: bool,
    /// Touched while running: run again.
    again: bool,
    failures: u32,
    /// After a failure: not before this time, whatever touches the key. A run that writes to its own key and then
    /// fails would otherwise wake itself for ever.
    not_before: Option<Timestamp>,
    timer: Option<Timestamp>,
}

struct Work<R: Reconciler> {
    reconciler: Arc<R>,
    clock: Clock,
    keys: HashMap<R::Key, KeyState>,
    timers: BTreeSet<(Timestamp, R::Key)>,
    runs: JoinSet<Result<Next, Unexpected>>,
    by_run: HashMap<Id, R::Key>,
    status: watch::Sender<ReconcilerStatus>,
}

impl<R: Reconciler> Work<R> {
    async fn turn(mut self, mut commits: mpsc::UnboundedReceiver<Commit>, mut wakes: mpsc::UnboundedReceiver<R::Key>) {
        loop {
            self.report(commits.is_empty() && wakes.is_empty());
            let due = self.timers.first().map(|(at, _)| *at);
            let timer = async {
                match due {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                commit = commits.recv() => {
                    let Some(commit) = commit else { return };
                    let touched: BTreeSet<R::Key> = commit
                        .changes
                        .iter()
                        .flat_map(|change| self.reconciler.touched(change, &commit.state))
                        .collect();
                    touched.into_iter().for_each(|key| self.signal(key));
                }
                Some(key) = wakes.recv() => self.signal(key),
                Some(ended) = self.runs.join_next_with_id(), if !self.runs.is_empty() => self.ended(ended),
                () = timer => self.ring(),
            }
        }
    }

    /// Publishes the status; `quiet` says that no signal waits to be read.
    fn report(&self, quiet: bool) {
        self.status.send_if_modified(|status| {
            let running = self.by_run.len() + usize::from(!quiet);
            let waiting = self.timers.len();
            let changed = status.running != running || status.waiting != waiting;
            status.running = running;
            status.waiting = waiting;
            changed
        });
    }

    fn signal(&mut self, key: R::Key) {
        let state = self.keys.entry(key.clone()).or_default();
        if state.running {
            state.again = true;
            return;
        }
        if let Some(at) = state.not_before
            && at > self.clock.now()
        {
            return self.run_at(key, at);
        }
        if let Some(at) = state.timer.take() {
            self.timers.remove(&(at, key.clone()));
        }
        state.running = true;
        let reconciler = self.reconciler.clone();
        let span = tracing::debug_span!("reconcile", reconciler = reconciler.name(), ?key);
        let run_key = key.clone();
        let run = self.runs.spawn(async move { reconciler.reconcile(&run_key).await }.instrument(span));
        self.by_run.insert(run.id(), key);
    }

    /// Has `key` looked at when it is `at`, or at the earlier time it waits for already.
    fn run_at(&mut self, key: R::Key, at: Timestamp) {
        let Some(state) = self.keys.get_mut(&key) else { return };
        match state.timer {
            Some(earlier) if earlier <= at => return,
            Some(later) => drop(self.timers.remove(&(later, key.clone()))),
            None => {}
        }
        state.timer = Some(at);
        self.timers.insert((at, key));
    }

    fn ring(&mut self) {
        let now = self.clock.now();
        while let Some((at, key)) = self.timers.first().cloned() {
            if at > now {
                return;
            }
            self.signal(key);
        }
    }

    fn ended(&mut self, ended: Result<(Id, Result<Next, Unexpected>), JoinError>) {
        let (id, result) = match ended {
            Ok((id, result)) => (id, result),
            // A panic in a reconciler is a bug, but one key's bug must not stop the others.
            Err(error) => (error.id(), Err(Unexpected::new(error))),
        };
        let Some(key) = self.by_run.remove(&id) else { return };
        let Some(state) = self.keys.get_mut(&key) else { return };
        state.running = false;
        let failed_before = state.failures > 0;
        let next = match result {
            Ok(next) => {
                state.failures = 0;
                state.not_before = None;
                next
            }
            Err(error) => {
                state.failures += 1;
                let delay = (FIRST_RETRY * 2_u32.saturating_pow(state.failures.min(16) - 1)).min(LAST_RETRY);
                tracing::warn!(reconciler = self.reconciler.name(), ?key, %error, ?delay, "failed; tried again later");
                self.status.send_modify(|status| status.last_error = Some(error.to_string()));
                let now = self.clock.now();
                state.not_before = Some(now.saturating_add(FIRST_RETRY));
                Next::At(now.saturating_add(delay))
            }
        };
        let fails = state.failures > 0;
        self.status.send_modify(|status| {
            status.runs += 1;
            status.failing = status.failing + usize::from(fails) - usize::from(failed_before);
        });
        if std::mem::take(&mut state.again) {
            self.signal(key);
            return;
        }
        match next {
            Next::At(at) => self.run_at(key, at),
            Next::Idle => {
                self.keys.remove(&key);
            }
        }
    }
}
