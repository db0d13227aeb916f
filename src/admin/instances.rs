//! `/_localecs/instances`: virtual container instances, added, listed and removed.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::refusal;
use crate::app::App;
use crate::services::ecs::resources::ContainerInstance;
use crate::services::ecs::resources::container_instance::Loads;
use crate::services::ecs::virtual_instances::{self as instances, Refusal, Summary, Wanted};

/// Which instances are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    /// A cluster's name.
    cluster: Option<String>,
    /// EC2 instance ids, container instance ids or ARNs, separated by commas.
    instances: Option<String>,
}

pub(super) async fn list(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Response {
    let listed = instances::list(&app.shared.store.snapshot(), asked.cluster.as_deref());
    Json(json!({ "instances": listed })).into_response()
}

/// Takes a [`Wanted`], such as `{"cluster": "dev", "type": "m5.large", "zones": ["us-east-1a"], "count": 3}`.
pub(super) async fn add(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let wanted: Wanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => {
            let usage = r#"give {"cluster": "dev", "type": "m5.large", "zones": ["us-east-1a"], "count": 3}"#;
            return refusal(StatusCode::BAD_REQUEST, format!("{error}; {usage}"));
        }
    };
    let shared = &app.shared;
    shown(shared.store.transact(|tx| instances::add(tx, shared, &wanted)).await)
}

/// Terminates the instances that are named.
pub(super) async fn remove(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Response {
    let shared = &app.shared;
    let removed = shared.store.transact(|tx| {
        let named = match (&asked.instances, &asked.cluster) {
            (Some(list), _) => list.split(',').map(|named| named.trim().to_owned()).collect(),
            (None, Some(cluster)) => {
                instances::list(tx, Some(cluster)).into_iter().map(|it| it.container_instance_arn).collect()
            }
            (None, None) => Vec::new(),
        };
        instances::remove(tx, shared, &named)
    });
    if asked.instances.is_none() && asked.cluster.is_none() {
        return refusal(StatusCode::BAD_REQUEST, "say which: ?instances=i-0123,i-4567 or ?cluster=dev");
    }
    shown(removed.await)
}

fn shown(done: Result<Vec<ContainerInstance>, Refusal>) -> Response {
    match done {
        Ok(instances) => {
            let none = Loads::default();
            let shown: Vec<Summary> = instances.iter().map(|instance| Summary::of(instance, &none)).collect();
            Json(json!({ "instances": shown })).into_response()
        }
        Err(error @ Refusal::Unexpected(_)) => {
            tracing::error!(%error, "the instances could not be written");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
        Err(error @ Refusal::NoInstance(_)) => refusal(StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => refusal(StatusCode::BAD_REQUEST, error.to_string()),
    }
}
