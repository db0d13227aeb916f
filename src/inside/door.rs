//! The front door: which LocalECS processes have joined, whose a request is, and its way there.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use super::listen::Place;
use crate::http::Response;
use crate::services::ecs::metadata::route::Of;
use crate::time::stopwatch;

pub(super) const KEY: HeaderName = HeaderName::from_static("x-localecs-key");
/// The own port of the process that joins.
pub(super) const PORT: HeaderName = HeaderName::from_static("x-localecs-port");
/// Where a forwarded request came from.
pub(super) const SOURCE: HeaderName = HeaderName::from_static("x-localecs-source");
pub(super) const JOIN: &str = "/_localecs/door/join";
pub(super) const OWNS: &str = "/_localecs/door/owns/";

/// How long a process may take to say whether something is its own: the machine may be busy.
const OWNS_PATIENCE: Duration = Duration::from_secs(5);
/// How long after the door was opened those may still come that had joined the one before.
const ARRIVAL: Duration = Duration::from_secs(3);
/// So many answers to that are remembered.
const OWNERS: usize = 10_000;

type Outgoing = Client<HttpConnector, axum::body::Body>;

pub(super) struct Door {
    place: Place,
    key: Mutex<String>,
    peers: Arc<Mutex<Peers>>,
    client: Outgoing,
    /// Ends the connections of those who joined.
    closed: watch::Sender<bool>,
    /// How long ago it was opened.
    open: Mutex<Option<Box<dyn Fn() -> Duration + Send>>>,
    /// How many have joined so far.
    arrivals: watch::Sender<u64>,
}

/// Who has what is asked about, among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The process with that own port.
    Process(u16),
    Nobody,
    /// One that does not answer may have it.
    Unsure,
}

#[derive(Default)]
struct Peers {
    next: u64,
    /// Their own ports.
    ports: BTreeMap<u64, u16>,
    /// Whose an id is. Addresses are not remembered: another container may have one tomorrow.
    owners: HashMap<Of, u64>,
}

