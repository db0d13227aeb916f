//! ECS Exec: sessions with commands in containers, through a client of the protocol. The AWS CLI with its plugin is
//! in python/test_exec.py.

use std::time::Duration;

use aws_sdk_ecs::types::{ContainerDefinition, ManagedAgent, NetworkMode, Session, Task};
use compat_tests::exec::ExecClient;
use compat_tests::{Ecs, Registers, Runs, Runtime, app, busybox, docker, http, refusal, wait_until, wait_until_some};

on_both!(a_shell, a_program_that_cannot_be_run, the_container_ends, agents_run_with_their_containers);

on_docker!(all_of_a_lot_of_output, any_byte_comes_through, a_client_that_hangs_up, root_at_a_terminal);

on_simulated!(a_token_opens_one_session, web_pages_are_kept_away, refusals, a_client_ends_the_session);

const PATIENCE: Duration = Duration::from_secs(20);
const ROLE: &str = "arn:aws:iam::123456789012:role/task";

/// A container that sleeps and has a shell.
fn shell(name: &str) -> ContainerDefinition {
    app(name, &["sleep", "3600"]).image(busybox()).stop_timeout(2).build()
}

/// A task of such containers, that can be executed in.
async fn running(ecs: &Ecs, containers: &[ContainerDefinition]) -> Task {
    let cluster = ecs.cluster_with_instance().await;
    let mut definition = ecs.on_ec2(NetworkMode::Bridge).task_role_arn(ROLE);
    for container in containers {
        definition = definition.container_definitions(container.clone());
    }
    let definition = definition.registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).enable_execute_command(true).one().await;
    assert_eq!(agent(&task, 0).last_status(), Some("PENDING"));
    ecs.running(&task).await
}

fn agent(task: &Task, container: usize) -> &ManagedAgent {
    &task.containers()[container].managed_agents()[0]
}

async fn session(ecs: &Ecs, task: &Task, command: &str) -> Session {
    let answer = ecs
        .execute_command()
        .cluster(task.cluster_arn().expect("a cluster"))
        .task(task.task_arn().expect("an ARN"))
        .interactive(true)
        .command(command)
        .send()
        .await
        .expect("ExecuteCommand");
    assert_eq!((answer.task_arn(), answer.interactive()), (task.task_arn(), true));
    assert_eq!(answer.container_arn(), task.containers()[0].container_arn());
    answer.session.expect("a session")
}

async fn open(ecs: &Ecs, task: &Task, command: &str) -> ExecClient {
    ExecClient::open(&session(ecs, task, command).await).await.expect("the channel opens")
}

async fn a_shell(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let opened = session(&ecs, &task, "sh").await;
    let id = opened.session_id().expect("an id");
    assert!(id.starts_with("ecs-execute-command-"), "{id}");
    let address = ecs.endpoint.replace("http://", "ws://");
    assert_eq!(opened.stream_url(), Some(format!("{address}/v1/data-channel/{id}?role=publish_subscribe").as_str()));

    let mut client = ExecClient::open(&opened).await.expect("the channel opens");
    client.until("# ").await;
    client.resize(132, 43).await;
    client.type_in("stty size\r").await;
    client.until("43 132\r\n").await;
    client.type_in("echo one  two\r").await;
    client.until("one two\r\n").await;
    client.until("# ").await;
    client.type_in("sleep 600\r").await;
    client.until("sleep 600\r\n").await;
    client.type_in("\x03").await;
    client.until("^C").await;
    client.until("# ").await;
    client.type_in("exit 3\r").await;
    assert_eq!(client.closed().await, "");
    let task = ecs.task(&task).await;
    assert_eq!(task.last_status(), Some("RUNNING"), "it does not mind");
}

async fn a_program_that_cannot_be_run(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let mut client = open(&ecs, &task, "missing-program --now").await;
    let said = client.closed().await;
    assert_eq!(
        said,
        "\n----------ERROR-------\nUnable to start command: Failed to start pty: exec: \"missing-program\": \
         executable file not found in $PATH"
    );
    assert_eq!(client.output, b"");
}

