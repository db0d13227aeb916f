//! The runtime against an engine that says what the test wants: pulls without a registry, and answers that a real
//! engine gives only in trouble.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::{ConnectOptions, DockerRuntime};
use crate::runtime::{ContainerRuntime, RegistryAuth, RuntimeError};

const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41","Arch":"amd64"}"#;

/// Answers each request by the first of its rules whose text is in the request.
struct FakeEngine {
    directory: TempDir,
    requests: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl FakeEngine {
    fn new(rules: &[(&'static str, u16, &'static str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the socket");
        let listener = UnixListener::bind(directory.path().join("s")).expect("a free name");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (rules, seen) = (rules.to_vec(), requests.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match connection.read_buf(&mut request).await {
                        Ok(read) if read > 0 => {}
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let rule = rules.iter().find(|(text, ..)| request.contains(text));
                let (_, status, body) = rule.copied().unwrap_or(("", 404, r#"{"message":"not here"}"#));
                seen.lock().push(request);
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = connection.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { directory, requests, _serving: serving }
    }

    fn options(&self) -> ConnectOptions {
        let host = format!("unix://{}", self.directory.path().join("s").display());
        ConnectOptions { host: Some(host), ..ConnectOptions::default() }
    }

    async fn connect(&self) -> DockerRuntime {
        DockerRuntime::connect("store", &self.options()).await.expect("it answers")
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_pull_is_an_error() {
    for (line, retryable) in [
        (r#""error":"unexpected EOF","errorDetail":{"message":"unexpected EOF"}"#, true),
        (r#""error":"m","errorDetail":{"message":"no matching manifest for linux/arm64 in the manifest list"}"#, false),
    ] {
        let body = format!("{{\"status\":\"Pulling from a\",\"id\":\"1\"}}\r\n{{{line}}}\r\n");
        let engine = FakeEngine::new(&[("/version", 200, VERSION), ("/images/create", 200, body.leak())]);
        let answer = engine.connect().await.pull_image("a", &BTreeMap::new(), None, None).await;
        let Err(RuntimeError::Pull { message, retryable: told, manifest: false }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(told, retryable, "{message}");
    }
}

#[tokio::test]
async fn a_pull_asks_for_one_tag_with_the_credentials_given() {
    let lines = concat!(
        r#"{"status":"Pulling from team/app","id":"latest"}"#,
        "\r\n",
        r#"{"status":"Downloading","id":"1f","progressDetail":{"current":5,"total":9}}"#,
        "\r\n",
        r#"{"status":"Status: Downloaded newer image"}"#,
        "\r\n"
    );
    let image = r#"{"Id":"sha256:c0","Architecture":"arm64","RepoDigests":["reg.example:5000/team/app@sha256:d1"]}"#;
    let engine = FakeEngine::new(&[
        ("/version", 200, VERSION),
        ("/images/create", 200, lines),
        ("/images/reg.example:5000/team/app/json", 200, image),
    ]);
    // In standard base64 the password would give a `/` and a `+`, which the engine does not read.
    let auth = RegistryAuth { username: "AWS".into(), password: "?~??>>~~".into() };
    let runtime = engine.connect().await;
    let pulled =
        runtime.pull_image("reg.example:5000/team/app", &BTreeMap::new(), None, Some(&auth)).await.expect("pulled");
    assert_eq!((pulled.id.as_str(), pulled.digest.as_deref()), ("sha256:c0", Some("sha256:d1")));
    assert_eq!(pulled.architecture, "arm64");

    let requests = engine.requests.lock().clone();
    let create = requests.iter().find(|request| request.contains("/images/create")).expect("it was asked to pull");
    assert!(create.starts_with("POST /v1.41/images/create?"), "{create}");
    assert!(create.contains("tag=latest"), "{create}");
    let header = create.lines().find_map(|line| line.strip_prefix("x-registry-auth: ")).expect("credentials");
    assert!(!header.contains(['+', '/']) && header.contains(['-', '_']), "{header}");
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_refused_with_the_reason() {
    let engine = FakeEngine::new(&[("/version", 200, r#"{"Version":"18.09.1","ApiVersion":"1.39"}"#)]);
    let error = DockerRuntime::connect("store", &engine.options()).await.err().expect("refused");
    assert!(matches!(&error, RuntimeError::Unavailable(message) if message.contains("1.39")), "{error:?}");
}

#[tokio::test]
async fn podman_is_known_by_its_components_and_other_machines_are_no_way_to_containers() {
    let engine = FakeEngine::new(&[
        (
            "/version",
            200,
            r#"{"Version":"4.9.3","ApiVersion":"1.41","Arch":"amd64","Components":[{"Name":"Podman Engine","Version":"4.9.3"}]}"#,
        ),
        (
            "/info",
            200,
            r#"{"NCPU":4,"MemTotal":1024,"Architecture":"amd64","OperatingSystem":"fedora","OSType":"linux"}"#,
        ),
        ("/networks", 200, r#"[{"Name":"x","Driver":"bridge","IPAM":{"Config":[{"Subnet":"192.0.2.0/24"}]}}]"#),
    ]);
    let info = engine.connect().await.info().await.expect("info");
    assert_eq!((info.engine.as_str(), info.cpus, info.routes_to_containers), ("podman", 4, false));
}
