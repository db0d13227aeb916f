//! `/_localecs/coverage`: every operation of every service, and whether it is on. From the dispatch table itself.

use axum::Json;
use serde_json::{Value, json};

use crate::services::dispatch::Registry;

pub(super) async fn show() -> Json<Value> {
    let registry = Registry::new();
    let services: Vec<Value> = api_models::services()
        .iter()
        .map(|service| {
            let operations: Vec<Value> = service
                .operations
                .iter()
                .map(|operation| json!({ "name": operation.name, "on": registry.get(service, operation).is_some() }))
                .chain(service.other_operations.iter().map(|name| json!({ "name": name, "on": false })))
                .collect();
            let on = operations.iter().filter(|operation| operation["on"] == true).count();
            json!({ "service": service.id, "on": on, "total": operations.len(), "operations": operations })
        })
        .collect();
    Json(json!({ "services": services }))
}
