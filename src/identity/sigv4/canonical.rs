//! The text that is signed: the request in a form that does not change on its way.

use std::fmt::Write;

use hyper::http::request::Parts;
use hyper::{HeaderMap, Uri};

use super::query;

/// The canonical request. `service` decides how the path is encoded: S3 signs it as it is sent, all others encode it
/// once more.
pub(super) fn request(parts: &Parts, service: &str, signed_headers: &str, payload_hash: &str) -> String {
    let mut out = String::with_capacity(512);
    out.push_str(parts.method.as_str());
    out.push('\n');
    path(&mut out, &parts.uri, service);
    out.push('\n');
    query_string(&mut out, parts.uri.query().unwrap_or_default());
    out.push('\n');
    for name in signed_headers.split(';') {
        let _ = write!(out, "{name}:");
        header(&mut out, &parts.headers, name);
        out.push('\n');
    }
    let _ = write!(out, "\n{signed_headers}\n{payload_hash}");
    out
}

fn path(out: &mut String, uri: &Uri, service: &str) {
    let path = match uri.path() {
        "" => "/",
        path => path,
    };
    if service == "s3" {
        out.push_str(path);
    } else {
        query::encode_into(out, &normalized(path), b"/");
    }
}

/// Without empty segments, `.` and `..`; a slash at the end stays.
fn normalized(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut out = format!("/{}", segments.join("/"));
    let folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if folder && !out.ends_with('/') {
        out.push('/');
    }
    out
}

/// The parameters decoded, encoded again and sorted; a presigned request's signature is not part of itself.
fn query_string(out: &mut String, raw: &str) {
    let mut pairs: Vec<(String, String)> = query::pairs(raw)
        .filter(|(key, _)| key != "X-Amz-Signature")
        .map(|(key, value)| {
            let mut encoded = (String::new(), String::new());
            query::encode_into(&mut encoded.0, &key, b"");
            query::encode_into(&mut encoded.1, &value, b"");
            encoded
        })
        .collect();
    pairs.sort();
    for (index, (key, value)) in pairs.iter().enumerate() {
        let separator = if index == 0 { "" } else { "&" };
        let _ = write!(out, "{separator}{key}={value}");
    }
}

/// All values of the header, each without spaces around it and with single spaces inside, with commas between.
fn header(out: &mut String, headers: &HeaderMap, name: &str) {
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let text = String::from_utf8_lossy(value.as_bytes());
        for (index, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if index > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized() {
        for (path, expected) in
            [("/", "/"), ("//a//b", "/a/b"), ("/a/./b/../c/", "/a/c/"), ("/../..", "/"), ("/a/.", "/a/")]
        {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }
}
