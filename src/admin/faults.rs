//! `/_localecs/faults`: what is to go wrong, in the simulated engine or around ECS.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::refusal;
use crate::app::App;
use crate::runtime::Fault;
use crate::services::ecs::service_scheduler::surroundings::Outside;
use crate::services::ecs::spot::{self, Interruption, NotInterrupted};
use crate::services::ecs::virtual_instances;
use crate::services::ecs::virtual_instances::faults::InstanceFault;

/// Says whom the rest is for.
#[derive(Debug, Deserialize)]
struct Kind {
    fault: String,
}

/// Takes a [`Fault`], such as `{"fault": "pullFails", "image": "web", "times": 1}`, an [`Outside`], an
/// [`InstanceFault`], or an [`Interruption`].
pub(super) async fn inject(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let injected = || Json(json!({ "status": "injected" })).into_response();
    let not_a_fault = |error| refusal(StatusCode::BAD_REQUEST, format!("not a fault: {error}"));
    let kind: Kind = match serde_json::from_slice(&body) {
        Ok(kind) => kind,
        Err(error) => return not_a_fault(error),
    };
    if kind.fault == "spotInterruption" {
        let interruption: Interruption = match serde_json::from_slice(&body) {
            Ok(interruption) => interruption,
            Err(error) => return not_a_fault(error),
        };
        return match spot::interrupt(&app.shared, &interruption).await {
            Ok(tasks) => Json(json!({ "status": "injected", "tasks": tasks })).into_response(),
            Err(NotInterrupted::Unexpected(error)) => {
                tracing::error!(%error, "no interruption");
                refusal(StatusCode::INTERNAL_SERVER_ERROR, "the store could not be written")
            }
            Err(error) => refusal(StatusCode::CONFLICT, error.to_string()),
        };
    }
    if matches!(&*kind.fault, "alarm" | "targetHealth") {
        let outside: Outside = match serde_json::from_slice(&body) {
            Ok(outside) => outside,
            Err(error) => return not_a_fault(error),
        };
        return match app.surroundings.tell(&app.shared.store.snapshot(), outside) {
            Ok(()) => injected(),
            Err(unknown) => refusal(StatusCode::CONFLICT, unknown.to_string()),
        };
    }
    if matches!(
        &*kind.fault,
        "instanceTerminated" | "instanceStopped" | "instanceStarted" | "agentDisconnected" | "agentConnected"
    ) {
        let fault: InstanceFault = match serde_json::from_slice(&body) {
            Ok(fault) => fault,
            Err(error) => return not_a_fault(error),
        };
        let shared = &app.shared;
        return match shared.store.transact(|tx| virtual_instances::faults::inject(tx, shared, &fault)).await {
            Ok(()) => injected(),
            Err(error) => refusal(StatusCode::CONFLICT, error.to_string()),
        };
    }
    let fault: Fault = match serde_json::from_slice(&body) {
        Ok(fault) => fault,
        Err(error) => return not_a_fault(error),
    };
    let all_clear = fault == Fault::Clear;
    if all_clear {
        app.surroundings.clear(&app.shared.store.snapshot());
    }
    match app.runtime.inject(fault) {
        Ok(()) => injected(),
        // An engine that takes no faults has none to clear.
        Err(_) if all_clear => injected(),
        Err(error) => refusal(StatusCode::CONFLICT, error.to_string()),
    }
}