async fn the_container_ends(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let mut client = open(&ecs, &task, "sh").await;
    client.until("# ").await;
    ecs.stop_task()
        .cluster(task.cluster_arn().expect("it"))
        .task(task.task_arn().expect("it"))
        .send()
        .await
        .expect("StopTask");
    client.closed().await;
    let stopped = ecs.stopped(&task).await;
    assert_eq!(agent(&stopped, 0).last_status(), Some("STOPPED"));
    let answer = ecs
        .execute_command()
        .cluster(task.cluster_arn().expect("it"))
        .task(task.task_arn().expect("it"))
        .interactive(true)
        .command("sh");
    let (code, message) = refusal(answer.send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("the execute command agent isn’t running"), "{message}");
}

async fn agents_run_with_their_containers(ecs: Ecs) {
    let web = shell("web");
    let job = app("job", &["exit", "0"]).essential(false).docker_labels("sim.run-for", "10ms").build();
    let task = running(&ecs, &[web, job]).await;
    let task = wait_until_some("the job to end", Duration::from_secs(30), || async {
        let now = ecs.task(&task).await;
        (now.containers()[1].last_status() == Some("STOPPED")).then_some(now)
    })
    .await;
    let (web, job) = (agent(&task, 0), agent(&task, 1));
    assert_eq!(web.name().map(|name| name.as_str()), Some("ExecuteCommandAgent"));
    assert_eq!((web.last_status(), job.last_status()), (Some("RUNNING"), Some("STOPPED")));
    assert!(web.last_started_at() >= task.created_at(), "{web:?}");
    let command = ecs
        .execute_command()
        .cluster(task.cluster_arn().expect("it"))
        .task(task.task_arn().expect("it"))
        .interactive(true)
        .command("echo 'one  two'");
    let (code, message) = refusal(command.clone().send().await);
    assert_eq!(code, "InvalidParameterException", "{message}");
    let answer = command.container("web").send().await.expect("ExecuteCommand");
    assert_eq!(answer.container_name(), Some("web"));
    let mut client = ExecClient::open(&answer.session.expect("a session")).await.expect("the channel opens");
    client.until("one  two\r\n").await;
    assert_eq!(client.closed().await, "");
}

async fn all_of_a_lot_of_output(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let mut client = open(&ecs, &task, "seq 1 50000").await;
    assert_eq!(client.closed().await, "");
    let expected: String = (1..=50_000).map(|n| format!("{n}\r\n")).collect();
    assert!(client.output == expected.as_bytes(), "{} bytes, not {}", client.output.len(), expected.len());
}

/// A first byte of 0, 1 or 2 looks like the frames that commands without a terminal have.
async fn any_byte_comes_through(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let mut client = open(&ecs, &task, r"printf '\001\000\000\000\377\002end'").await;
    assert_eq!(client.closed().await, "");
    assert_eq!(client.output, b"\x01\0\0\0\xff\x02end");
    // Keys that would detach a terminal of Docker's, and one that is held back in case they follow.
    let mut client = open(&ecs, &task, "sh -c 'stty raw -echo; echo ready; head -c 4 | od -An -tx1'").await;
    client.until("ready").await;
    client.type_in("\x10\x11\x1e\x7f").await;
    client.until("10 11 1e 7f").await;
    client.closed().await;
}

async fn a_client_that_hangs_up(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let container = task.containers()[0].runtime_id().expect("an id").to_owned();
    let programs = || docker::run(&["top", &container, "-o", "pid,args"]);
    for command in ["sleep 4242", "sh -c 'trap : HUP; sleep 4242; sleep 4242'"] {
        let client = open(&ecs, &task, command).await;
        wait_until("the program to run", Duration::from_secs(20), || async { programs().contains("sleep 4242") }).await;
        drop(client);
        wait_until("the program to end", Duration::from_secs(20), || async { !programs().contains("sleep 4242") })
            .await;
    }
}

async fn root_at_a_terminal(ecs: Ecs) {
    let web = app("web", &["sleep", "3600"]).image(busybox()).user("1000:1000").build();
    let task = running(&ecs, &[web]).await;
    let mut client = open(&ecs, &task, "sh -c 'id -u; echo $TERM; tty -s && echo terminal'").await;
    client.until("0\r\nxterm-256color\r\nterminal\r\n").await;
    assert_eq!(client.closed().await, "");
}

