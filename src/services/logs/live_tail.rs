//! Live Tail: a session that shows events as they come.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs_LiveTail.html>

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api_models::logs::{
    LiveTailSessionLogEvent, LiveTailSessionMetadata, LiveTailSessionStart, LiveTailSessionUpdate,
    SessionTimeoutException, StartLiveTailResponseStream,
};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::patterns::Pattern;
use crate::ids::IdSource;
use crate::logstore::{Arrival, GroupKey};
use crate::services::Context;
use crate::time::{Clock, Timestamp, real_sleep};

/// Between two updates. The client's time, not the injected one: a session is for people who look at it.
const UPDATE_EVERY: Duration = Duration::from_secs(1);
/// The most events of an update; of more, a sample is shown.
const MAX_EVENTS: usize = 500;
/// How long a session may last.
const MAX_DURATION: Duration = Duration::from_secs(3 * 60 * 60);

/// Which events a session shows.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) groups: BTreeSet<GroupKey>,
    pub(super) streams: Streams,
    pub(super) pattern: Pattern,
}

#[derive(Debug)]
pub(super) enum Streams {
    All,
    Named(Vec<String>),
    Prefixed(Vec<String>),
}

impl Wanted {
    fn includes_stream(&self, arrival: &Arrival) -> bool {
        let name = &*arrival.stream.stream;
        self.groups.contains(&arrival.stream.group_key())
            && match &self.streams {
                Streams::All => true,
                Streams::Named(names) => names.iter().any(|wanted| wanted == name),
                Streams::Prefixed(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())),
            }
    }
}

/// What is shown of a second.
#[derive(Debug, Default)]
struct Update {
    /// How many events matched.
    matched: u64,
    /// Those that are shown, and which of the matching ones they are.
    events: Vec<(u64, LiveTailSessionLogEvent)>,
    /// Some were not even looked at, because too many came.
    missed: bool,
}

impl Update {
    /// Adds an event; of more than 500 each has the same chance to be shown.
    fn add(&mut self, event: LiveTailSessionLogEvent, ids: &IdSource) {
        let number = self.matched;
        self.matched += 1;
        if self.events.len() < MAX_EVENTS {
            self.events.push((number, event));
        } else if let Ok(place) = usize::try_from(ids.below(self.matched))
            && let Some(shown) = self.events.get_mut(place)
        {
            *shown = (number, event);
        }
    }

    fn shown(mut self) -> LiveTailSessionUpdate {
        let sampled = self.missed || self.matched > self.events.len() as u64;
        self.events.sort_by_key(|(number, _)| *number);
        LiveTailSessionUpdate {
            session_metadata: Some(Box::new(LiveTailSessionMetadata { sampled: Some(sampled) })),
            session_results: Some(self.events.into_iter().map(|(_, event)| event).collect()),
        }
    }
}

struct Session {
    arrivals: Receiver<Arc<Arrival>>,
    wanted: Wanted,
    clock: Clock,
    ids: IdSource,
    ends: Timestamp,
    over: bool,
}

/// The events of a session: `start`, an update each second (an empty one, if nothing came), and the exception that ends
/// it after three hours.
pub(super) fn session(
    context: &Context,
    wanted: Wanted,
    start: LiveTailSessionStart,
) -> BoxStream<'static, StartLiveTailResponseStream> {
    let shared = &context.shared;
    let session = Session {
        // From here on nothing is missed, though the client has heard nothing yet.
        arrivals: shared.logs.subscribe(),
        wanted,
        clock: shared.clock.clone(),
        ids: shared.ids.clone(),
        ends: shared.clock.now().saturating_add(MAX_DURATION),
        over: false,
    };
    let start =
        StartLiveTailResponseStream { session_start: Some(Box::new(start)), ..StartLiveTailResponseStream::default() };
    let updates = stream::unfold(session, |mut session| async move {
        let event = session.next().await?;
        Some((event, session))
    });
    stream::iter([start]).chain(updates).boxed()
}

