//! The wire, byte by byte: what SDKs hide.

use std::io::Write;

use compat_tests::{Runtime, http, random_account, shared};
use flate2::Compression;
use flate2::write::GzEncoder;

fn endpoint() -> &'static str {
    shared(Runtime::Simulated).endpoint()
}

fn post(account: &str, operation: &str, body: &[u8]) -> http::Answer {
    http::post_ecs(endpoint(), account, operation, body).expect("an answer")
}

#[test]
fn answers_are_aws_json() {
    let account = random_account();
    let answer = post(&account, "CreateCluster", br#"{"clusterName":"wire","fromTheFuture":{"a":[1]}}"#);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    let id = answer.header("x-amzn-requestid").expect("a request id");
    assert_eq!((id.len(), id.matches('-').count()), (36, 4));
    assert_eq!(answer.json()["cluster"]["clusterName"], "wire");

    let register = br#"{"family":"wire","containerDefinitions":[{"name":"web","image":"web","memory":64}]}"#;
    let definition = post(&account, "RegisterTaskDefinition", register).json();
    let registered_at = definition["taskDefinition"]["registeredAt"].as_f64().expect("epoch seconds as a number");
    assert!(registered_at > 1.7e9 && registered_at < 4e9, "{registered_at}");
}

#[test]
fn errors_are_aws_json() {
    let account = random_account();
    let answer = post(&account, "DeleteCluster", br#"{"cluster":"nope"}"#);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#);
    for (operation, body, code) in [
        ("ListClusters", &b"{"[..], "SerializationException"),
        ("ListClusters", b"[]", "SerializationException"),
        ("ListClusters", br#"{"maxResults":"three"}"#, "SerializationException"),
        ("CreateCluster", br#"{"clusterName":7}"#, "SerializationException"),
        ("CreateCluster", b"{\"clusterName\":\"\xff\"}", "SerializationException"),
        ("NoSuchOperation", b"{}", "UnknownOperationException"),
        ("DescribeTasks", b"{}", "InvalidParameterException"),
    ] {
        let answer = post(&account, operation, body);
        assert_eq!(answer.status, 400, "{operation}: {}", answer.text());
        assert_eq!(answer.json()["__type"], code, "{operation} {:?}", String::from_utf8_lossy(body));
        assert!(answer.header("x-amzn-requestid").is_some());
    }
}

#[test]
fn bodies_may_be_gzip() {
    let account = random_account();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(br#"{"clusterName":"zipped"}"#).expect("in memory");
    let body = gzip.finish().expect("in memory");
    let authorization = http::authorization(&account);
    let mut headers = http::ecs_headers("AmazonEC2ContainerServiceV20141113.CreateCluster", &authorization).to_vec();
    headers.push(("content-encoding", "gzip"));
    let answer = http::request("POST", endpoint(), &headers, &body, http::PATIENCE).expect("an answer");
    assert_eq!(answer.json()["cluster"]["clusterName"], "zipped");
}

#[test]
fn pages_of_other_origins_are_refused() {
    let authorization = http::authorization(&random_account());
    let target = "AmazonEC2ContainerServiceV20141113.CreateCluster";
    for foreign in [("origin", "https://evil.example"), ("host", "evil.example"), ("sec-fetch-site", "cross-site")] {
        let mut headers = http::ecs_headers(target, &authorization).to_vec();
        headers.push(foreign);
        let answer = http::request("POST", endpoint(), &headers, b"{}", http::PATIENCE).expect("an answer");
        assert_eq!(answer.status, 403, "{foreign:?}");
        let health = format!("{}/_localecs/reset", endpoint());
        let answer = http::request("POST", &health, &[foreign], b"", http::PATIENCE).expect("an answer");
        assert_eq!(answer.status, 403, "{foreign:?}");
    }
}

#[test]
fn bodies_have_a_limit() {
    let account = random_account();
    let mut body = br#"{"clusterName":""#.to_vec();
    body.resize((1 << 20) + 1000, b'a');
    let answer = post(&account, "CreateCluster", &body);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["__type"], "RequestEntityTooLargeException");
}
