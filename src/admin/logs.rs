//! `/_localecs/logs`: what a task's containers print, as lines of JSON.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::refusal;
use crate::app::App;
use crate::services::ecs::agent::{LogsRefusal, LogsWanted, view_logs};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    /// A task's id (or its beginning) or ARN.
    task: String,
    container: Option<String>,
    #[serde(default)]
    follow: bool,
    /// Milliseconds since the epoch.
    since: Option<i64>,
    tail: Option<usize>,
}

pub(super) async fn show(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Response {
    let Asked { task, container, follow, since, tail } = asked;
    let wanted = LogsWanted { task, container, follow, since, tail };
    let lines = match view_logs(&app.shared, &app.runtime, &wanted).await {
        Ok(lines) => lines,
        Err(error) => {
            let status = match error {
                LogsRefusal::NoSuchTask(_) | LogsRefusal::NoSuchContainer(_) => StatusCode::NOT_FOUND,
                LogsRefusal::Ambiguous(_) | LogsRefusal::Gone(_) | LogsRefusal::Unreadable { .. } => {
                    StatusCode::CONFLICT
                }
            };
            return refusal(status, error.to_string());
        }
    };
    let body = lines.map(|line| {
        let json = json!({ "container": &*line.container, "timestamp": line.at, "message": line.message });
        Ok::<_, Infallible>(format!("{json}\n"))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
}
