//! Secrets, parameters and environment files in containers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{
    EnvironmentFile, EnvironmentFileType, KeyValuePair, NetworkMode, RepositoryCredentials, Secret, Task, TaskStopCode,
};
use compat_tests::{Ecs, Registers, Runs, Runtime, Server, app, docker, http, refusal, wait_until_some};
use serde_json::{Value, json};

on_docker!(
    containers_have_their_secrets,
    secrets_are_resolved_when_a_task_starts,
    the_engine_shows_a_registry_its_credentials,
);
on_both!(what_is_missing_stops_the_task_and_is_named, nothing_shows_a_secret);
on_simulated!(what_ecs_refuses, credentials_of_a_registry_that_are_missing);

const ROLE: &str = "arn:aws:iam::123456789012:role/execution";

/// A request to another service of the same account, as the CLI sends it.
fn call(ecs: &Ecs, region: &str, target: &str, body: &Value) -> Value {
    let service = if target.starts_with("secretsmanager") { "secretsmanager" } else { "ssm" };
    let authorization = http::authorization(&ecs.account).replace("/us-east-1/ecs/", &format!("/{region}/{service}/"));
    let headers = http::ecs_headers(target, &authorization);
    let answer = http::request("POST", &ecs.endpoint, &headers, body.to_string().as_bytes(), http::PATIENCE);
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

/// Creates a secret and returns its ARN.
pub(crate) fn secret(ecs: &Ecs, region: &str, name: &str, value: &str) -> String {
    let made = call(ecs, region, "secretsmanager.CreateSecret", &json!({"Name": name, "SecretString": value}));
    made["ARN"].as_str().expect("an ARN").to_owned()
}

fn put_secret(ecs: &Ecs, id: &str, value: &str) {
    let body = json!({"SecretId": id, "SecretString": value});
    call(ecs, "us-east-1", "secretsmanager.PutSecretValue", &body);
}

fn parameter(ecs: &Ecs, region: &str, name: &str, kind: &str, value: &str) {
    let body = json!({"Name": name, "Type": kind, "Value": value});
    call(ecs, region, "AmazonSSM.PutParameter", &body);
}

fn from(name: &str, value_from: &str) -> Secret {
    Secret::builder().name(name).value_from(value_from).build().expect("all is set")
}

fn with(mut container: ContainerDefinitionBuilder, secrets: &[(&str, &str)]) -> ContainerDefinitionBuilder {
    for (name, value_from) in secrets {
        container = container.secrets(from(name, value_from));
    }
    container
}

fn address(task: &Task) -> String {
    let details = task.attachments()[0].details();
    let address = details.iter().find(|detail| detail.name() == Some("privateIPv4Address"));
    address.and_then(|detail| detail.value()).expect("an address").to_owned()
}

/// The environment of a task whose only container serves it.
async fn environment(task: &Task) -> Vec<String> {
    let url = format!("http://{}:8080/env", address(task));
    let page = wait_until_some(&url, Duration::from_secs(10), || async {
        http::get(&url).ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
    });
    page.await.lines().map(str::to_owned).collect()
}

fn assert_has(environment: &[String], expected: &[&str]) {
    for variable in expected {
        assert!(environment.iter().any(|known| known == variable), "no {variable} in {environment:#?}");
    }
}

async fn containers_have_their_secrets(ecs: Ecs) {
    let db = secret(&ecs, "us-east-1", "db", r#"{"password":"old"}"#);
    put_secret(&ecs, &db, r#"{"password":"new","port":5432}"#);
    let far = secret(&ecs, "eu-west-1", "far", "away");
    parameter(&ecs, "us-east-1", "/app/token", "SecureString", "s3cret");
    parameter(&ecs, "us-east-1", "plain", "String", "text");
    parameter(&ecs, "us-east-1", "/app/list", "StringList", "a,b");
    let partial = &db[..db.len() - 7];
    let arn = format!("arn:aws:ssm:us-east-1:{}:parameter/app/token", ecs.account);
    let web = with(
        app("web", &[]).environment(KeyValuePair::builder().name("MODE").value("test").build()),
        &[
            ("WHOLE", &db),
            ("PARTIAL", &format!("{partial}:password::")),
            ("PORT_OF_DB", &format!("{db}:port::")),
            ("PREVIOUS", &format!("{db}:password:AWSPREVIOUS:")),
            ("FAR", &far),
            ("BY_ARN", &arn),
            ("BY_NAME", "/app/token"),
            ("PLAIN", "plain"),
            ("LIST", "/app/list"),
        ],
    );
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web.build()).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    assert_has(
        &environment(&task).await,
        &[
            r#"WHOLE={"password":"new","port":5432}"#,
            "PARTIAL=new",
            "PORT_OF_DB=5432",
            "PREVIOUS=old",
            "FAR=away",
            "BY_ARN=s3cret",
            "BY_NAME=s3cret",
            "PLAIN=text",
            "LIST=a,b",
            "MODE=test",
        ],
    );
    ecs.stop(&task).await;
}

async fn secrets_are_resolved_when_a_task_starts(ecs: Ecs) {
    parameter(&ecs, "us-east-1", "color", "String", "blue");
    let web = with(app("web", &[]), &[("COLOR", "color")]);
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web.build()).registered().await;
    let cluster = ecs.cluster().await;
    let first = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let body = json!({"Name": "color", "Value": "green", "Overwrite": true});
    call(&ecs, "us-east-1", "AmazonSSM.PutParameter", &body);
    let second = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    assert_has(&environment(&first).await, &["COLOR=blue"]);
    assert_has(&environment(&second).await, &["COLOR=green"]);
    ecs.stop(&first).await;
    ecs.stop(&second).await;
}

async fn what_is_missing_stops_the_task_and_is_named(ecs: Ecs) {
    const HEAD: &str =
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ";
    let db = secret(&ecs, "us-east-1", "db", r#"{"password":"x"}"#);
    let gone = format!("arn:aws:secretsmanager:us-east-1:{}:secret:gone-AbCdEf", ecs.account);
    let on_fargate = [
        (
            gone.clone(),
            format!(
                "{HEAD}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch \
                 secret {gone} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the \
                 specified secret."
            ),
        ),
        (
            format!("{db}:user::"),
            format!(
                "{HEAD}unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret \
                 from Secrets Manager did not contain json key user"
            ),
        ),
        (
            "/gone".to_owned(),
            format!(
                "{HEAD}unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: /gone"
            ),
        ),
    ];
    let cluster = ecs.cluster_with_instance().await;
    for (value_from, reason) in on_fargate {
        let web = with(app("web", &[]), &[("S", &value_from)]).build();
        let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
        let task = ecs.stopped(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
        assert_eq!(task.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
        assert_eq!(task.stopped_reason(), Some(reason.as_str()));
        assert_eq!((task.pull_started_at(), task.containers()[0].exit_code()), (None, None));
    }
    let web = with(app("web", &[]), &[("S", "/gone")]).build();
    let definition =
        ecs.on_ec2(NetworkMode::Bridge).execution_role_arn(ROLE).container_definitions(web).registered().await;
    let task = ecs.stopped(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    assert_eq!(task.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    assert_eq!(
        task.stopped_reason(),
        Some("fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /gone")
    );
}

async fn nothing_shows_a_secret(ecs: Ecs) {
    let value = "do-not-show-me-0123";
    let arn = secret(&ecs, "us-east-1", "hidden", value);
    parameter(&ecs, "us-east-1", "hidden", "SecureString", value);
    let web = with(app("web", &[]), &[("A", &arn), ("B", "hidden")]).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let described = ecs.describe_task_definition().task_definition(&definition).send().await.expect("the definition");
    let mut shown = format!("{task:?} {described:?}");
    for target in ["secretsmanager.DescribeSecret", "secretsmanager.ListSecrets", "AmazonSSM.DescribeParameters"] {
        let body = if target.ends_with("Secret") { json!({"SecretId": arn}) } else { json!({}) };
        shown += &call(&ecs, "us-east-1", target, &body).to_string();
    }
    shown += &call(&ecs, "us-east-1", "AmazonSSM.GetParameter", &json!({"Name": "hidden"})).to_string();
    if ecs.runtime == Runtime::Docker {
        for (_, id) in docker::containers_of(task.task_arn().expect("an ARN")) {
            shown += &docker::inspect(&id)["Config"]["Labels"].to_string();
        }
    }
    let stopped = ecs.stop(&task).await;
    shown += &format!("{stopped:?}");
    if compat_tests::endpoint_given().is_none() {
        shown += &compat_tests::shared(ecs.runtime).log_from(0);
    }
    assert!(!shown.contains(value), "{shown}");
}

async fn what_ecs_refuses(ecs: Ecs) {
    let web = with(app("web", &[]), &[("S", "name")]).build();
    let (code, message) = refusal(ecs.on_fargate().container_definitions(web).send().await);
    assert_eq!(code, "ClientException");
    assert_eq!(
        message,
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    );
    let file = EnvironmentFile::builder().value("arn:aws:s3:::b/a.txt").r#type(EnvironmentFileType::S3);
    let web = app("web", &[]).environment_files(file.build().expect("all is set")).build();
    let (_, message) = refusal(ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).send().await);
    assert_eq!(message, "The environment file must have a .env file extension.");
    let credentials = RepositoryCredentials::builder().credentials_parameter("name").build().expect("all is set");
    let web = app("web", &[]).repository_credentials(credentials).build();
    let (_, message) = refusal(ecs.on_fargate().container_definitions(web).send().await);
    assert_eq!(
        message,
        "Private repository authentication requires that the task definition specify a value for executionRoleArn."
    );
}

async fn credentials_of_a_registry_that_are_missing(ecs: Ecs) {
    let id = format!("arn:aws:secretsmanager:us-east-1:{}:secret:registry", ecs.account);
    let credentials = RepositoryCredentials::builder().credentials_parameter(&id).build().expect("all is set");
    let web = app("web", &[]).repository_credentials(credentials).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let run = || async { ecs.run_on_fargate(&cluster, &definition).one().await };
    let task = ecs.stopped(&run().await).await;
    let reason = task.stopped_reason().expect("a reason");
    assert!(
        reason.ends_with(&format!(
            "unable to get registry auth from asm: service call has been retried 1 time(s): asm fetching secret from the \
             service for {id}: ResourceNotFoundException: Secrets Manager can't find the specified secret."
        )),
        "{reason}"
    );
    secret(&ecs, "us-east-1", "registry", r#"{"username":"me","password":"pw"}"#);
    let task = ecs.running(&run().await).await;
    ecs.stop(&task).await;
}

/// A registry that asks for credentials, and has nothing. Returns its address, and what says which it was shown.
fn registry() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let (shown, credentials) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut byte = [0];
            // The engine tries TLS first.
            while !request.ends_with(b"\r\n\r\n") && request.first() != Some(&0x16) {
                match stream.read(&mut byte) {
                    Ok(1) => request.push(byte[0]),
                    _ => break,
                }
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let header = text.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
            });
            let answer = match &header {
                Some(_) => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                None => {
                    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"test\"\r\ncontent-length: 0\r\n\
                     connection: close\r\n\r\n"
                }
            };
            let _ = stream.write_all(answer.as_bytes());
            if header.is_some_and(|header| shown.send(header).is_err()) {
                return;
            }
        }
    });
    (address, credentials)
}

async fn the_engine_shows_a_registry_its_credentials(ecs: Ecs) {
    let (address, shown) = registry();
    let id = secret(&ecs, "us-east-1", "registry", r#"{"username":"me","password":"pw"}"#);
    let credentials = RepositoryCredentials::builder().credentials_parameter(&id).build().expect("all is set");
    let web = app("web", &[]).image(format!("{address}/private/app:1")).repository_credentials(credentials).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let asked = ecs.run_on_fargate(&cluster, &definition).one().await;
    let header = tokio::task::spawn_blocking(move || shown.recv_timeout(Duration::from_secs(60)));
    // me:pw
    assert_eq!(header.await.expect("a header").as_deref(), Ok("Basic bWU6cHc="));
    ecs.stop(&asked).await;
}

fn file(key: &str) -> EnvironmentFile {
    let arn = format!("arn:aws:s3:::config/{key}");
    EnvironmentFile::builder().value(arn).r#type(EnvironmentFileType::S3).build().expect("all is set")
}

#[tokio::test]
async fn environment_files_come_from_a_folder() {
    needs_own_server!();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("config/app")).expect("a bucket");
    let write = |key: &str, text: &str| std::fs::write(folder.path().join("config").join(key), text).expect("written");
    write("app/first.env", "# comment\nA=first\nB=x=y z\nMODE=file\nEMPTY=\n");
    write("second.env", "A=second\nC=\"quoted\"\n");
    let server = Server::start(Runtime::Docker, &["--s3-folder", folder.path().to_str().expect("UTF-8")]);
    let ecs = server.ecs();
    let web = app("web", &[])
        .environment(KeyValuePair::builder().name("MODE").value("definition").build())
        .environment_files(file("app/first.env"))
        .environment_files(file("second.env"))
        .build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let environment = environment(&task).await;
    assert_has(&environment, &["A=first", "B=x=y z", "C=\"quoted\"", "MODE=definition"]);
    assert!(!environment.iter().any(|variable| variable.starts_with("EMPTY")), "{environment:?}");
    ecs.stop(&task).await;

    let web = app("web", &[]).environment_files(file("gone.env")).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let task = ecs.stopped(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let reason = task.stopped_reason().expect("a reason");
    assert!(
        reason.starts_with("ResourceInitializationError: failed to download env files: ")
            && reason.contains("s3://config/gone.env: NoSuchKey"),
        "{reason}"
    );
    drop(ecs);
    server.stop();
}

#[tokio::test]
async fn environment_files_come_from_an_endpoint() {
    needs_own_server!();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nA=s3").expect("written");
        String::from_utf8(request).expect("ASCII")
    });
    let server = Server::start(Runtime::Docker, &["--s3-endpoint", &url, "--s3-credentials", "key:secret"]);
    let ecs = server.ecs();
    let web = app("web", &[]).environment_files(file("a.env")).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.running(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    assert_has(&environment(&task).await, &["A=s3"]);
    let request = serving.join().expect("a request");
    assert!(request.starts_with("GET /config/a.env HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("AWS4-HMAC-SHA256 Credential=key/"), "{request}");
    ecs.stop(&task).await;
    drop(ecs);
    server.stop();
}

#[tokio::test]
async fn without_a_place_for_s3_the_reason_says_which_option_to_give() {
    let ecs = compat_tests::shared(Runtime::Simulated).ecs();
    let web = app("web", &[]).environment_files(file("a.env")).build();
    let definition = ecs.on_fargate().execution_role_arn(ROLE).container_definitions(web).registered().await;
    let cluster = ecs.cluster().await;
    let task = ecs.stopped(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    let reason = task.stopped_reason().expect("a reason");
    assert!(reason.contains("--s3-folder") && reason.contains("--s3-endpoint"), "{reason}");
}
