//! The AWS services, one folder each, always the same inside; see ARCHITECTURE.md.

pub mod autoscaling;
pub mod dispatch;
pub mod ec2;
pub mod ecs;
pub mod iam;
pub mod logs;
pub mod paging;
pub mod secretsmanager;
pub mod sensitive;
pub mod ssm;
pub mod sts;
pub mod tag_rules;

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue};

use crate::config::Config;
use crate::identity::Scope;
use crate::ids::IdSource;
use crate::logstore::LogStore;
use crate::services::sts::resources::Caller;
use crate::store::{State, Store};
use crate::time::{Clock, Timestamp};

/// What every operation may use: the store and the injected sources of time and ids. No engine, no network.
#[derive(Clone)]
pub struct Context {
    pub shared: Arc<Shared>,
    /// The account and region the request speaks for.
    pub scope: Scope,
    /// As in the answer's `x-amzn-RequestId`.
    pub request_id: Arc<str>,
    pub caller: Caller,
    /// Where the caller found the server.
    pub caller_address: CallerAddress,
}

/// The part of a [`Context`] that all requests share.
pub struct Shared {
    pub store: Arc<Store>,
    /// Log groups, streams and events, which are not in the store.
    pub logs: Arc<LogStore>,
    pub clock: Clock,
    pub ids: IdSource,
    pub config: Config,
    /// The sessions of ECS Exec.
    pub exec: ecs::exec::Sessions,
}

/// The server's address in the caller's eyes, for URLs in answers.
#[derive(Clone, Debug, Default)]
pub struct CallerAddress {
    host: Option<HeaderValue>,
    /// TLS ends at a proxy in between.
    https: bool,
}

/// What a proxy in front says the caller used.
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl CallerAddress {
    /// From the headers of a request that the guard has let through.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let https = headers.get(X_FORWARDED_PROTO).is_some_and(|value| value == "https");
        Self { host: headers.get(HOST).cloned(), https }
    }

    /// The URL of a websocket at `path`.
    #[must_use]
    pub fn websocket(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.https { "wss" } else { "ws" }, self.host())
    }

    /// The URL of what is at `path`.
    #[must_use]
    pub fn http(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.https { "https" } else { "http" }, self.host())
    }

    fn host(&self) -> &str {
        self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or("localhost:4566")
    }
}

impl Context {
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    #[must_use]
    pub fn logs(&self) -> &LogStore {
        &self.shared.logs
    }

    /// The newest durable state, for reading.
    #[must_use]
    pub fn snapshot(&self) -> Arc<State> {
        self.shared.store.snapshot()
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The ARN of who is asking, as GetCallerIdentity answers it.
    #[must_use]
    pub fn caller_arn(&self) -> String {
        match &self.caller {
            Caller::Root => self.scope.iam_arn("root"),
            Caller::Session(session) => session.arn.clone(),
        }
    }

    #[must_use]
    pub fn ids(&self) -> &IdSource {
        &self.shared.ids
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }
}
