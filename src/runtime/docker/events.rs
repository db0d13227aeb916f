//! The engine's event stream, turned into [`RuntimeEvent`]s for every subscriber.
//!
//! One task reads the stream and sleeps when nothing happens. Before it asks for events it asks what the engine's
//! clock shows, and then for the events since that moment: so what happens between a subscriber's listing of the
//! containers (which it does when told to resync) and the stream's beginning is not missed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::errors::{CallError, CallResult, within};
use super::inspections::{Inspections, News};
use super::{Engine, filters, limits};
use crate::runtime::{ContainerId, ContainerObservation, ObservedState, Result, RuntimeEvent, STORE_LABEL};
use crate::time::{real_sleep, stopwatch};

/// The first and the longest pause between attempts to reach an engine that went away.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often, and how far apart, a container that has ended by the event is looked at until it shows it.
const ENDED_RETRIES: u32 = 6;
const ENDED_RETRY: Duration = Duration::from_millis(25);

/// What is asked for. Podman tells of `die` and `destroy` under these names, and filters by its own.
const EVENTS: [&str; 9] = ["start", "die", "died", "oom", "pause", "unpause", "health_status", "destroy", "remove"];
/// What events carry besides the labels of their container.
const FACTS: [&str; 7] = ["image", "name", "exitCode", "execDuration", "signal", "containerExitCode", "podId"];

/// Those who want to hear the events.
#[derive(Default)]
pub(super) struct Subscribers {
    senders: Mutex<Vec<mpsc::UnboundedSender<RuntimeEvent>>>,
}

impl Subscribers {
    pub(super) fn add(&self) -> mpsc::UnboundedReceiver<RuntimeEvent> {
        let (sender, receiver) = mpsc::unbounded_channel();
        // Cannot fail: the receiver is here.
        let _ = sender.send(RuntimeEvent::Resync);
        self.senders.lock().push(sender);
        receiver
    }

    fn send(&self, event: &RuntimeEvent) {
        self.senders.lock().retain(|sender| sender.send(event.clone()).is_ok());
    }
}

/// Reads events for as long as it is let (the runtime ends it when it is dropped).
///
/// `subscribed` says how long ago the first subscriber came: its events begin then.
pub(super) async fn run(engine: Arc<Engine>, subscribed: impl Fn() -> Duration + Send) {
    let mut pause = RETRY.0;
    let mut away = false;
    let mut first = Some(subscribed);
    loop {
        let time = match first.take() {
            Some(subscribed) => engine.system_time(subscribed).await,
            None => engine.system_time(stopwatch()).await,
        };
        match time {
            Ok(since) => {
                if away {
                    tracing::info!("the container engine answers again");
                }
                (away, pause) = (false, RETRY.0);
                let error = read(&engine, &since).await;
                tracing::debug!(%error, "the engine's event stream ended");
            }
            Err(error) => {
                if !away {
                    tracing::warn!(%error, "the container engine does not answer; trying again");
                }
                away = true;
                pause = (pause * 2).min(RETRY.1);
            }
        }
        real_sleep(pause).await;
    }
}

type Inspection = BoxFuture<'static, (ContainerId, Result<Option<ContainerObservation>>)>;

/// Reads one stream to its end, and returns why it ended.
async fn read(engine: &Arc<Engine>, since: &str) -> CallError {
    let mut filters = filters([("type", "container".to_owned()), ("label", engine.store_filter())]);
    filters.insert("event".to_owned(), EVENTS.map(str::to_owned).to_vec());
    let options = EventsOptionsBuilder::new().since(since).filters(&filters);
    let mut stream = Box::pin(engine.docker.events(Some(options.build())));
    let mut inspections = Inspections::default();
    let mut looking: FuturesUnordered<Inspection> = FuturesUnordered::new();
    // All that happened before `since` shows in a listing from now on, all that happens later in the stream.
    engine.subscribers.send(&RuntimeEvent::Resync);
    loop {
        let (id, todo) = tokio::select! {
            message = stream.next() => match message {
                Some(Ok(message)) => match news(engine, message) {
                    Some((id, news)) => {
                        let todo = inspections.hear(&id, news);
                        (id, todo)
                    }
                    None => continue,
                },
                Some(Err(error)) => return error.into(),
                None => return CallError::Other("it closed the stream".to_owned()),
            },
            Some((id, seen)) = looking.next() => {
                match seen {
                    Ok(Some(seen)) => engine.subscribers.send(&RuntimeEvent::Changed(Box::new(seen))),
                    // Gone already: its removal is on its way.
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(container = %id, %error, "a container could not be looked at after an event");
                        engine.subscribers.send(&RuntimeEvent::Resync);
                    }
                }
                let todo = inspections.done(&id);
                (id, todo)
            }
        };
        match todo {
            Some(News::Changed { ended }) => looking.push(Box::pin(look(engine.clone(), id, ended))),
            Some(News::Removed { labels }) => {
                engine.forget(&id);
                engine.subscribers.send(&RuntimeEvent::Removed { id, labels });
            }
            None => {}
        }
    }
}

/// Looks at a container; one that has ended is given a moment to show it (Podman tells before it writes it down).
async fn look(
    engine: Arc<Engine>,
    id: ContainerId,
    ended: bool,
) -> (ContainerId, Result<Option<ContainerObservation>>) {
    let mut seen = engine.inspect(id.as_str()).await;
    for _ in 0..ENDED_RETRIES {
        match &seen {
            Ok(Some(found)) if ended && matches!(found.state, ObservedState::Running { .. }) => {
                real_sleep(ENDED_RETRY).await;
                seen = engine.inspect(id.as_str()).await;
            }
            _ => break,
        }
    }
    (id, seen)
}

/// What an event means; `None` for events that are nothing to us.
fn news(engine: &Engine, message: EventMessage) -> Option<(ContainerId, News)> {
    let actor = message.actor?;
    let id = ContainerId(Arc::from(actor.id?));
    let attributes = actor.attributes.unwrap_or_default();
    // The engine filters by label; trust, but look: nothing of others may be touched.
    if attributes.get(STORE_LABEL).map(String::as_str) != Some(&*engine.store) {
        return None;
    }
    let action = message.action?;
    // `health_status: healthy`
    match action.split(':').next().unwrap_or_default() {
        "start" => {
            engine.remember(&id);
            engine.out_of_memory.lock().remove(&id);
            Some((id, News::Changed { ended: false }))
        }
        "die" | "died" => Some((id, News::Changed { ended: true })),
        "oom" => {
            engine.out_of_memory.lock().insert(id.clone());
            Some((id, News::Changed { ended: false }))
        }
        "pause" | "unpause" | "health_status" => Some((id, News::Changed { ended: false })),
        "destroy" | "remove" => {
            let labels: BTreeMap<String, String> =
                attributes.into_iter().filter(|(name, _)| !FACTS.contains(&name.as_str())).collect();
            Some((id, News::Removed { labels }))
        }
        _ => None,
    }
}

impl Engine {
    /// What the engine's clock showed `ago` (which may grow while it is asked), or a little earlier; in the form
    /// `events` takes: seconds since the epoch with a fraction.
    async fn system_time(&self, ago: impl Fn() -> Duration) -> CallResult<String> {
        let info = within(limits::INSPECT, self.docker.info()).await?;
        let time = info.system_time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let Some(time) = time else {
            return Err(CallError::Other("the engine does not tell the time".to_owned()));
        };
        let nanoseconds = u128::try_from(time.as_nanosecond()).unwrap_or(0).saturating_sub(ago().as_nanos());
        Ok(format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000))
    }
}
