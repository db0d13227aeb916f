//! One request to a running server, for the commands that talk to it.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Resetting stops containers, which takes a while.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends the request and returns the body of a 200 answer.
pub(super) async fn call(authority: &str, method: &str, path: &str) -> anyhow::Result<String> {
    tokio::time::timeout(PATIENCE, exchange(authority, method, path))
        .await
        .with_context(|| format!("no answer from {authority} within {PATIENCE:?}"))?
}

async fn exchange(authority: &str, method: &str, path: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect(authority).await.with_context(|| {
        format!("no LocalECS answers at {authority}: start one with `localecs serve`, or name another with --port")
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", authority).body(Full::<Bytes>::default())?;
    let response = sender.send_request(request).await.with_context(|| format!("{authority} did not answer"))?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    driving.abort();
    let text = String::from_utf8_lossy(&body).into_owned();
    if !status.is_success() {
        bail!("{authority} answered {status}: {text}");
    }
    Ok(text)
}
