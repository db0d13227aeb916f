//! The HTTP side as clients meet it: a real listener, with a few operations made up for the tests.

mod any_form;
mod any_input;
mod callers;
mod client;
mod server;
mod upstream;

use std::io::Write;
use std::time::Duration;

use client::Connection;
use flate2::Compression;
use flate2::write::GzEncoder;
use localecs::config::Config;
use server::Server;

const HAND_SIGNED: &str = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/ecs/aws4_request";

#[tokio::test]
async fn an_operation_is_answered() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    let answer = client.call("ListClusters", "{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"clusterArns":["arn:aws:ecs:us-east-1:000000000000:cluster/default"]}"#);
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(answer.header("access-control-allow-origin"), None);
    // The connection stays open.
    assert_eq!(client.call("ListClusters", "").await.status, 200);
}

#[tokio::test]
async fn the_signature_names_account_and_region() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    let answer = client.post("ListClusters", &[("authorization", HAND_SIGNED)], b"{}").await;
    assert_eq!(answer.body, r#"{"clusterArns":["arn:aws:ecs:eu-west-1:123456789012:cluster/default"]}"#);
    let answer = client.post("ListClusters", &[("authorization", "Bearer abc")], b"{}").await;
    assert_eq!((answer.status, answer.code()), (400, "IncompleteSignatureException"));
}

