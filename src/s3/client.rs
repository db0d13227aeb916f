//! One GetObject, path-style.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{MAX_BYTES, S3Endpoint, S3Error, too_large};
use crate::identity::sigv4::{Signer, encoded_path};
use crate::time::Timestamp;

/// The ECS agent's.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn get(
    endpoint: &S3Endpoint,
    bucket: &str,
    key: &str,
    region: &str,
    now: Timestamp,
) -> Result<Bytes, S3Error> {
    match tokio::time::timeout(PATIENCE, exchange(endpoint, bucket, key, region, now)).await {
        Ok(answered) => answered,
        Err(_) => Err(S3Error::Other(format!(
            "RequestCanceled: no answer from {} within {} s",
            endpoint.authority,
            PATIENCE.as_secs()
        ))),
    }
}

async fn exchange(
    endpoint: &S3Endpoint,
    bucket: &str,
    key: &str,
    region: &str,
    now: Timestamp,
) -> Result<Bytes, S3Error> {
    let authority = &endpoint.authority;
    let failed = |error: &dyn std::fmt::Display| S3Error::Other(format!("RequestError: send request failed: {error}"));
    let path = encoded_path(&format!("/{bucket}/{key}"));
    let request = Request::get(path).body(Empty::<Bytes>::new()).map_err(|error| failed(&error))?;
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| failed(&error))?);
    if let Some(credentials) = &endpoint.credentials {
        let (access_key_id, secret) = (credentials.access_key_id.as_str(), credentials.secret.expose().as_str());
        let signer = Signer { access_key_id, secret, region, service: "s3" };
        signer.sign(&mut parts, b"", now).map_err(|error| failed(&error))?;
    }
    let stream = TcpStream::connect(authority)
        .await
        .map_err(|error| failed(&format!("Get \"http://{authority}{}\": {error}", parts.uri)))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(Request::from_parts(parts, body)).await.map_err(|error| failed(&error));
    let read = match answer {
        Ok(answer) => {
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| match error.is::<LengthLimitError>() {
                true => too_large(),
                false => failed(&error),
            })
        }
        Err(error) => Err(error),
    };
    driving.abort();
    let (status, body) = read?;
    if status == StatusCode::OK { Ok(body) } else { Err(refused(status, &String::from_utf8_lossy(&body))) }
}

/// S3's errors are small XML documents: `<Error><Code>NoSuchKey</Code><Message>...`.
fn refused(status: StatusCode, body: &str) -> S3Error {
    let element = |name: &str| {
        let rest = body.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once('<')?.0.to_owned())
    };
    match (element("Code").as_deref(), status) {
        (Some("NoSuchKey"), _) | (None, StatusCode::NOT_FOUND) => S3Error::NoSuchKey,
        (Some("NoSuchBucket"), _) => S3Error::NoSuchBucket,
        (Some(code), status) => S3Error::Other(format!(
            "{code}: {} status code: {}",
            element("Message").unwrap_or_default(),
            status.as_u16()
        )),
        (None, status) => S3Error::Other(format!("the S3 endpoint answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with `answer`; returns where, and what was asked.
    async fn serve(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let authority = listener.local_addr().expect("its address").to_string();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.expect("a request");
                request.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).await.expect("written");
            String::from_utf8(request).expect("ASCII")
        });
        (authority, serving)
    }

    async fn asked(answer: &'static str, credentials: Option<&str>) -> (Result<Bytes, S3Error>, String) {
        let (authority, serving) = serve(answer).await;
        let credentials = credentials.map(|text| text.parse().expect("credentials"));
        let endpoint = S3Endpoint { authority, credentials };
        let got = get(&endpoint, "bucket", "dir/a b.env", "us-east-1", Timestamp::EPOCH).await;
        (got, serving.await.expect("a request"))
    }

    #[tokio::test]
    async fn an_object_is_read_signed_or_not() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nA=1";
        let (got, request) = asked(answer, None).await;
        assert_eq!(got.as_deref(), Ok(&b"A=1"[..]));
        assert!(request.starts_with("GET /bucket/dir/a%20b.env HTTP/1.1\r\n"), "{request}");
        assert!(!request.to_lowercase().contains("authorization"), "{request}");
        let (_, request) = asked(answer, Some("id:secret")).await;
        assert!(request.contains("Credential=id/19700101/us-east-1/s3/aws4_request"), "{request}");
    }

    #[tokio::test]
    async fn errors_keep_their_codes() {
        let (got, _) = asked(
            "HTTP/1.1 404 Not Found\r\ncontent-length: 66\r\n\r\n<Error><Code>NoSuchBucket</Code><Message>No bucket</Message></Error>",
            None,
        )
        .await;
        assert_eq!(got, Err(S3Error::NoSuchBucket));
        let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>";
        assert_eq!(refused(StatusCode::FORBIDDEN, denied).to_string(), "AccessDenied: Access Denied. status code: 403");
        let endpoint = S3Endpoint { authority: "127.0.0.1:9".into(), credentials: None };
        let gone = get(&endpoint, "b", "k", "us-east-1", Timestamp::EPOCH).await.expect_err("nobody listens");
        assert!(gone.to_string().starts_with("RequestError: send request failed"), "{gone}");
    }
}
