//! One request to one response.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::Service;
use hyper::{Method, Request, StatusCode};
use tracing::Instrument;

use super::classify::{self, Class, Operation, Target};
use super::upstream::Forwarded;
use super::{AppState, Response, body, caller};
use crate::identity::sigv4::Claim;
use crate::protocol::aws_json::AwsJson;
use crate::protocol::aws_query::{self, AWS_QUERY};
use crate::protocol::{Codec, Rejection, Reply, codec, event_stream, validate};
use crate::services::dispatch::{Answer, Encodable, Failure};
use crate::services::ecs::exec::endpoint::PATH as DATA_CHANNEL;
use crate::services::{CallerAddress, Context};

const X_AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Answers a request. A panic on the way becomes an internal error, and the connection goes on.
pub(super) async fn answer(app: Arc<AppState>, request: Request<Incoming>) -> Response {
    let request_id: Arc<str> = app.shared.ids.uuid().into();
    let origin = request.headers().get(header::ORIGIN).filter(|origin| is_allowed(&app, origin)).cloned();
    let answered = AssertUnwindSafe(route(&app, request, request_id.clone())).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|panic| {
        log_panic(&request_id, &*panic);
        respond(AwsJson.encode_rejection(&Rejection::internal("InternalFailure"), &request_id))
    });
    let is_forwarded = response.extensions().get::<Forwarded>().is_some();
    if let (Ok(value), false) = (HeaderValue::from_str(&request_id), is_forwarded) {
        response.headers_mut().insert(X_AMZN_REQUEST_ID, value);
    }
    if let Some(origin) = origin {
        allow_origin(&mut response, origin);
    }
    response
}

async fn route(app: &Arc<AppState>, request: Request<Incoming>, request_id: Arc<str>) -> Response {
    if let Err(rejection) = app.guard.check(request.headers()) {
        return refused(&rejection, &request_id);
    }
    let path = request.uri().path();
    if path.starts_with("/_") || path.starts_with(DATA_CHANNEL) {
        return admin(app, request, &request_id).await;
    }
    match *request.method() {
        Method::GET | Method::HEAD if path == "/" && !is_call(&request) => return home(),
        // A preflight from an origin that the user allowed: the headers are added to whatever the answer is.
        Method::OPTIONS if request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) => {
            return respond(Reply { status: 204, content_type: "text/plain", body: Vec::new() });
        }
        _ => {}
    }
    let (parts, incoming) = request.into_parts();
    match find(app, &parts, incoming).await {
        Found::Operation(target, sent) => match operation(app, &parts, target, sent, request_id).await {
            Outcome::Reply(reply) => respond(reply),
            Outcome::Events(events) => stream(events),
        },
        Found::Refused(codec, rejection) => respond(refuse(codec, &rejection, &request_id)),
        Found::Foreign(sent, rejection) => {
            let answered = match &app.upstream {
                Some(upstream) => upstream.forward(&parts, sent.into_body()).await,
                None => Err(rejection),
            };
            answered.unwrap_or_else(|rejection| respond(refuse(foreign_codec(&parts), &rejection, &request_id)))
        }
    }
}

/// Whether a request for the root page is an AWS client's: signed, or a form in the query.
fn is_call(request: &Request<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.headers().contains_key(header::AUTHORIZATION) || query.contains("Action=") || query.contains("X-Amz-")
}

/// The answer to a request that the guard refuses.
pub(super) fn refused(rejection: &Rejection, request_id: &str) -> Response {
    tracing::warn!(%rejection, "refused a request that a web page may have sent");
    respond(AwsJson.encode_rejection(rejection, request_id))
}

/// LocalECS's own pages: behind the same limits, and finished like an operation when the client hangs up.
async fn admin(app: &AppState, request: Request<Incoming>, request_id: &str) -> Response {
    let (parts, incoming) = request.into_parts();
    let body = match body::read(incoming, app.shared.config.body_limit).await {
        Ok(body) => axum::body::Body::from(body),
        Err(rejection) => return respond(refuse(&AwsJson, &rejection, request_id)),
    };
    match to_its_end(app.admin.call(Request::from_parts(parts, body))).await {
        Some(Ok(response)) => response.map(Either::Right),
        Some(Err(never)) => match never {},
        None => respond(AwsJson.encode_rejection(&Rejection::internal("InternalFailure"), request_id)),
    }
}

