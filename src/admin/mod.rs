//! The admin API under `/_localecs/`: health, reset, clock, faults, coverage, reconcilers,
//! events, logs of tasks, virtual container instances. Described in docs/admin.md.
//!
//! `/_localstack/health` answers too, because tools that wait for an emulator ask there.

mod clock;
mod coverage;
mod events;
mod faults;
mod instances;
mod logs;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::App;

/// How long the health answer waits for the engine.
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);

/// All routes of the admin API.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/_localecs/health", get(health))
        .route("/_localstack/health", get(health))
        .route("/_localecs/reset", post(reset))
        .route("/_localecs/clock", get(clock::show).post(clock::change))
        .route("/_localecs/faults", post(faults::inject))
        .route("/_localecs/instances", get(instances::list).post(instances::add).delete(instances::remove))
        .route("/_localecs/coverage", get(coverage::show))
        .route("/_localecs/events", get(events::follow))
        .route("/_localecs/logs", get(logs::show))
        .route("/_localecs/reconcilers", get(reconcilers))
        .route("/_localecs/store", get(store))
        .fallback(unknown)
        .with_state(app)
}

/// An error of the admin API: it is not an AWS API, so its errors are plain JSON.
fn refusal(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(json!({ "error": message.into() }))).into_response()
}

async fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, "no such admin call; docs/admin.md lists them")
}

/// Healthy means that requests are answered; `runtime.available` says whether tasks can run.
async fn health(State(app): State<Arc<App>>) -> Json<Value> {
    let info = tokio::time::timeout(ENGINE_PATIENCE, app.runtime.info()).await;
    let (engine, problem) = match info {
        Ok(Ok(info)) => (Some(info), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some(format!("the engine did not answer within {ENGINE_PATIENCE:?}"))),
    };
    let services: serde_json::Map<String, Value> =
        api_models::services().iter().map(|service| (service.id.to_owned(), json!("running"))).collect();
    Json(json!({
        "services": services,
        "edition": "localecs",
        "version": env!("CARGO_PKG_VERSION"),
        "runtime": {
            "kind": app.engine.runtime,
            "reason": app.engine.reason,
            "available": problem.is_none(),
            "problem": problem,
            "engine": engine,
        },
        "store": { "id": app.shared.store.id(), "durable": app.shared.store.is_durable() },
    }))
}

async fn reset(State(app): State<Arc<App>>) -> Response {
    match app.reset().await {
        Ok(()) => Json(json!({ "status": "reset" })).into_response(),
        Err(error) => {
            tracing::error!(%error, "reset failed");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("not everything could be removed: {error}"))
        }
    }
}

async fn reconcilers(State(app): State<Arc<App>>) -> Json<Value> {
    let statuses: Vec<_> = app.driver.statuses().iter().map(|status| status.borrow().clone()).collect();
    Json(json!({ "reconcilers": statuses }))
}

/// How many records each table holds.
async fn store(State(app): State<Arc<App>>) -> Json<Value> {
    let counts: serde_json::Map<String, Value> = app
        .shared
        .store
        .snapshot()
        .counts()
        .into_iter()
        .map(|(table, count)| (table.to_owned(), json!(count)))
        .collect();
    Json(json!({ "id": app.shared.store.id(), "durable": app.shared.store.is_durable(), "records": counts }))
}
