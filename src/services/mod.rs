//! The AWS services, one folder each, always the same inside; see ARCHITECTURE.md.

pub mod dispatch;
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
}

/// The part of a [`Context`] that all requests share.
pub struct Shared {
    pub store: Arc<Store>,
    /// Log groups, streams and events, which are not in the store.
    pub logs: Arc<LogStore>,
    pub clock: Clock,
    pub ids: IdSource,
    pub config: Config,
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