/// What a person sees who opens the address in a browser.
fn home() -> Response {
    let text = "LocalECS: Amazon ECS on your own machine.\n\n\
                Point AWS clients here: AWS_ENDPOINT_URL=http://localhost:4566\n\
                Health:   /_localecs/health\n\
                Coverage: /_localecs/coverage\n";
    respond(Reply { status: 200, content_type: "text/plain; charset=utf-8", body: text.into() })
}

/// What a request turned out to be.
enum Found {
    Operation(Target, Sent),
    Refused(&'static dyn Codec, Rejection),
    /// For a service that LocalECS does not have, and what to say when nobody else has it.
    Foreign(Sent, Rejection),
}

/// Finds the operation; a form has to be read for that.
async fn find(app: &AppState, parts: &Parts, incoming: Incoming) -> Found {
    let service = match classify::classify(app.services, parts) {
        Ok(Class::Target(target)) => return Found::Operation(target, Sent::Coming(incoming)),
        Ok(Class::Foreign(rejection)) => return Found::Foreign(Sent::Coming(incoming), rejection),
        Ok(Class::Form(service)) => service,
        Err(rejection) => return Found::Refused(&AwsJson, rejection),
    };
    let limit = app.shared.config.body_limit;
    let read = async {
        let sent = body::read(incoming, limit).await?;
        let text = body::decoded(&parts.headers, sent.clone(), limit)?;
        Ok((sent, classify::form_target(app.services, service, &aws_query::form(parts, &text))?))
    };
    match read.await {
        Ok((sent, Some(target))) => Found::Operation(target, Sent::Read(sent)),
        Ok((sent, None)) => Found::Foreign(Sent::Read(sent), classify::not_served(app.services, "this form")),
        Err(rejection) => Found::Refused(&AWS_QUERY, rejection),
    }
}

/// What an operation comes to.
enum Outcome {
    Reply(Reply),
    Events(BoxStream<'static, Encodable>),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// From here on every error is the protocol's.
async fn operation(app: &Arc<AppState>, parts: &Parts, target: Target, sent: Sent, request_id: Arc<str>) -> Outcome {
    let service = target.service;
    let (Some(codec), Operation::Known(schema)) = (codec(target.protocol), target.operation) else {
        let codec = codec(target.protocol).unwrap_or(&AwsJson);
        return refuse(codec, &Rejection::not_implemented(service.id, target.operation.name()), &request_id).into();
    };
    if app.registry.get(service, schema).is_none() {
        return refuse(codec, &Rejection::not_implemented(service.id, schema.name), &request_id).into();
    }
    let config = &app.shared.config;
    let prepared = async {
        let limit = body::limit(service, config.body_limit);
        let sent = sent.read(limit).await?;
        let (caller, scope) = caller::identify(app, parts, &sent, schema, target.protocol)?;
        let body = body::decoded(&parts.headers, sent, limit)?;
        let input = codec.decode(schema, parts, &body)?;
        validate::input(schema, &input)?;
        Ok((caller, scope, input))
    };
    let (caller, scope, input) = match prepared.await {
        Ok(prepared) => prepared,
        Err(rejection) => return refuse(codec, &rejection, &request_id).into(),
    };

    let span = tracing::debug_span!(
        "request",
        service = service.id,
        operation = schema.name,
        request_id = &*request_id,
        account = %scope.account,
        region = %scope.region
    );
    let caller_address = CallerAddress::of(&parts.headers);
    let context = Context { shared: app.shared.clone(), scope, request_id: request_id.clone(), caller, caller_address };
    let work = {
        let (app, request_id) = (app.clone(), request_id.clone());
        async move {
            let Some(entry) = app.registry.get(service, schema) else {
                return codec
                    .encode_rejection(&Rejection::not_implemented(service.id, schema.name), &request_id)
                    .into();
            };
            match entry.call(context, input).await {
                Ok(Answer::Whole(answer)) => codec.encode(schema, &*answer, &request_id).into(),
                Ok(Answer::Events(events)) => Outcome::Events(events),
                Err(failure) => failed(codec, failure, &request_id).into(),
            }
        }
    };
    match to_its_end(AssertUnwindSafe(work.instrument(span)).catch_unwind()).await {
        Some(Ok(outcome)) => outcome,
        Some(Err(panic)) => {
            log_panic(&request_id, &*panic);
            codec.encode_rejection(&Rejection::internal(service.internal_error), &request_id).into()
        }
        // The runtime is shutting down.
        None => codec.encode_rejection(&Rejection::internal(service.internal_error), &request_id).into(),
    }
}

/// A body: the operation may have to be found in it.
enum Sent {
    Coming(Incoming),
    Read(Bytes),
}

impl Sent {
    /// The body as it was sent.
    async fn read(self, limit: usize) -> Result<Bytes, Rejection> {
        match self {
            Self::Coming(incoming) => body::read(incoming, limit).await,
            Self::Read(bytes) => Ok(bytes),
        }
    }

    /// The body to be passed on.
    fn into_body(self) -> axum::body::Body {
        match self {
            Self::Coming(incoming) => axum::body::Body::new(incoming),
            Self::Read(bytes) => axum::body::Body::from(bytes),
        }
    }
}

/// The error format that clients of a service which LocalECS does not have understand: XML for S3 and forms.
fn foreign_codec(parts: &Parts) -> &'static dyn Codec {
    let is_s3 = matches!(Claim::parse(parts), Ok(Some(claim)) if claim.service == "s3");
    if is_s3 || classify::has_form(parts) { &AWS_QUERY } else { &AwsJson }
}

/// Runs `work` even if the client hangs up meanwhile, in which case hyper drops our future: an operation must not stop
/// between two of its writes. What is ready at once (all that only reads) is not moved to a task of its own.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut work = Box::pin(work);
    match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        Poll::Ready(value) => Some(value),
        Poll::Pending => tokio::spawn(work).await.ok(),
    }
}