impl Door {
    pub(super) fn new(place: Place) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(60)).build_http();
        Self {
            place,
            key: Mutex::default(),
            peers: Arc::default(),
            client,
            closed: watch::Sender::new(false),
            open: Mutex::default(),
            arrivals: watch::Sender::new(0),
        }
    }

    /// This process has the port from now on.
    pub(super) fn open(&self) {
        *self.open.lock() = Some(Box::new(stopwatch()));
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn set_key(&self, key: &str) {
        key.clone_into(&mut self.key.lock());
    }

    /// Whether a request comes from another LocalECS process.
    pub(super) fn is_peer(&self, headers: &HeaderMap) -> bool {
        let key = self.key.lock();
        let given = headers.get(KEY).map_or(&b""[..], HeaderValue::as_bytes);
        !key.is_empty() && bool::from(given.ct_eq(key.as_bytes()))
    }

    /// Lets nobody join any more and ends the connections of those who have. Returns whether there were none.
    pub(super) fn close(&self) -> bool {
        let peers = self.peers.lock();
        self.closed.send_replace(true);
        peers.ports.is_empty()
    }

    /// A process joins; the answer lasts for as long as both are there.
    pub(super) fn joined(&self, headers: &HeaderMap) -> Response {
        let port = headers.get(PORT).and_then(|port| port.to_str().ok()?.parse::<u16>().ok()).filter(|port| *port != 0);
        let Some(port) = port else { return plain(StatusCode::BAD_REQUEST, "no port") };
        let mut peers = self.peers.lock();
        if *self.closed.borrow() {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "closing");
        }
        let id = peers.next;
        peers.next += 1;
        peers.ports.insert(id, port);
        self.arrivals.send_modify(|arrivals| *arrivals += 1);
        let guard = Membership { peers: self.peers.clone(), id };
        let closed = self.closed.subscribe();
        let lasting = stream::unfold((guard, closed, true), |(guard, mut closed, first)| async move {
            if first {
                return Some((Ok::<_, std::io::Error>(Bytes::from_static(b"joined\n")), (guard, closed, false)));
            }
            // An error is the same: the door is gone.
            let _ = closed.wait_for(|closed| *closed).await;
            None
        });
        let mut response = hyper::Response::new(Either::Right(axum::body::Body::from_stream(lasting)));
        response.headers_mut().insert(PORT, HeaderValue::from(self.place.front_port));
        response
    }

    /// Who has what is asked about, if another process does. While a door is new, it waits for those who had joined the
    /// one before: what is unknown now may be known in a moment, and "unknown" would be taken for an answer.
    pub(super) async fn owner(&self, of: &Of) -> Owner {
        loop {
            let mut arrivals = self.arrivals.subscribe();
            let answer = self.owner_now(of).await;
            let age = self.open.lock().as_ref().map_or(ARRIVAL, |age| age());
            let left = ARRIVAL.saturating_sub(age);
            if matches!(answer, Owner::Process(_)) || left.is_zero() {
                return answer;
            }
            if !matches!(tokio::time::timeout(left, arrivals.changed()).await, Ok(Ok(()))) {
                return self.owner_now(of).await;
            }
        }
    }

    /// The same without waiting for anybody.
    pub(super) async fn owner_now(&self, of: &Of) -> Owner {
        let ports: Vec<(u64, u16)> = {
            let peers = self.peers.lock();
            if let Some(port) = peers.owners.get(of).and_then(|id| peers.ports.get(id)) {
                return Owner::Process(*port);
            }
            peers.ports.iter().map(|(id, port)| (*id, *port)).collect()
        };
        let Some(question) = question(of) else { return Owner::Nobody };
        let answers = ports.into_iter().map(|(id, port)| {
            let question = &question;
            async move { (id, port, self.ask(port, question).await) }
        });
        let answers = join_all(answers).await;
        let Some((id, port, _)) = answers.iter().find(|(_, _, owns)| *owns == Some(true)).copied() else {
            // Who has left meanwhile has taken what it had along.
            let unsure = answers.iter().any(|(id, _, owns)| owns.is_none() && self.peers.lock().ports.contains_key(id));
            return if unsure { Owner::Unsure } else { Owner::Nobody };
        };
        if !matches!(of, Of::Source { .. }) {
            let mut peers = self.peers.lock();
            if peers.owners.len() >= OWNERS {
                peers.owners.clear();
            }
            peers.owners.insert(of.clone(), id);
        }
        Owner::Process(port)
    }

    /// `None` when it does not answer.
    async fn ask(&self, port: u16, question: &str) -> Option<bool> {
        let request = Request::get(format!("http://{}:{port}{OWNS}{question}", self.place.address))
            .header(KEY, self.key.lock().clone())
            .body(axum::body::Body::empty());
        let asked = tokio::time::timeout(OWNS_PATIENCE, self.client.request(request.ok()?)).await;
        match asked.ok()?.ok()?.status() {
            StatusCode::OK => Some(true),
            StatusCode::NOT_FOUND => Some(false),
            _ => None,
        }
    }

    /// Hands a request on to a process, by its own port.
    pub(super) async fn forward(&self, port: u16, request: Request<Incoming>, source: Ipv4Addr) -> Response {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Result<Uri, _> = format!("http://{}:{port}{path}", self.place.address).parse();
        let key = HeaderValue::from_str(&self.key.lock());
        let (Ok(uri), Ok(key)) = (uri, key) else { return plain(StatusCode::BAD_REQUEST, "no such path") };
        parts.uri = uri;
        parts.headers.insert(KEY, key);
        if let Ok(source) = HeaderValue::from_str(&source.to_string()) {
            parts.headers.insert(SOURCE, source);
        }
        match self.client.request(Request::from_parts(parts, axum::body::Body::new(body))).await {
            Ok(response) => response.map(|body| Either::Right(axum::body::Body::new(body))),
            Err(error) => {
                tracing::debug!(%error, "the LocalECS that has the task does not answer");
                plain(StatusCode::BAD_GATEWAY, "the LocalECS that has the task does not answer")
            }
        }
    }
}

/// Leaves when it is dropped, which is when the connection ends.
struct Membership {
    peers: Arc<Mutex<Peers>>,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut peers = self.peers.lock();
        peers.ports.remove(&self.id);
        let id = self.id;
        peers.owners.retain(|_, owner| *owner != id);
    }
}

/// The end of the path that asks about it; [`asked_about`] reads it.
fn question(of: &Of) -> Option<String> {
    let question = match of {
        Of::Endpoint(id) => format!("endpoint/{id}"),
        Of::Credentials(id) => format!("credentials/{id}"),
        Of::Source { address, .. } => format!("source/{address}"),
    };
    question.bytes().all(|byte| byte.is_ascii_graphic()).then_some(question)
}

pub(super) fn asked_about(question: &str) -> Option<Of> {
    let (kind, value) = question.split_once('/')?;
    Some(match kind {
        "endpoint" => Of::Endpoint(value.to_owned()),
        "credentials" => Of::Credentials(value.to_owned()),
        "source" => Of::Source { address: value.parse().ok()?, container: None },
        _ => return None,
    })
}

/// An answer between processes.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response =
        hyper::Response::new(Either::Left(http_body_util::Full::new(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = status;
    response
}
