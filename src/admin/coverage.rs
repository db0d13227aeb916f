//! `/_localecs/coverage`: every operation of every service, and whether it is on. From the dispatch table itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;

pub(super) async fn show(State(app): State<Arc<App>>) -> Json<Value> {
    let services: Vec<Value> = api_models::services()
        .iter()
        .map(|service| {
            let operations: Vec<Value> = service
                .operations
                .iter()
                .map(|operation| json!({ "name": operation.name, "on": app.registry.get(service, operation).is_some() }))
                .chain(service.other_operations.iter().map(|name| json!({ "name": name, "on": false })))
                .collect();
            let on = operations.iter().filter(|operation| operation["on"] == true).count();
            json!({ "service": service.id, "on": on, "total": operations.len(), "operations": operations })
        })
        .collect();
    Json(json!({ "services": services }))
}
