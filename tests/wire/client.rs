//! A client that sends exactly what it is told.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(10);
const HOST: &str = "localhost:4566";
const PREFIX: &str = "AmazonEC2ContainerServiceV20141113";

pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The exception's name.
    pub(crate) fn code(&self) -> &str {
        let rest = self.body.strip_prefix(r#"{"__type":""#).unwrap_or_else(|| panic!("no error: {}", self.body));
        rest.split('"').next().unwrap_or_default()
    }
}

impl Answer {
    /// The text of the first XML element of that name.
    pub(crate) fn xml(&self, name: &str) -> &str {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let start = self.body.find(&open).unwrap_or_else(|| panic!("no {name}: {}", self.body)) + open.len();
        self.body[start..].split(close.as_str()).next().unwrap_or_default()
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the server listens"), read: Vec::new() }
    }

    /// Calls an operation of ECS, unsigned.
    pub(crate) async fn call(&mut self, operation: &str, body: &str) -> Answer {
        self.post(operation, &[] as &[(&str, &str)], body.as_bytes()).await
    }

    /// Calls an operation of any JSON service, unsigned; `target` is what stands in `X-Amz-Target`.
    pub(crate) async fn call_target(&mut self, target: &str, body: &str) -> Answer {
        self.request("POST", "/", &[("x-amz-target", target)], body.as_bytes()).await
    }

    pub(crate) async fn send_call(&mut self, operation: &str, body: &str) {
        let target = format!("{PREFIX}.{operation}");
        self.send_request("POST", "/", &[("x-amz-target", target.as_str())], body.as_bytes()).await;
    }

    pub(crate) async fn post<V: AsRef<str>>(&mut self, operation: &str, headers: &[(&str, V)], body: &[u8]) -> Answer {
        let target = format!("{PREFIX}.{operation}");
        let mut all = vec![("x-amz-target", target.as_str())];
        all.extend(
            headers.iter().filter(|(name, _)| *name != "x-amz-target").map(|(name, value)| (*name, value.as_ref())),
        );
        self.request("POST", "/", &all, body).await
    }

    /// Calls an operation of the query protocol that `form` names, as an account of its own.
    pub(crate) async fn post_form(&mut self, service: &str, form: &str) -> Answer {
        self.post_form_as("123456789012", None, service, form).await
    }

    /// The same with that access key, and the session token that belongs to it.
    pub(crate) async fn post_form_as(&mut self, key: &str, token: Option<&str>, service: &str, form: &str) -> Answer {
        let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/{service}/aws4_request");
        let mut headers = vec![
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("authorization", authorization.as_str()),
        ];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        self.request("POST", "/", &headers, form.as_bytes()).await
    }

    pub(crate) async fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send_request(method, path, headers, body).await;
        self.receive().await
    }

    async fn send_request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {HOST}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(&[head.as_bytes(), body].concat()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    pub(crate) async fn receive(&mut self) -> Answer {
        tokio::time::timeout(TIMEOUT, self.read_answer()).await.expect("an answer in time")
    }

    /// Reads until that text has come.
    pub(crate) async fn receive_until(&mut self, text: &str) {
        let come = |read: &[u8]| String::from_utf8_lossy(read).contains(text);
        while !come(&self.read) {
            let filled = tokio::time::timeout(TIMEOUT, self.fill()).await.expect("an answer in time");
            assert!(filled > 0, "the connection was closed");
        }
    }

    async fn read_answer(&mut self) -> Answer {
        let head_end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.fill().await > 0, "the connection was closed");
        };
        let head: Vec<u8> = self.read.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, value)| value.parse().expect("a number"));
        while self.read.len() < length {
            assert!(self.fill().await > 0, "the connection was closed");
        }
        let body = self.read.drain(..length).collect();
        Answer { status: status.expect("a status"), headers, body: String::from_utf8(body).expect("text") }
    }

    async fn fill(&mut self) -> usize {
        self.stream.read_buf(&mut self.read).await.expect("the server writes")
    }

    /// Whether the server closes the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = tokio::time::timeout(TIMEOUT, self.stream.read_buf(&mut self.read)).await.expect("in time");
        matches!(read, Ok(0) | Err(_))
    }

    /// Sends no more, and waits until the server does the same.
    pub(crate) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let read = tokio::time::timeout(TIMEOUT, self.stream.read_to_end(&mut self.read)).await;
        let _ = read.expect("the server closes the connection");
    }
}

/// The headers of a call signed by the official SDK's signer at `seconds`.
pub(crate) fn signed(
    key: &str,
    secret: &str,
    operation: &str,
    body: &[u8],
    seconds: i64,
) -> Vec<(&'static str, String)> {
    let target = format!("{PREFIX}.{operation}");
    let identity = Credentials::new(key, secret, None, None, "tests").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ecs")
        .time(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).expect("after 1970")))
        .settings(SigningSettings::default())
        .build()
        .expect("all is set")
        .into();
    let headers = [("host", HOST), ("x-amz-target", target.as_str())];
    let signable =
        SignableRequest::new("POST", format!("http://{HOST}/"), headers.into_iter(), SignableBody::Bytes(body));
    let (instructions, _) = sign(signable.expect("can be signed"), &params).expect("signs").into_parts();
    let mut all = vec![("x-amz-target", target)];
    all.extend(instructions.headers().map(|(name, value)| match name {
        "authorization" => ("authorization", value.to_owned()),
        "x-amz-date" => ("x-amz-date", value.to_owned()),
        other => panic!("signing added {other}"),
    }));
    all
}
