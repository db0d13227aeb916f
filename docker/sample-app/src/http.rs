//! As much HTTP/1.1 as a demo needs: one request parser, one response writer, a GET client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BODY: u64 = 16 << 20;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    /// Request line and headers as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

impl Request {
    /// None when the client closed the connection between two requests.
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(head) = read_head(stream)? else {
            return Ok(None);
        };
        let mut words = head.split_ascii_whitespace();
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err(malformed("request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (percent_decode(name), percent_decode(value)))
            .collect();
        let length = match header(&head, "content-length") {
            Some(text) => text.parse().map_err(|_| malformed("content-length"))?,
            None => 0,
        };
        let connection = header(&head, "connection").unwrap_or_default().to_ascii_lowercase();
        let request = Self {
            method: method.to_owned(),
            path: percent_decode(path),
            query,
            body: read_exactly(stream, length)?,
            keep_alive: version == "HTTP/1.1" && connection != "close" && header(&head, "transfer-encoding").is_none(),
            head,
        };
        Ok(Some(request))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn accepts_html(&self) -> bool {
        header(&self.head, "accept").is_some_and(|accept| accept.contains("text/html"))
    }
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    pub(crate) fn write(&self, stream: &mut impl Write, keep_alive: bool) -> io::Result<()> {
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            500 => "Internal Server Error",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            _ => "Status",
        };
        // One write: head and body in one segment, and no half answer when the process is stopped.
        let mut bytes = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: {}\r\n\r\n",
            self.status,
            self.content_type,
            self.body.len(),
            if keep_alive { "keep-alive" } else { "close" },
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        stream.write_all(&bytes)
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// GET `http://host[:port][/path]`.
pub(crate) fn get(url: &str) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| io::Error::other(format!("{url:?} is not an http:// URL")))?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let mut stream = connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // HTTP/1.0: the answer is never chunked, and ends with the connection.
    let credentials = match std::env::var("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
        Ok(token) if path.contains("/credentials") => format!("authorization: {token}\r\n"),
        _ => String::new(),
    };
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {authority}\r\naccept: */*\r\n{credentials}\r\n")?;
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader)?.ok_or_else(|| malformed("answer: empty"))?;
    let status = head
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| malformed("status line"))?;
    let body = match header(&head, "content-length").and_then(|text| text.parse().ok()) {
        Some(length) => read_exactly(&mut reader, length)?,
        None => {
            let mut body = Vec::new();
            reader.take(MAX_BODY).read_to_end(&mut body)?;
            body
        }
    };
    Ok(Answer { status, body })
}

/// The addresses of a host name, a line each.
pub(crate) fn resolve(host: &str) -> io::Result<String> {
    let mut lines: Vec<String> = (host, 0).to_socket_addrs()?.map(|a| a.ip().to_string()).collect();
    lines.sort();
    lines.dedup();
    Ok(lines.join("\n"))
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::other(format!("{address} has no address"));
    let candidates: Vec<SocketAddr> =
        address.to_socket_addrs().map_err(|e| io::Error::new(e.kind(), format!("{address}: {e}")))?.collect();
    for candidate in candidates {
        match TcpStream::connect_timeout(&candidate, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = io::Error::new(error.kind(), format!("{candidate}: {error}")),
        }
    }
    Err(last)
}

fn read_head(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    let mut limited = stream.take(64 << 10);
    loop {
        let before = head.len();
        if limited.read_line(&mut head)? == 0 {
            return if head.is_empty() { Ok(None) } else { Err(malformed("head")) };
        }
        if head[before..].trim_end().is_empty() {
            return Ok(Some(head));
        }
    }
}

fn read_exactly(stream: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(malformed("body: too long"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = (bytes[i] == b'%')
            .then(|| bytes.get(i + 1..i + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (escaped, bytes[i]) {
            (Some(byte), _) => {
                out.push(byte);
                i += 3;
                continue;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let mut bytes: &[u8] = b"POST /write?path=%2Fa+b&x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
        let request = Request::read(&mut bytes).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/write"));
        assert_eq!(request.parameter("path"), Some("/a b"));
        assert_eq!(request.parameter("x"), Some(""));
        assert_eq!(request.body, b"hi");
        assert!(request.keep_alive);
        assert!(Request::read(&mut bytes).unwrap().is_none());
    }

    #[test]
    fn half_an_escape_stays_as_it_is() {
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
