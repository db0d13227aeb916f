//! Requests at 169.254.170.2: those of containers, and those of other LocalECS processes.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::door::{self, Door, Owner, plain};
use super::sources::Sources;
use crate::http::{AppState, Response};
use crate::services::ecs::metadata::route::{Asked, Of, Route, route};
use crate::services::ecs::metadata::{self, Answer, Metadata};
use crate::time::real_sleep;

/// What a container may send to these paths.
const BODY_LIMIT: usize = 64 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is served there.
pub(super) struct Site {
    pub(super) api: Arc<AppState>,
    pub(super) metadata: Arc<Metadata>,
    pub(super) door: Door,
    pub(super) sources: Sources,
}

/// Serves connections until `stop`; `front` says that this is port 80, where everybody's requests come in.
pub(super) async fn accept(listener: TcpListener, site: Arc<Site>, front: bool, mut stop: oneshot::Receiver<()>) {
    let (ended, ending) = watch::channel(());
    loop {
        tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    tokio::spawn(connection(stream, from, site.clone(), front, ending.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a container's connection could not be accepted");
                    real_sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(ended);
}

async fn connection(stream: TcpStream, from: SocketAddr, site: Arc<Site>, front: bool, mut end: watch::Receiver<()>) {
    let Some(source) = metadata::source_of(from.ip()) else { return };
    if !site.sources.allow(source).await {
        tracing::warn!(%source, "refused a connection to 169.254.170.2 that is not a container's");
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(answer(&site, request, source, front).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            // For ECS Exec.
            .with_upgrades()
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        // The sender says nothing: it is dropped.
        _ = end.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "a container's connection ended early");
    }
}

async fn answer(site: &Site, mut request: Request<Incoming>, source: Ipv4Addr, front: bool) -> Response {
    let is_peer = site.door.is_peer(request.headers());
    let path = request.uri().path();
    if path.starts_with("/_localecs/door/") {
        return between_processes(site, &request, is_peer, front);
    }
    if let Some(refused) = site.api.refusal(request.headers()) {
        return refused;
    }
    let source = forwarded_for(&request).filter(|_| is_peer).unwrap_or(source);
    if is_peer {
        request.headers_mut().remove(door::KEY);
    }
    let front = front && !is_peer;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let asked = match is_signed(&request) && !path.starts_with("/_") {
        true => Route::Api,
        false => route(request.method(), path, Some(source)),
    };
    match asked {
        Route::Nothing => shown(metadata::no_such_path()),
        Route::Inside(asked) => match elsewhere(site, &asked.of, front).await {
            Owner::Process(port) => site.door.forward(port, request, source).await,
            Owner::Nobody => inside(site, &asked, request).await,
            Owner::Unsure => plain(StatusCode::SERVICE_UNAVAILABLE, "\"another LocalECS does not answer; try again\""),
        },
        Route::Api => {
            let of = Of::Source { address: source, container: None };
            let known = !front || site.metadata.knows(&of);
            match if known { Owner::Nobody } else { site.door.owner_now(&of).await } {
                Owner::Process(port) => site.door.forward(port, request, source).await,
                Owner::Nobody | Owner::Unsure => site.api.answer(request).await,
            }
        }
    }
}

/// Whether it is a request for an AWS service: some have paths that begin as those here do.
fn is_signed(request: &Request<Incoming>) -> bool {
    let signed =
        request.headers().get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"));
    signed || request.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="))
}

/// The other process that has it, if this one does not.
async fn elsewhere(site: &Site, of: &Of, front: bool) -> Owner {
    if !front || site.metadata.knows(of) { Owner::Nobody } else { site.door.owner(of).await }
}

async fn inside(site: &Site, asked: &Asked, request: Request<Incoming>) -> Response {
    let body = match *request.method() {
        Method::PUT => match Limited::new(request.into_body(), BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "too much"),
        },
        _ => Bytes::new(),
    };
    shown(site.metadata.answer(asked, &body).await)
}

fn between_processes(site: &Site, request: &Request<Incoming>, is_peer: bool, front: bool) -> Response {
    let path = request.uri().path();
    let mut response = if !is_peer {
        plain(StatusCode::FORBIDDEN, "not from here")
    } else if front && path == door::JOIN {
        site.door.joined(request.headers())
    } else if let Some(of) = path.strip_prefix(door::OWNS).and_then(door::asked_about) {
        plain(if site.metadata.knows(&of) { StatusCode::OK } else { StatusCode::NOT_FOUND }, "")
    } else {
        plain(StatusCode::NOT_FOUND, "no such path")
    };
    // So that another LocalECS knows one when it meets it.
    response.headers_mut().insert(door::PORT, HeaderValue::from(site.door.place().front_port));
    response
}

fn forwarded_for(request: &Request<Incoming>) -> Option<Ipv4Addr> {
    let address: IpAddr = request.headers().get(door::SOURCE)?.to_str().ok()?.parse().ok()?;
    metadata::source_of(address)
}

fn shown(answer: Answer) -> Response {
    let mut response = hyper::Response::new(Either::Left(Full::new(Bytes::from(answer.body))));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
