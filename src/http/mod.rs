//! The listener: one port for all services, and for LocalECS's own pages under `/_`.
//!
//! The way of a request: [`guard`] keeps web pages away; [`classify`] finds the operation; `body` reads; the caller is
//! known from its signature ([`crate::identity::sigv4`]); [`crate::protocol`] decodes and validates; the handler from
//! the [`Registry`] runs; the protocol encodes. It is plain hyper, without a router or middleware in between: an
//! answer from a snapshot costs little more than the HTTP itself.

mod answer;
mod body;
mod caller;
pub mod classify;
pub mod guard;
mod server;
pub mod upstream;

use std::sync::Arc;

use api_models::schema::ServiceSchema;
use axum::Router;
use http_body_util::{Either, Full};
use hyper_util::service::TowerToHyperService;
pub use server::serve;

use crate::http::guard::Guard;
use crate::http::upstream::Upstream;
use crate::services::Shared;
use crate::services::dispatch::Registry;

/// The body of a response: the services' are in one piece, the admin API's may stream.
pub(crate) type Body = Either<Full<bytes::Bytes>, axum::body::Body>;
pub(crate) type Response = hyper::Response<Body>;

/// What the listener serves.
pub struct AppState {
    registry: Registry,
    shared: Arc<Shared>,
    services: &'static [&'static ServiceSchema],
    /// Everything under `/_`, and the websockets of ECS Exec.
    admin: TowerToHyperService<Router>,
    guard: Guard,
    upstream: Option<Upstream>,
}

impl AppState {
    /// The operations of `registry`, and `admin` for all paths that begin with `/_` and for data channels. Who may call, and how much, is
    /// read from the configuration in `shared`.
    #[must_use]
    pub fn new(registry: Registry, shared: Arc<Shared>, admin: Router) -> Arc<Self> {
        let config = &shared.config;
        let guard = Guard::new(&config.allowed_hosts, &config.allowed_origins);
        let services = api_models::services();
        let upstream = config.upstream_endpoint.as_deref().and_then(Upstream::new);
        Arc::new(Self { registry, shared, services, admin: TowerToHyperService::new(admin), guard, upstream })
    }

    /// What to answer to a request that a web page may have sent, if it has headers of one.
    pub(crate) fn refusal(&self, headers: &hyper::HeaderMap) -> Option<Response> {
        let rejection = self.guard.check(headers).err()?;
        Some(answer::refused(&rejection, &self.shared.ids.uuid()))
    }

    /// Answers a request that came in elsewhere.
    pub(crate) async fn answer(self: &Arc<Self>, request: hyper::Request<hyper::body::Incoming>) -> Response {
        answer::answer(self.clone(), request).await
    }
}
