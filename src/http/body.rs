//! Request bodies: read within a limit and a time, and decompressed within the same limit.

use std::io::Read;
use std::time::Duration;

use api_models::schema::ServiceSchema;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_ENCODING;

use crate::protocol::Rejection;

/// How long a client may take to send a body.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a batch of log events (1 MiB of messages) takes as JSON when many characters are escaped.
const LOGS_LIMIT: usize = 8 * 1024 * 1024;

/// The largest body that this service takes; `configured` is that of most.
pub(super) fn limit(service: &ServiceSchema, configured: usize) -> usize {
    if service.id == "logs" { configured.max(LOGS_LIMIT) } else { configured }
}

/// The body as it was sent.
///
/// # Errors
/// When it is larger than `limit` bytes, breaks off, or takes too long.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Rejection> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // What announces too much is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(_)) => Err(Rejection::new(400, "IncompleteBody", "The request body ended early.")),
        Err(_) => Err(Rejection::new(408, "RequestTimeoutException", "The request body took too long to arrive.")),
    }
}

/// The body without its `Content-Encoding`.
///
/// # Errors
/// When the encoding is not gzip, the data is broken, or there is more than `limit` bytes of it.
pub(super) fn decoded(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Rejection> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else { return Ok(body) };
    match encoding.to_str().unwrap_or_default().trim() {
        "" | "identity" => Ok(body),
        gzip if gzip.eq_ignore_ascii_case("gzip") || gzip.eq_ignore_ascii_case("x-gzip") => gunzip(&body, limit),
        other => Err(Rejection::new(
            415,
            "UnsupportedMediaTypeException",
            format!("The content encoding '{other}' is not supported; gzip is."),
        )),
    }
}

fn gunzip(body: &[u8], limit: usize) -> Result<Bytes, Rejection> {
    let mut out = Vec::with_capacity((body.len() * 4).min(limit));
    // One byte more than allowed is enough to know; a bomb is not unpacked any further.
    let result = MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut out);
    if out.len() > limit {
        return Err(too_large(limit));
    }
    match result {
        Ok(_) => Ok(Bytes::from(out)),
        Err(_) => Err(Rejection::serialization(Some("The request body is not valid gzip data.".to_owned()))),
    }
}

fn too_large(limit: usize) -> Rejection {
    Rejection::new(
        413,
        "RequestEntityTooLargeException",
        format!("The request body is larger than {limit} bytes, the most that LocalECS accepts."),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use hyper::header::HeaderValue;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn decode(encoding: &'static str, body: Vec<u8>) -> Result<Bytes, (u16, String)> {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
        decoded(&headers, Bytes::from(body), 1000).map_err(|rejection| (rejection.status, rejection.code.into_owned()))
    }

    #[test]
    fn gzip_is_decoded() {
        assert_eq!(decode("gzip", gzip(b"{}")).as_deref(), Ok(&b"{}"[..]));
        assert_eq!(decode("GZIP", [gzip(b"{"), gzip(b"}")].concat()).as_deref(), Ok(&b"{}"[..]));
        assert_eq!(decode("identity", b"{}".to_vec()).as_deref(), Ok(&b"{}"[..]));
        assert_eq!(decode("gzip", gzip(&[b'a'; 1000])).map(|body| body.len()), Ok(1000));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let code = "RequestEntityTooLargeException".to_owned();
        assert_eq!(decode("gzip", gzip(&[b'a'; 1001])), Err((413, code.clone())));
        assert_eq!(decode("gzip", gzip(&vec![0; 50_000_000])), Err((413, code)));
    }

    #[test]
    fn broken_and_unknown_encodings_are_refused() {
        let mut cut = gzip(b"{\"a\": \"some more text\"}");
        cut.truncate(cut.len() - 9);
        for body in [cut, b"{}".to_vec(), Vec::new()] {
            assert_eq!(decode("gzip", body), Err((400, "SerializationException".to_owned())));
        }
        assert_eq!(decode("br", Vec::new()).map_err(|(status, _)| status), Err(415));
        assert_eq!(decode("gzip, gzip", gzip(&gzip(b"{}"))).map_err(|(status, _)| status), Err(415));
    }
}
