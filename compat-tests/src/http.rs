//! A plain HTTP client for what no SDK sends: broken requests, admin calls, pages of containers.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }
}

/// GET.
///
/// # Errors
/// When nobody answers within [`PATIENCE`].
pub fn get(url: &str) -> io::Result<Answer> {
    request("GET", url, &[], b"", PATIENCE)
}

/// POST of a request of the ECS API, signed in no way that anybody would verify.
///
/// # Errors
/// When nobody answers within [`PATIENCE`].
pub fn post_ecs(endpoint: &str, account: &str, operation: &str, body: &[u8]) -> io::Result<Answer> {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    request("POST", endpoint, &ecs_headers(&target, &authorization(account)), body, PATIENCE)
}

/// The headers of a JSON request with that target and authorization.
#[must_use]
pub fn ecs_headers<'h>(target: &'h str, authorization: &'h str) -> [(&'h str, &'h str); 3] {
    [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target), ("authorization", authorization)]
}

/// A credential scope of `account` in us-east-1 with a signature of zeros.
#[must_use]
pub fn authorization(account: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature={}",
        "0".repeat(64)
    )
}

/// Any request. `url` is `http://host:port/path`.
///
/// # Errors
/// When nobody answers within `patience`, or what comes is not HTTP.
pub fn request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    patience: Duration,
) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| invalid(format!("not a http URL: {url}")))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let with_port = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let address = with_port.to_socket_addrs()?.next().ok_or_else(|| invalid(format!("no address: {authority}")))?;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_nodelay(true)?;

    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("host: {authority}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut sent = head.into_bytes();
    sent.extend_from_slice(body);
    // A server may refuse a large body before it has read it all: its answer still counts.
    let written = stream.write_all(&sent);

    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) if received.is_empty() => return Err(error),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => return Err(error),
    }
    if received.is_empty() {
        written?;
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed without an answer"));
    }
    parse(&received)
}

fn parse(received: &[u8]) -> io::Result<Answer> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or_else(|| invalid("no end of headers"))?;
    let head = std::str::from_utf8(&received[..end]).map_err(invalid)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| invalid("no status"))?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &received[end + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
    let body = if chunked { join_chunks(rest)? } else { rest.to_vec() };
    Ok(Answer { status, headers, body })
}

fn join_chunks(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n").ok_or_else(|| invalid("no size of a chunk"))?;
        let size = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.ok_or_else(|| invalid("not the size of a chunk"))?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size).ok_or_else(|| invalid("a chunk is cut off"))?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let plain = parse(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nX-Amzn-RequestId: a\r\n\r\nno").unwrap();
        assert_eq!((plain.status, plain.header("x-amzn-requestid"), plain.text().as_str()), (400, Some("a"), "no"));
        let chunked =
            parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").unwrap();
        assert_eq!(chunked.text(), "abc");
    }
}