fn refuse(codec: &dyn Codec, rejection: &Rejection, request_id: &str) -> Reply {
    tracing::debug!(%rejection, "refused a request");
    codec.encode_rejection(rejection, request_id)
}

/// Inside the request's span.
fn failed(codec: &dyn Codec, failure: Failure, request_id: &str) -> Reply {
    match failure {
        // Decoding and validation leave nothing for this; if they did, it is the input's fault all the same.
        Failure::Input(error) => {
            tracing::warn!(%error, "validated input did not fit its type");
            codec.encode_rejection(&Rejection::serialization(Some(error.to_string())), request_id)
        }
        Failure::Operation(error) => {
            match error.unexpected() {
                Some(cause) => tracing::error!(error = chain(cause), "unexpected error"),
                None => tracing::debug!(code = error.code(), message = error.message(), "answered with an error"),
            }
            codec.encode_error(&*error, request_id)
        }
    }
}

/// The error and all its causes, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn log_panic(request_id: &str, panic: &(dyn std::any::Any + Send)) {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(request_id, message, "a request panicked");
}

fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(reply.body))));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}

/// An event stream; it ends when the client hangs up, or the server stops.
fn stream(events: BoxStream<'static, Encodable>) -> Response {
    let messages = events.filter_map(|event| ready(event_stream::message(&*event)));
    let messages = futures_util::stream::iter([event_stream::initial_response()]).chain(messages);
    let body = axum::body::Body::from_stream(messages.map(Ok::<_, Infallible>));
    let mut response = Response::new(Either::Right(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(event_stream::CONTENT_TYPE));
    response
}

fn is_allowed(app: &AppState, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| app.guard.allows_origin(origin))
}

/// CORS, for pages that the user allowed by name and for no others.
fn allow_origin(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, DELETE"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "authorization, content-type, content-encoding, amz-sdk-invocation-id, amz-sdk-request, x-amz-content-sha256, \
             x-amz-date, x-amz-security-token, x-amz-target, x-amz-user-agent",
        ),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-amzn-requestid"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}
