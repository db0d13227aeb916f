//! One request to a running server, for the commands that talk to it.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Resetting stops containers, which takes a while.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends the request and returns the body of a 200 answer.
pub(super) async fn call(authority: &str, method: &str, path: &str) -> anyhow::Result<String> {
    let (status, text) = exchange(authority, method, path, Vec::new()).await?;
    if !status.is_success() {
        bail!("{authority} answered {status}: {text}");
    }
    Ok(text)
}

/// Sends the request and returns the answer's status and body, whatever they are.
pub(super) async fn exchange(
    authority: &str,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<(StatusCode, String)> {
    let exchange = async {
        let response = send(authority, method, path, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .with_context(|| format!("no answer from {authority} within {PATIENCE:?}"))?
}

/// Hands each line of the answer to a GET on as it comes, until `take` says that is enough.
pub(super) async fn stream_lines(
    authority: &str,
    path: &str,
    mut take: impl FnMut(&[u8]) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let response = send(authority, "GET", path, Vec::new()).await?;
    let status = response.status();
    let mut body = response.into_body();
    if !status.is_success() {
        let text = body.collect().await?.to_bytes();
        bail!("{authority} answered {status}: {}", String::from_utf8_lossy(&text));
    }
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.context("the answer broke off")?.into_data() else { continue };
        rest.extend_from_slice(&data);
        let mut lines = rest.split_inclusive(|byte| *byte == b'\n').peekable();
        let mut taken = 0;
        while let Some(line) = lines.next_if(|line| line.ends_with(b"\n")) {
            if !take(line)? {
                return Ok(());
            }
            taken += line.len();
        }
        rest.drain(..taken);
    }
    Ok(())
}

/// Sends a request on a connection of its own that lives as long as it is used.
async fn send(authority: &str, method: &str, path: &str, body: Vec<u8>) -> anyhow::Result<Response<Incoming>> {
    let stream = TcpStream::connect(authority).await.with_context(|| {
        format!("no LocalECS answers at {authority}: start one with `localecs serve`, or name another with --port")
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", authority).body(Full::new(Bytes::from(body)))?;
    sender.send_request(request).await.with_context(|| format!("{authority} did not answer"))
}
