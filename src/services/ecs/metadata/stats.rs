//! Statistics of containers: the engine measures a container once a second for as long as somebody asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

use crate::runtime::{ContainerId, ContainerRuntime, ContainerStats};
use crate::services::ecs::resources::{Container, Task};
use crate::time::{real_sleep, stopwatch};

/// A stream that nobody asked about for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How long the first measurement may take: the engine's take a second.
const PATIENCE: Duration = Duration::from_secs(4);

/// Docker's statistics, and the network's speed since the measurement before.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StatsResponse {
    #[serde(flatten)]
    stats: ContainerStats,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_rate_stats: Option<NetworkRate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct NetworkRate {
    rx_bytes_per_sec: f64,
    tx_bytes_per_sec: f64,
}

/// The last two measurements of one container.
#[derive(Clone, Debug, Default)]
struct Measured {
    last: Option<Arc<ContainerStats>>,
    rate: Option<NetworkRate>,
}

struct Stream {
    measured: watch::Receiver<Measured>,
    asked: Arc<Mutex<Box<dyn Fn() -> Duration + Send>>>,
}

#[derive(Clone)]
pub(super) struct Stats {
    runtime: Arc<dyn ContainerRuntime>,
    streams: Arc<Mutex<HashMap<ContainerId, Stream>>>,
}

impl Stats {
    pub(super) fn new(runtime: Arc<dyn ContainerRuntime>) -> Self {
        Self { runtime, streams: Arc::default() }
    }

    /// A container's; `None` when it does not run.
    pub(super) async fn of(&self, task: &Task, container: &Container) -> Option<StatsResponse> {
        let id = container.runtime_id.as_ref()?;
        match task.attachment.as_ref().and_then(|attachment| attachment.pause.as_ref()) {
            // The network is the pause container's, and so is what goes over it.
            Some(pause) => {
                let (own, network) = tokio::join!(self.measured(id), self.measured(pause));
                let network = network.unwrap_or_default();
                let mut response = response(own?)?;
                response.stats.networks = network.last.and_then(|stats| stats.networks.clone());
                response.network_rate_stats = network.rate;
                Some(response)
            }
            None => response(self.measured(id).await?),
        }
    }

    /// Those of all containers of a task by their runtime ids, `null` for those that don't run.
    pub(super) async fn of_all(&self, task: &Task) -> BTreeMap<String, Option<StatsResponse>> {
        let own = join_all(task.containers.iter().map(|container| async move {
            Some((task.container_runtime_id(container)?, self.of(task, container).await))
        }));
        let pause = task.attachment.as_ref().and_then(|attachment| attachment.pause.as_ref());
        let mut all: BTreeMap<_, _> = own.await.into_iter().flatten().collect();
        // The agent shows it, and does not measure it.
        if let Some(pause) = pause.filter(|_| !task.is_hosted()) {
            all.insert(pause.to_string(), None);
        }
        all
    }

    async fn measured(&self, id: &ContainerId) -> Option<Measured> {
        let mut receiver = self.stream(id);
        let waited = tokio::time::timeout(PATIENCE, receiver.wait_for(|measured| measured.last.is_some())).await;
        match waited {
            Ok(Ok(measured)) => Some(measured.clone()),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// The container's measurements, which begin now unless they are under way.
    fn stream(&self, id: &ContainerId) -> watch::Receiver<Measured> {
        let mut streams = self.streams.lock();
        if let Some(stream) = streams.get(id) {
            *stream.asked.lock() = Box::new(stopwatch());
            return stream.measured.clone();
        }
        let (sender, measured) = watch::channel(Measured::default());
        let asked: Arc<Mutex<Box<dyn Fn() -> Duration + Send>>> = Arc::new(Mutex::new(Box::new(stopwatch())));
        streams.insert(id.clone(), Stream { measured: measured.clone(), asked: asked.clone() });
        let (this, id) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let mut source = this.runtime.container_stats(&id);
            loop {
                let next = tokio::select! {
                    next = source.next() => next,
                    () = real_sleep(IDLE) => None,
                };
                let Some(Ok(stats)) = next else { break };
                if stats.read.is_none() || has_ended(&stats) || (asked.lock())() > IDLE {
                    break;
                }
                sender.send_modify(|measured| take(measured, stats));
            }
            this.streams.lock().remove(&id);
        });
        measured
    }
}

/// The engine goes on for a container that has ended, with nothing in it.
fn has_ended(stats: &ContainerStats) -> bool {
    let cpu = stats.cpu_stats.as_ref().and_then(|cpu| cpu.cpu_usage.as_ref()).and_then(|usage| usage.total_usage);
    cpu.unwrap_or(0) == 0 && stats.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0) == 0
}

fn response(measured: Measured) -> Option<StatsResponse> {
    let stats = ContainerStats::clone(&*measured.last?);
    Some(StatsResponse { stats, network_rate_stats: measured.rate })
}

fn take(measured: &mut Measured, stats: ContainerStats) {
    measured.rate = measured.last.as_deref().and_then(|before| rate(before, &stats)).or(measured.rate);
    measured.last = Some(Arc::new(stats));
}

/// Bytes a second over all interfaces, between two measurements.
fn rate(before: &ContainerStats, after: &ContainerStats) -> Option<NetworkRate> {
    let bytes = |stats: &ContainerStats| {
        let interfaces = stats.networks.as_ref()?.values();
        let sums = interfaces.map(|one| (one.rx_bytes.unwrap_or(0), one.tx_bytes.unwrap_or(0)));
        Some(sums.fold((0_u64, 0_u64), |(rx, tx), (more_rx, more_tx)| (rx + more_rx, tx + more_tx)))
    };
    let time =
        |stats: &ContainerStats| stats.read.as_ref().and_then(|read| read.to_string().parse::<jiff::Timestamp>().ok());
    let seconds = time(after)?.duration_since(time(before)?).as_secs_f64();
    let ((rx_before, tx_before), (rx, tx)) = (bytes(before)?, bytes(after)?);
    let per_second = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
    (seconds > 0.0).then(|| NetworkRate {
        rx_bytes_per_sec: per_second(rx_before, rx),
        tx_bytes_per_sec: per_second(tx_before, tx),
    })
}
