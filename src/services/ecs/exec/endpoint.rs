//! Where the websockets of data channels arrive.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::session;
use crate::runtime::ContainerRuntime;
use crate::services::Shared;

/// What the paths begin with, as those of AWS's service `ssmmessages` do.
pub const PATH: &str = "/v1/data-channel/";
/// The largest frame: clients send a kilobyte at a time.
const LARGEST_FRAME: usize = 256 * 1024;

#[derive(Clone)]
struct Endpoint {
    shared: Arc<Shared>,
    runtime: Arc<dyn ContainerRuntime>,
}

/// The routes under [`PATH`].
pub fn router(shared: Arc<Shared>, runtime: Arc<dyn ContainerRuntime>) -> Router {
    Router::new().route(&format!("{PATH}{{session}}"), any(connect)).with_state(Endpoint { shared, runtime })
}

/// The token comes through the websocket; until then nothing is known of the client.
async fn connect(State(endpoint): State<Endpoint>, Path(session): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    if !endpoint.shared.exec.awaits(&session) {
        return (StatusCode::NOT_FOUND, "no such session, or its time is over").into_response();
    }
    let Endpoint { shared, runtime } = endpoint;
    upgrade
        .max_message_size(LARGEST_FRAME)
        .max_frame_size(LARGEST_FRAME)
        .on_upgrade(move |socket| session::serve(socket, session, shared, runtime))
}