#[tokio::test]
async fn errors_have_the_shape_of_aws() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    let answer = client.call("DeleteCluster", r#"{"cluster":"a"}"#).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#);

    let answer = client.call("DeleteCluster", "{}").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"__type":"InvalidParameterException","message":"Cluster can not be blank."}"#);

    let answer = client.call("DeleteCluster", r#"{"cluster":1}"#).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (400, r#"{"__type":"SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}"#)
    );

    let answer = client.call("DeleteCluster", "{").await;
    assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"__type":"SerializationException"}"#));

    let answer = client.call("Nope", "{}").await;
    assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"__type":"UnknownOperationException"}"#));

    let answer = client.request("POST", "/", &[], b"{}").await;
    assert_eq!((answer.status, answer.code()), (400, "UnknownOperationException"));

    // On in the API, off here.
    let answer = client.call("DiscoverPollEndpoint", "{}").await;
    assert_eq!((answer.status, answer.code()), (501, "NotImplementedException"));
    assert!(answer.body.contains("ecs:DiscoverPollEndpoint"), "{}", answer.body);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_connection_survives() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    for cluster in ["panic at once", "panic later"] {
        let answer = client.call("DeleteCluster", &format!(r#"{{"cluster":"{cluster}"}}"#)).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.body, r#"{"__type":"ServerException","message":"An internal error occurred."}"#);
        assert!(answer.header("x-amzn-requestid").is_some());
    }
    let answer = client.call("DeleteCluster", r#"{"cluster":"unexpected"}"#).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, r#"{"__type":"ServerException","message":"An internal error occurred."}"#);
    assert_eq!(client.call("ListClusters", "{}").await.status, 200);
}

#[tokio::test]
async fn bodies_are_limited_and_decompressed() {
    let server = Server::start(Config { body_limit: 1000, ..Config::default() }).await;
    let gzip = |body: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let encoded = [("content-encoding", "gzip")];
    let mut client = server.connect().await;
    let answer = client.post("DeleteCluster", &encoded, &gzip(br#"{"cluster":"a"}"#)).await;
    assert_eq!((answer.status, answer.code()), (400, "ClusterNotFoundException"));
    let answer = client.post("DeleteCluster", &encoded, b"{}").await;
    assert_eq!((answer.status, answer.code()), (400, "SerializationException"));
    let answer = client.post("DeleteCluster", &[("content-encoding", "br")], b"{}").await;
    assert_eq!((answer.status, answer.code()), (415, "UnsupportedMediaTypeException"));

    let too_large = (413, "RequestEntityTooLargeException");
    let answer = client.post("DeleteCluster", &encoded, &gzip(&[b' '; 1_000_000])).await;
    assert_eq!((answer.status, answer.code()), too_large);
    let answer = server.connect().await.post("DeleteCluster", &[("accept", "*/*")], &[b' '; 1001]).await;
    assert_eq!((answer.status, answer.code()), too_large);
    let answer = server.connect().await.request("POST", "/_localecs/health", &[], &[b' '; 1001]).await;
    assert_eq!((answer.status, answer.code()), too_large);
    let mut chunked = server.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\
                x-amz-target: AmazonEC2ContainerServiceV20141113.DeleteCluster\r\n\r\n";
    chunked.send(head.as_bytes()).await;
    chunked.send(format!("{:x}\r\n{}\r\n0\r\n\r\n", 2000, " ".repeat(2000)).as_bytes()).await;
    let answer = chunked.receive().await;
    assert_eq!((answer.status, answer.code()), too_large);
}

#[tokio::test]
async fn web_pages_are_kept_away() {
    let server =
        Server::start(Config { allowed_origins: vec!["http://app.test".to_owned()], ..Config::default() }).await;
    let mut client = server.connect().await;
    for headers in [
        [("host", "evil.example:4566"), ("accept", "*/*")],
        [("host", "localhost:4566"), ("origin", "http://evil.example")],
        [("host", "localhost:4566"), ("origin", "null")],
        [("host", "localhost:4566"), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = client.post("ListClusters", &headers, b"{}").await;
        assert_eq!((answer.status, answer.code()), (403, "AccessDeniedException"), "{headers:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        // The pages under `/_` are guarded the same way.
        assert_eq!(client.request("GET", "/_localecs/health", &headers, b"").await.status, 403, "{headers:?}");
    }
    let own = [("host", "localhost:4566"), ("origin", "http://localhost:4566")];
    assert_eq!(client.post("ListClusters", &own, b"{}").await.status, 200);

    let allowed = [("host", "localhost:4566"), ("origin", "http://app.test")];
    let answer = client.post("ListClusters", &allowed, b"{}").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("http://app.test")));
    let preflight = [allowed[0], allowed[1], ("access-control-request-method", "POST")];
    let answer = client.request("OPTIONS", "/", &preflight, b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("http://app.test")));
}

#[tokio::test]
async fn pages_are_served_beside_the_operations() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    let answer = client.request("GET", "/", &[], b"").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("LocalECS"), "{}", answer.body);
    assert_eq!(client.request("GET", "/_localecs/health", &[], b"").await.body, "fine");
    assert_eq!(client.request("GET", "/_nothing", &[], b"").await.status, 404);
    assert_eq!(client.request("GET", "/favicon.ico", &[], b"").await.status, 400);
}

#[tokio::test]
async fn signatures_are_verified_when_asked() {
    let credentials = "AKIDEXAMPLE:secret,123456789012:other".parse().expect("two keys");
    let server = Server::start(Config { verify_signatures: Some(credentials), ..Config::default() }).await;
    let mut client = server.connect().await;
    let signed = |key: &str, secret: &str, body: &[u8]| client::signed(key, secret, "ListClusters", body, server.now());

    let answer = client.post("ListClusters", &signed("123456789012", "other", b"{}"), b"{}").await;
    assert_eq!(answer.body, r#"{"clusterArns":["arn:aws:ecs:us-east-1:123456789012:cluster/default"]}"#);
    assert_eq!(client.post("ListClusters", &signed("AKIDEXAMPLE", "secret", b"{}"), b"{}").await.status, 200);

    let mut refused = async |headers: Vec<(&'static str, String)>, code: &str| {
        let answer = client.post("ListClusters", &headers, b"{}").await;
        assert_eq!((answer.status, answer.code()), (400, code));
    };
    refused(signed("AKIDEXAMPLE", "wrong", b"{}"), "InvalidSignatureException").await;
    refused(signed("AKIDEXAMPLE", "secret", b"{ }"), "InvalidSignatureException").await;
    refused(signed("NOBODY", "secret", b"{}"), "UnrecognizedClientException").await;
    refused(vec![], "MissingAuthenticationTokenException").await;
    let old = client::signed("AKIDEXAMPLE", "secret", "ListClusters", b"{}", server.now() - 301);
    refused(old, "InvalidSignatureException").await;
}

#[tokio::test]
async fn an_operation_goes_on_when_its_client_hangs_up() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect().await;
    client.send_call("DeleteCluster", r#"{"cluster":"slow"}"#).await;
    server.slow.started.notified().await;
    drop(client);
    // Time for the server to see the end of the connection; too little of it only makes the test weaker.
    server.connect().await.call("ListClusters", "{}").await;
    server.slow.go_on.notify_one();
    server.slow.finished.notified().await;
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish() {
    let mut server = Server::start(Config::default()).await;
    let mut idle = server.connect().await;
    assert_eq!(idle.call("ListClusters", "{}").await.status, 200);
    let mut busy = server.connect().await;
    busy.send_call("DeleteCluster", r#"{"cluster":"slow"}"#).await;
    server.slow.started.notified().await;
    server.stop();
    assert!(idle.is_closed().await);
    server.slow.go_on.notify_one();
    assert_eq!(busy.receive().await.code(), "ClusterNotFoundException");
    tokio::time::timeout(Duration::from_secs(5), server.ended()).await.expect("the server ends");
}

#[tokio::test]
async fn nonsense_harms_nobody() {
    let server = Server::start(Config::default()).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{}",
        b"\r\n\r\n\r\n",
    ] {
        let mut connection: Connection = server.connect().await;
        connection.send(bytes).await;
        connection.finish().await;
    }
    assert_eq!(server.connect().await.call("ListClusters", "{}").await.status, 200);
    // Every operation that the API has is at least answered.
    let mut client = server.connect().await;
    for operation in api_models::ecs::SERVICE.operations {
        let answer = client.call(operation.name, "{}").await;
        assert!([200, 400, 501].contains(&answer.status), "{} {}", operation.name, answer.body);
    }
}
