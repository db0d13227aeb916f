//! `/_localecs/clock`: see and move the time that LocalECS lives in.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::refusal;
use crate::app::App;
use crate::time::Clock;

/// The fastest the clock may run: a day in less than two seconds.
const MAX_SPEED: f64 = 100_000.0;

/// What may be changed; the parts are applied in this order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    /// Go back to the machine's own time.
    #[serde(default)]
    reset: bool,
    /// How fast time passes: 1 is normal, 0 stands still.
    speed: Option<f64>,
    /// Seconds to move forward.
    advance_seconds: Option<f64>,
}

pub(super) async fn show(State(app): State<Arc<App>>) -> Response {
    shown(&app.shared.clock)
}

fn shown(clock: &Clock) -> Response {
    let now = clock.now();
    Json(json!({ "now": now.to_rfc3339(), "epochMilliseconds": now.as_millis(), "speed": clock.speed() }))
        .into_response()
}

pub(super) async fn change(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let change: Change = match serde_json::from_slice(&body) {
        Ok(change) => change,
        Err(error) => {
            let usage = "give {\"advanceSeconds\": 60}, {\"speed\": 10} or {\"reset\": true}";
            return refusal(StatusCode::BAD_REQUEST, format!("{error}; {usage}"));
        }
    };
    if change.speed.is_some_and(|speed| !(0.0..=MAX_SPEED).contains(&speed)) {
        return refusal(StatusCode::BAD_REQUEST, format!("speed is between 0 and {MAX_SPEED}"));
    }
    let advance = match change.advance_seconds.map(Duration::try_from_secs_f64).transpose() {
        Ok(advance) => advance,
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "advanceSeconds is a number of seconds, 0 or more"),
    };
    let clock = &app.shared.clock;
    if change.reset {
        clock.reset();
    }
    if let Some(speed) = change.speed {
        clock.set_speed(speed);
    }
    if let Some(advance) = advance {
        clock.advance(advance);
    }
    shown(clock)
}
