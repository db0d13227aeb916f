//! Requests for services that LocalECS does not have go to another emulator, as they came.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use localecs::config::Config;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::server::Server;

const S3: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=abc";

/// Tells what it was asked, in the body of its answer.
async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut text = format!("{} {}\n", head.method, head.uri);
    for name in ["host", "authorization", "x-amz-target", "connection", "te", "via"] {
        for value in head.headers.get_all(name) {
            text += &format!("{name}: {}\n", value.to_str().expect("ASCII"));
        }
    }
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    text += &format!("{} bytes", body.len());
    let response = Response::builder().status(418).header("x-amz-request-id", "upstream").header("connection", "close");
    response.body(Body::from(text)).expect("a response")
}

async fn emulator(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn server(upstream: String) -> Server {
    Server::start_whole(Config { upstream_endpoint: Some(upstream), ..Config::default() }).await
}

#[tokio::test]
async fn foreign_requests_are_passed_on_as_they_are() {
    let server = server(emulator(Router::new().fallback(echo)).await).await;
    let mut client = server.connect().await;
    let headers = [("host", "bucket.localhost:4566"), ("authorization", S3), ("te", "trailers")];
    // Larger than LocalECS takes for itself.
    let answer = client.request("PUT", "/a%2Fb?uploads&x=1", &headers, &vec![b'x'; 3 * 1024 * 1024]).await;
    assert_eq!(answer.status, 418);
    assert_eq!(
        answer.body,
        format!(
            "PUT /a%2Fb?uploads&x=1\nhost: bucket.localhost:4566\nauthorization: {S3}\nvia: 1.1 localecs\n3145728 bytes"
        )
    );
    assert_eq!(answer.header("x-amz-request-id"), Some("upstream"));
    assert_eq!((answer.header("x-amzn-requestid"), answer.header("connection")), (None, None));

    let answer = client.request("POST", "/", &[("x-amz-target", "DynamoDB_20120810.ListTables")], b"{}").await;
    assert!(answer.body.contains("x-amz-target: DynamoDB_20120810.ListTables"), "{}", answer.body);
    let answer = client.post_form("sqs", "Action=ListQueues&Version=2012-11-05").await;
    assert!(answer.body.ends_with("36 bytes"), "{}", answer.body);
    // Not signed: known by its version alone, after it was read.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = client.request("POST", "/", &form, b"Action=ListQueues&Version=2012-11-05").await;
    assert!(answer.body.ends_with("36 bytes"), "{}", answer.body);
    let answer = client.request("GET", "/bucket/key", &[], b"").await;
    assert!(answer.body.starts_with("GET /bucket/key\n"), "{}", answer.body);

    // What LocalECS has stays here, also what is off or makes no sense.
    assert_eq!(client.call("CreateCluster", "{}").await.status, 200);
    assert_eq!(client.post_form("sts", "Action=AssumeRoleWithSAML&Version=2011-06-15").await.status, 501);
    assert_eq!(client.call("Nope", "{}").await.status, 400);
}

#[tokio::test]
async fn answers_are_passed_on_while_they_come() {
    let (parts, mut next) = mpsc::channel::<&'static str>(1);
    let stream = futures_util::stream::poll_fn(move |context| {
        next.poll_recv(context).map(|part| part.map(|part| Ok::<_, Infallible>(Bytes::from(part))))
    });
    let body = std::sync::Mutex::new(Some(Body::from_stream(stream)));
    let body = std::sync::Arc::new(body);
    let app = Router::new().fallback(move || {
        let body = body.lock().expect("not poisoned").take().unwrap_or_default();
        async move { Response::new(body) }
    });
    let server = server(emulator(app).await).await;
    let mut client = server.connect().await;
    client.send(format!("GET /bucket/key HTTP/1.1\r\nhost: localhost\r\nauthorization: {S3}\r\n\r\n").as_bytes()).await;
    for part in ["first", "second"] {
        parts.send(part).await.expect("somebody reads");
        client.receive_until(part).await;
    }
}

#[tokio::test]
async fn an_emulator_that_fails_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("an address");
    let nobody = server(format!("http://{free}")).await;
    let answer = nobody.connect().await.request("GET", "/bucket", &[("authorization", S3)], b"").await;
    assert_eq!((answer.status, answer.xml("Code")), (502, "BadGateway"));
    assert!(answer.xml("Message").contains(&free.to_string()), "{}", answer.body);

    // Two that forward to each other: told at once, instead of going around for ever.
    let answer =
        nobody.connect().await.request("GET", "/bucket", &[("authorization", S3), ("via", "1.1 localecs")], b"").await;
    assert_eq!(answer.status, 502);

    let without = Server::start_whole(Config::default()).await;
    let answer = without.connect().await.request("GET", "/bucket", &[("authorization", S3)], b"").await;
    assert_eq!(answer.status, 400);
    assert!(answer.xml("Message").contains("--upstream-endpoint"), "{}", answer.body);
}