async fn a_client_ends_the_session(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let mut client = open(&ecs, &task, "sh").await;
    client.until("# ").await;
    client.terminate().await;
    assert_eq!(client.closed().await, "");
}

async fn a_token_opens_one_session(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let (one, two) = (session(&ecs, &task, "sh").await, session(&ecs, &task, "sh").await);
    let url = one.stream_url().expect("a URL");
    let refused = ExecClient::open_with(url, two.token_value().expect("a token")).await.expect_err("not its token");
    assert!(refused.contains("the token is not valid"), "{refused}");
    ExecClient::open_with(url, "").await.expect_err("no token");
    let mut client = ExecClient::open(&one).await.expect("it was not used yet");
    let again = ExecClient::open(&one).await.expect_err("it was used");
    assert_eq!(again, "HTTP 404");
    client.until("# ").await;
    drop(client);
    let unknown = url.replace("ecs-execute-command-0", "ecs-execute-command-1");
    assert_eq!(
        ExecClient::open_with(&unknown, one.token_value().expect("a token")).await.expect_err("none"),
        "HTTP 404"
    );
}

async fn web_pages_are_kept_away(ecs: Ecs) {
    let task = running(&ecs, &[shell("web")]).await;
    let opened = session(&ecs, &task, "sh").await;
    let path = opened.stream_url().and_then(|url| url.split_once("/v1/")).expect("a path").1;
    let url = format!("{}/v1/{path}", ecs.endpoint);
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for foreign in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let headers: Vec<_> = upgrade.iter().copied().chain([foreign]).collect();
        let answer = http::request("GET", &url, &headers, b"", PATIENCE).expect("an answer");
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let plain = http::request("GET", &url, &[], b"", PATIENCE).expect("an answer");
    assert!((400..500).contains(&plain.status), "{}", plain.status);
    ExecClient::open(&opened).await.expect("it waits for its client still");
}

async fn refusals(ecs: Ecs) {
    assert_eq!(ecs.runtime, Runtime::Simulated);
    let task = running(&ecs, &[shell("web"), shell("side")]).await;
    let cluster = task.cluster_arn().expect("a cluster");
    let command =
        |task: &str| ecs.execute_command().cluster(cluster).task(task).interactive(true).command("sh").container("web");
    let arn = task.task_arn().expect("an ARN");
    let cases = [
        (command(arn).cluster("nowhere"), "ClusterNotFoundException", "Cluster not found."),
        (
            command(arn).interactive(false),
            "InvalidParameterException",
            "Interactive is the only mode supported currently.",
        ),
        (command(arn).container("other"), "InvalidParameterException", "'other'"),
        (command(arn).set_container(None), "InvalidParameterException", "Container name must be specified"),
        (command(arn).command(" "), "InvalidParameterException", "Command"),
        (command(arn).command("echo 'one"), "InvalidParameterException", "quotes"),
        (command(&"0".repeat(32)), "InvalidParameterException", "task was not found"),
        (command("what"), "InvalidParameterException", "length"),
    ];
    for (request, code, words) in cases {
        let (found, message) = refusal(request.send().await);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(words), "{message}");
    }

    let readonly = app("web", &["sleep", "3600"]).readonly_root_filesystem(true).build();
    let task = running(&ecs, &[readonly]).await;
    assert_eq!(agent(&task, 0).last_status(), Some("STOPPED"));
    let request = command(task.task_arn().expect("an ARN")).cluster(task.cluster_arn().expect("a cluster"));
    let (code, message) = refusal(request.send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
    );

    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(shell("web")).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = ecs.running(&task).await;
    let request = command(task.task_arn().expect("an ARN")).cluster(&cluster);
    let (code, message) = refusal(request.send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with("The execute command failed because execute command was not enabled"), "{message}");
    let run = ecs.run_on_ec2(&cluster, &definition).enable_execute_command(true).send().await;
    let (code, message) = refusal(run);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("taskRoleArn"), "{message}");
}
