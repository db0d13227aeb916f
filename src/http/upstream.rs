//! Requests for services that LocalECS does not have, passed on to another emulator (`--upstream-endpoint`).
//!
//! Nothing is changed on the way but what belongs to one connection (RFC 9110, section 7.6.1): method, path, query, the
//! Host and the signed headers go as they came, so that the signature still fits, and both bodies are streamed.

use std::error::Error;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::Body;
use http_body_util::Either;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Response;
use crate::protocol::Rejection;

/// How long a connection may take. An answer may take as long as it likes: some calls wait for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a proxy writes into `Via`; seen in a request, it went in a circle.
const VIA: &str = "1.1 localecs";

/// Headers that are about one connection, besides those that `Connection` names.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    // The whole body is sent in any case.
    "expect",
];

/// Marks a response that another server gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forwarded;

/// The other emulator.
pub(super) struct Upstream {
    authority: Authority,
    client: Client<HttpConnector, Body>,
}

/// Checks what the user gave as the other emulator's address.
///
/// # Errors
/// When it is not `http://host:port`.
pub fn check(endpoint: &str) -> anyhow::Result<()> {
    authority(endpoint).map(|_| ())
}

/// `host:port` of an address that another emulator has.
///
/// # Errors
/// When it is not `http://host:port`.
pub fn host_and_port(endpoint: &str) -> anyhow::Result<String> {
    let authority = authority(endpoint)?;
    Ok(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

fn authority(endpoint: &str) -> anyhow::Result<Authority> {
    let uri: Uri = endpoint.parse().with_context(|| format!("{endpoint:?} is not a URL"))?;
    ensure!(
        uri.scheme_str() == Some("http"),
        "{endpoint:?} must begin with http://: other emulators are on this machine"
    );
    ensure!(uri.path() == "/" && uri.query().is_none(), "{endpoint:?} must not have a path");
    uri.authority().cloned().with_context(|| format!("{endpoint:?} names no host"))
}

impl Upstream {
    /// `None` when the address is none; see [`check`].
    pub(super) fn new(endpoint: &str) -> Option<Self> {
        let authority = authority(endpoint).ok()?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        Some(Self { authority, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Passes a request on, and its answer back.
    ///
    /// # Errors
    /// When the other emulator does not answer, or is LocalECS itself.
    pub(super) async fn forward(&self, parts: &Parts, body: Body) -> Result<Response, Rejection> {
        if came_around(&parts.headers) {
            return Err(self.failed("sends requests back to LocalECS: each forwards to the other"));
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build();
        let mut request = Request::new(body);
        *request.uri_mut() = uri.map_err(|error| self.failed(&error.to_string()))?;
        *request.method_mut() = parts.method.clone();
        *request.headers_mut() = end_to_end(&parts.headers);
        request.headers_mut().append(header::VIA, HeaderValue::from_static(VIA));
        let response = self.client.request(request).await.map_err(|error| self.failed(&reason(&error)))?;
        let (mut head, body) = response.into_parts();
        head.headers = end_to_end(&head.headers);
        head.extensions.insert(Forwarded);
        Ok(Response::from_parts(head, Either::Right(Body::new(body))))
    }

    fn failed(&self, reason: &str) -> Rejection {
        Rejection::new(
            502,
            "BadGateway",
            format!(
                "LocalECS forwards requests for other services to http://{}, which failed: {reason}",
                self.authority
            ),
        )
    }
}

/// The innermost cause says what went wrong.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn came_around(headers: &HeaderMap) -> bool {
    headers.get_all(header::VIA).iter().any(|via| via.to_str().is_ok_and(|via| via.contains(VIA)))
}

/// The headers without those of one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_kept =
        |name: &HeaderName| !HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|other| other == name.as_str());
    headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_connection_stay_behind() {
        let headers = [
            ("host", "bucket.s3.localhost"),
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("authorization", "AWS4-HMAC-SHA256 ..."),
            ("x-amz-meta-a", "1"),
            ("x-amz-meta-a", "2"),
        ];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let kept = end_to_end(&headers);
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["host", "authorization", "x-amz-meta-a", "x-amz-meta-a"]);
    }

    #[test]
    fn only_the_address_of_a_server_is_one() {
        assert!(check("http://localhost:4567").is_ok() && check("http://localhost:4567/").is_ok());
        for bad in ["", "localhost:4567", "https://localhost", "http://localhost/path", "http://localhost?a=b"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
