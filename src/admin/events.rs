//! `/_localecs/events`: ECS's events as server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::services::ecs::events::Event;

/// Which events are wanted; all of them when nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    /// As in `detail-type`.
    detail_type: Option<String>,
    /// A cluster's name.
    cluster: Option<String>,
}

impl Wanted {
    fn includes(&self, event: &Event) -> bool {
        self.detail_type.as_deref().is_none_or(|wanted| wanted == event.detail_type)
            && self.cluster.as_deref().is_none_or(|wanted| wanted == &*event.cluster.name)
    }
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Query(wanted): Query<Wanted>,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let following = stream::unfold((app.events.subscribe(), wanted), |(mut events, wanted)| async move {
        let message = next(&mut events, &wanted).await?;
        Some((Ok(message), (events, wanted)))
    });
    Sse::new(following).keep_alive(KeepAlive::default())
}

/// `None` once there will be no more.
async fn next(events: &mut Receiver<Arc<Event>>, wanted: &Wanted) -> Option<Message> {
    loop {
        match events.recv().await {
            Ok(event) if wanted.includes(&event) => {
                let message = Message::default().id(&event.id).event(event.detail_type);
                match message.json_data(&*event) {
                    Ok(message) => return Some(message),
                    Err(error) => tracing::error!(%error, "an event could not be written"),
                }
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                return Some(Message::default().event("missed").data(missed.to_string()));
            }
            Err(RecvError::Closed) => return None,
        }
    }
}