impl Session {
    /// `None` once there will be no more.
    async fn next(&mut self) -> Option<StartLiveTailResponseStream> {
        if self.over {
            return None;
        }
        let mut update = Update::default();
        let mut second = Box::pin(real_sleep(UPDATE_EVERY));
        loop {
            tokio::select! {
                () = &mut second => break,
                arrival = self.arrivals.recv() => match arrival {
                    Ok(arrival) => self.look(&arrival, &mut update),
                    Err(RecvError::Lagged(_)) => update.missed = true,
                    Err(RecvError::Closed) => return None,
                },
            }
        }
        let mut event = StartLiveTailResponseStream::default();
        if self.clock.now() >= self.ends {
            self.over = true;
            event.session_timeout_exception = Some(Box::new(SessionTimeoutException::new("Session has timed out.")));
        } else {
            event.session_update = Some(Box::new(update.shown()));
        }
        Some(event)
    }

    fn look(&self, arrival: &Arrival, update: &mut Update) {
        if !self.wanted.includes_stream(arrival) {
            return;
        }
        let group = format!("{}:{}", arrival.stream.scope.account, arrival.stream.group);
        for event in arrival.events.iter().filter(|event| self.wanted.pattern.matches(&event.message)) {
            let shown = LiveTailSessionLogEvent {
                log_stream_name: Some(arrival.stream.stream.to_string()),
                log_group_identifier: Some(group.clone()),
                message: Some(event.message.clone()),
                timestamp: Some(event.timestamp),
                ingestion_time: Some(arrival.ingested.as_millis()),
            };
            update.add(shown, &self.ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logstore::{GroupSettings, LogEvent, StreamKey};
    use crate::testing::context;

    async fn group(context: &Context) -> StreamKey {
        let key = StreamKey::new(&context.scope, "g", "web/1");
        let settings = GroupSettings::new(context.now());
        context.logs().create_group(&key.group_key(), settings).await.expect("a group");
        context.logs().create_stream(&key).await.expect("a stream");
        key
    }

    fn tail(context: &Context, streams: Streams, pattern: &str) -> BoxStream<'static, StartLiveTailResponseStream> {
        let groups = [GroupKey::new(&context.scope, "g")].into();
        let wanted = Wanted { groups, streams, pattern: Pattern::parse(pattern).expect("a pattern") };
        session(context, wanted, LiveTailSessionStart::default())
    }

    async fn update(session: &mut BoxStream<'static, StartLiveTailResponseStream>) -> LiveTailSessionUpdate {
        *session.next().await.expect("an event").session_update.expect("an update")
    }

    #[tokio::test]
    async fn what_comes_after_the_start_is_shown_if_it_matches() {
        let context = context();
        let key = group(&context).await;
        let write = async |text: &str| {
            let event = LogEvent { timestamp: 5, message: text.to_owned() };
            context.logs().append(&key, vec![event], None).await.expect("written");
        };
        write("ERROR before").await;
        let mut session = tail(&context, Streams::Prefixed(vec!["web/".into()]), "ERROR");
        let mut other = tail(&context, Streams::Named(vec!["web/2".into()]), "");
        for session in [&mut session, &mut other] {
            assert!(session.next().await.expect("an event").session_start.is_some());
        }
        write("INFO a").await;
        write("ERROR b").await;
        let shown = update(&mut session).await;
        let events = shown.session_results.expect("a list");
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].message.as_deref(), Some("ERROR b"));
        assert_eq!(events[0].log_group_identifier.as_deref(), Some("123456789012:g"));
        assert_eq!(shown.session_metadata.expect("there").sampled, Some(false));
        assert_eq!(update(&mut other).await.session_results, Some(vec![]));
    }

    #[tokio::test]
    async fn of_many_events_a_sample_is_shown_in_order() {
        let context = context();
        let key = group(&context).await;
        let mut session = tail(&context, Streams::All, "");
        session.next().await;
        let events = (0..2000).map(|at| LogEvent { timestamp: at, message: format!("{at}") }).collect();
        context.logs().append(&key, events, None).await.expect("written");
        let shown = update(&mut session).await;
        assert_eq!(shown.session_metadata.expect("there").sampled, Some(true));
        let times: Vec<_> = shown.session_results.expect("a list").iter().map(|event| event.timestamp).collect();
        assert!(times.len() == MAX_EVENTS && times.is_sorted() && times.last() > Some(&Some(1000)));
    }

    #[tokio::test]
    async fn a_session_ends_after_three_hours() {
        let context = context();
        group(&context).await;
        let mut session = tail(&context, Streams::All, "");
        session.next().await;
        context.shared.clock.advance(MAX_DURATION);
        let last = session.next().await.expect("an event");
        assert!(last.session_timeout_exception.is_some());
        assert!(session.next().await.is_none());
    }
}
