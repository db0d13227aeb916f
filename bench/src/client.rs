//! A small awsJson client on one connection: the AWS SDK would measure itself.

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const TARGET: &str = "AmazonEC2ContainerServiceV20141113";
pub(crate) const LOGS: &str = "Logs_20140328";

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    target: &'static str,
}

impl Client {
    pub(crate) async fn connect(authority: &str) -> anyhow::Result<Self> {
        Self::connect_to(authority, TARGET).await
    }

    /// A client of another service than ECS.
    pub(crate) async fn connect_to(authority: &str, target: &'static str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: authority.to_owned(), target })
    }

    /// Calls an operation and returns the bytes of its answer.
    pub(crate) async fn call_raw(&mut self, operation: &str, input: &Value) -> anyhow::Result<Bytes> {
        let request = Request::post("/")
            .header("host", &self.authority)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", self.target))
            .body(Full::new(Bytes::from(input.to_string())))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{operation}: {status} {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    pub(crate) async fn call(&mut self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let body = self.call_raw(operation, input).await?;
        serde_json::from_slice(&body).with_context(|| format!("{operation}: the answer is not JSON"))
    }

    /// Asks the admin API.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let request = Request::get(path).header("host", &self.authority).body(Full::default())?;
        self.sender.ready().await?;
        let body = self.sender.send_request(request).await?.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).with_context(|| format!("{path}: the answer is not JSON"))
    }
}
