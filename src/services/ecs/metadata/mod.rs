//! What a container sees at 169.254.170.2: the metadata of its task (versions 2, 3 and 4), its statistics, the task
//! role's credentials, and the switch of its scale-in protection.
//!
//! - `route` (pure): what a path asks for; `lookup` (pure): whom it means;
//! - `render`, `shape`: the answers' form, from the task's record and what the engine knows;
//! - `details`, `stats`: what the engine knows, remembered for a while;
//! - `credentials`, `protection`: what is more than a look.
//!
//! Who listens there, and how requests get to the LocalECS that has the task, is `crate::inside`'s business.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html>

mod credentials;
mod details;
pub mod environment;
mod lookup;
mod protection;
mod render;
pub mod route;
mod shape;
mod stats;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::Serialize;

pub use self::credentials::CredentialsEnd;
use self::details::Details;
use self::lookup::Found;
use self::route::{Asked, Form, Of, What};
use self::stats::Stats;
use crate::runtime::ContainerRuntime;
use crate::services::Shared;
use crate::store::State;

/// What is answered, always in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    fn of(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status, body },
            Err(error) => {
                tracing::error!(%error, "an answer of the task endpoint could not be written");
                Self { status: 500, body: b"\"Internal server error\"".to_vec() }
            }
        }
    }

    /// Errors of the metadata paths are a JSON string.
    fn problem(status: u16, text: &str) -> Self {
        Self::of(status, &text)
    }
}

/// The answers for the tasks of one store.
pub struct Metadata {
    shared: Arc<Shared>,
    details: Details,
    stats: Stats,
}

impl Metadata {
    #[must_use]
    pub fn new(shared: Arc<Shared>, runtime: Arc<dyn ContainerRuntime>) -> Self {
        Self { shared, details: Details::new(runtime.clone()), stats: Stats::new(runtime) }
    }

    /// Whether this store has what is asked about.
    #[must_use]
    pub fn knows(&self, of: &Of) -> bool {
        lookup::find(&self.shared.store.snapshot(), of).is_some()
    }

    /// Answers a request of a container, whose body is `body`.
    pub async fn answer(&self, asked: &Asked, body: &[u8]) -> Answer {
        let state = self.shared.store.snapshot();
        let found = lookup::find(&state, &asked.of);
        match &asked.what {
            What::Container(form) => self.container(&state, asked, *form, found).await,
            What::Task { form, tags } => self.task(&state, asked, *form, *tags, found).await,
            What::ContainerStats(form) => self.container_stats(asked, *form, found).await,
            What::TaskStats(form) => self.task_stats(asked, *form, found).await,
            What::Credentials(version) => credentials::answer(&self.shared, &state, found, *version).await,
            What::Protection(method) => protection::answer(&self.shared, found, *method, body).await,
        }
    }

    async fn container(&self, state: &State, asked: &Asked, form: Form, found: Option<Found<'_>>) -> Answer {
        let Some((found, container)) = found.and_then(|found| Some((found, found.container?))) else {
            return not_found(asked, form, "container metadata handler", "container ID", "docker ID");
        };
        let view = render::View::new(state, found.task, form);
        let details = self.details.of_container(container).await;
        Answer::of(200, &view.container(container, details.as_deref()))
    }

    async fn task(&self, state: &State, asked: &Asked, form: Form, tags: bool, found: Option<Found<'_>>) -> Answer {
        let Some(Found { task, .. }) = found else {
            return not_found(asked, form, "task metadata handler", "task arn", "task Arn");
        };
        let view = render::View::new(state, task, form);
        let details = self.details.of_task(task).await;
        Answer::of(200, &view.task(&details, tags, self.shared.clock.now()))
    }

    async fn container_stats(&self, asked: &Asked, form: Form, found: Option<Found<'_>>) -> Answer {
        let Some((found, container)) = found.and_then(|found| Some((found, found.container?))) else {
            return not_found(asked, form, "container stats handler", "task arn", "task Arn");
        };
        match self.stats.of(found.task, container).await {
            Some(stats) => Answer::of(200, &stats),
            None => {
                let id = found.task.container_runtime_id(container).unwrap_or_default();
                Answer::problem(500, &format!("Unable to get container stats for: {id}"))
            }
        }
    }

    async fn task_stats(&self, asked: &Asked, form: Form, found: Option<Found<'_>>) -> Answer {
        let Some(Found { task, .. }) = found else {
            return not_found(asked, form, "task stats handler", "task arn", "task Arn");
        };
        Answer::of(200, &self.stats.of_all(task).await)
    }
}

/// In the agent's words; <https://github.com/aws/amazon-ecs-agent/blob/master/agent/handlers/v4/tmdsstate.go>
fn not_found(asked: &Asked, form: Form, handler: &str, wanted: &str, looked_up: &str) -> Answer {
    let why = match &asked.of {
        Of::Endpoint(id) => format!("unable to get {looked_up} from v3 endpoint ID: {id}"),
        Of::Source { address, .. } => format!("unable to associate '{address}' with a task"),
        Of::Credentials(id) => id.clone(),
    };
    let (version, status) = match form {
        Form::V4 => ("V4", 404),
        Form::V3 => ("V3", 500),
        Form::V2 => ("V2", 400),
    };
    Answer::problem(status, &format!("{version} {handler}: unable to get {wanted} from request: {why}"))
}

/// An error of the credentials paths.
#[derive(Serialize)]
struct CredentialsProblem {
    code: &'static str,
    message: String,
    #[serde(rename = "HTTPErrorCode")]
    status: u16,
}

fn credentials_not_found(version: u8) -> Answer {
    let message = format!("CredentialsV{version}Request: Credentials not found");
    Answer::of(400, &CredentialsProblem { code: "InvalidIdInRequest", message, status: 400 })
}

/// An answer to a path that is none.
#[must_use]
pub fn no_such_path() -> Answer {
    Answer { status: 404, body: b"404 page not found\n".to_vec() }
}

/// The address of a request that has one in IPv4.
#[must_use]
pub fn source_of(address: std::net::IpAddr) -> Option<Ipv4Addr> {
    match address.to_canonical() {
        std::net::IpAddr::V4(address) => Some(address),
        std::net::IpAddr::V6(_) => None,
    }
}
