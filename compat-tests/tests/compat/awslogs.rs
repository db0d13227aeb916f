//! What containers print, in CloudWatch Logs: whole, in order, each line once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
use aws_sdk_ecs::types::{ContainerRestartPolicy, LogConfiguration, LogDriver, NetworkMode, Task, TaskStopCode};
use compat_tests::{Ecs, Registers, Runs, Runtime, Server, Store, app, random_account, random_name, wait_until};

on_both!(the_output_of_a_job_is_there_when_it_has_stopped, a_group_that_does_not_exist_fails_the_task);
on_docker!(
    lines_come_while_the_container_runs,
    lines_of_any_length_and_bytes_of_any_kind_come_whole,
    lines_that_belong_together_are_one_event,
    a_container_that_is_started_again_goes_on_in_its_stream,
    what_the_driver_does_not_understand_fails_the_container,
    localecs_logs_shows_what_a_task_prints,
);

/// What the sample app says when it is told to stop.
const FAREWELL: &str = "stopping on a signal";

/// A container whose output goes to that group, in streams that begin with `app/`.
fn logged(name: &str, command: &[&str], group: &str, options: &[(&str, &str)]) -> ContainerDefinitionBuilder {
    let mut log = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", group)
        .options("awslogs-region", "us-east-1")
        .options("awslogs-stream-prefix", "app");
    for (name, value) in options {
        log = log.options(*name, *value);
    }
    app(name, command).log_configuration(log.build().expect("a driver"))
}

fn stream_of(task: &Task, name: &str) -> String {
    let arn = task.task_arn().expect("an ARN");
    format!("app/{name}/{}", arn.rsplit('/').next().expect("an id"))
}

async fn run(ecs: &Ecs, container: ContainerDefinitionBuilder) -> Task {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(container.build()).registered().await;
    ecs.run_on_ec2(&cluster, &definition).one().await
}

/// `line 1 ` to `line <count> `, each once and in order.
fn assert_lines(messages: &[String], count: usize) {
    for (message, n) in messages.iter().zip(1..) {
        assert_eq!(*message, format!("line {n} "), "of {} lines", messages.len());
    }
    assert_eq!(messages.len(), count);
}

async fn the_output_of_a_job_is_there_when_it_has_stopped(ecs: Ecs) {
    let group = random_name("group");
    let job = logged("job", &["lines", "3"], &group, &[("awslogs-create-group", "true")])
        .docker_labels("sim.stdout", "line 1 \nline 2 \nline 3 ")
        .docker_labels("sim.run-for", "100ms");
    let cluster = ecs.cluster().await;
    let definition = ecs
        .on_fargate()
        .execution_role_arn("arn:aws:iam::123456789012:role/execution")
        .container_definitions(job.build())
        .registered()
        .await;
    let task = ecs.run_on_fargate(&cluster, &definition).one().await;
    ecs.stopped(&task).await;
    let events = ecs.log_events("us-east-1", &group, &stream_of(&task, "job")).expect("the stream");
    assert!(events.is_sorted_by_key(|(at, _)| *at));
    let messages: Vec<_> = events.into_iter().map(|(_, message)| message).collect();
    assert_lines(&messages, 3);
}

async fn a_group_that_does_not_exist_fails_the_task(ecs: Ecs) {
    let group = random_name("missing");
    let stopped = ecs.stopped(&run(&ecs, logged("job", &["lines", "3"], &group, &[])).await).await;
    assert_eq!(stopped.stop_code(), Some(&TaskStopCode::TaskFailedToStart));
    let container = &stopped.containers()[0];
    assert_eq!(
        (container.exit_code(), container.reason()),
        (
            None,
            Some(
                "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to \
                 create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."
            )
        )
    );

    let cluster = ecs.cluster().await;
    let definition = ecs
        .on_fargate()
        .execution_role_arn("arn:aws:iam::123456789012:role/execution")
        .container_definitions(logged("job", &["lines", "3"], &group, &[]).build())
        .registered()
        .await;
    let stopped = ecs.stopped(&ecs.run_on_fargate(&cluster, &definition).one().await).await;
    assert_eq!(
        stopped.stopped_reason(),
        Some(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
             failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. \
             : exit status 1"
        )
    );
}

async fn lines_come_while_the_container_runs(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let task = run(&ecs, logged("web", &["lines", "100000", "50"], &group, &[("mode", "non-blocking")])).await;
    let stream = stream_of(&task, "web");
    let first = ecs.messages(&group, &stream, 10).await;
    assert_lines(&first, first.len());
    assert_eq!(ecs.task(&task).await.last_status(), Some("RUNNING"));
    ecs.stop(&task).await;
    let all = ecs.messages(&group, &stream, first.len()).await;
    // On stderr, by another thread.
    let (farewell, lines): (Vec<_>, Vec<_>) = all.into_iter().partition(|message| message == FAREWELL);
    assert_eq!(farewell.len(), 1);
    assert_lines(&lines, lines.len());

    // Without a prefix the stream has the name of the container; another region has its own groups.
    let log = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", &group)
        .options("awslogs-region", "eu-west-3")
        .options("awslogs-create-group", "true")
        .build();
    let job = app("job", &["lines", "2"]).log_configuration(log.expect("a driver"));
    let stopped = ecs.stopped(&run(&ecs, job).await).await;
    let id = stopped.containers()[0].runtime_id().expect("it ran").to_owned();
    let events = ecs.log_events("eu-west-3", &group, &id).expect("the stream");
    assert_eq!(events.len(), 2);
    assert_eq!(ecs.log_events("us-east-1", &group, &id), None);
}

async fn lines_of_any_length_and_bytes_of_any_kind_come_whole(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let printed = |name: &str, command: &[&str]| logged(name, command, &group, &[]).build();
    // a, an empty line, bytes that are no text, and an end without a newline.
    let bytes = "610a0a62ff63e2820a64";
    let terminal = logged("terminal", &["bytes", "780a79"], &group, &[]).pseudo_terminal(true).build();
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(printed("long", &["long", "50000"]))
        .container_definitions(printed("huge", &["long", "200000"]))
        .container_definitions(printed("bytes", &["bytes", bytes]))
        .container_definitions(terminal)
        .container_definitions(app("wait", &["sleep", "1"]).build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let long = ecs.messages(&group, &stream_of(&task, "long"), 1).await;
    assert_eq!(long, [format!("<{}>", "é".repeat(50_000))]);
    let huge = ecs.messages(&group, &stream_of(&task, "huge"), 2).await;
    assert_eq!(huge.concat(), format!("<{}>", "é".repeat(200_000)));
    // The largest event CloudWatch takes, less what it counts besides the text.
    assert!(huge[0].len() > 262_144 - 30 && huge[0].len() <= 262_144 - 26, "{}", huge[0].len());
    let bytes = ecs.messages(&group, &stream_of(&task, "bytes"), 3).await;
    assert_eq!(bytes, ["a", "b\u{fffd}c\u{fffd}\u{fffd}", "d"]);
    let terminal = ecs.messages(&group, &stream_of(&task, "terminal"), 2).await;
    assert_eq!(terminal, ["x\r", "y"]);
    ecs.stopped(&task).await;
}

async fn lines_that_belong_together_are_one_event(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let text = "2026-11-21 a\n  at b\n\n2026-11-21 c\n";
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let by_format = logged("format", &["bytes", &hex], &group, &[("awslogs-datetime-format", "%Y-%m-%d")]);
    let by_pattern = logged("pattern", &["bytes", &hex], &group, &[("awslogs-multiline-pattern", "^\\S")]);
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(by_format.build())
        .container_definitions(by_pattern.build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    for name in ["format", "pattern"] {
        let messages = ecs.messages(&group, &stream_of(&task, name), 2).await;
        assert_eq!(messages, ["2026-11-21 a\n  at b\n\n", "2026-11-21 c\n"], "{name}");
    }
    ecs.stopped(&task).await;
}

async fn a_container_that_is_started_again_goes_on_in_its_stream(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let policy = ContainerRestartPolicy::builder().enabled(true).restart_attempt_period(60).build();
    let job =
        logged("job", &["lines", "3", "100"], &group, &[]).restart_policy(policy.expect("a policy")).essential(false);
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(job.build())
        .container_definitions(app("wait", &["serve"]).build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stream = stream_of(&task, "job");
    assert_lines(&ecs.messages(&group, &stream, 3).await, 3);
    // By hand: the policy waits for a minute.
    let containers = compat_tests::docker::containers_of(task.task_arn().expect("an ARN"));
    let (_, id) = containers.iter().find(|(name, _)| name == "job").expect("it is there until the task stops");
    let _ = compat_tests::docker::run(&["start", id]);
    let _ = compat_tests::docker::run(&["wait", id]);
    ecs.stop(&task).await;
    let all = ecs.messages(&group, &stream, 6).await;
    assert_lines(&all[..3], 3);
    assert_lines(&all[3..], 3);
}

async fn what_the_driver_does_not_understand_fails_the_container(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    for (name, value, reason) in [
        (
            "awslogs-multiline-pattern",
            "(",
            "CannotCreateContainerError: Error response from daemon: awslogs could not parse multiline pattern key \"(\"",
        ),
        (
            "mode",
            "sometimes",
            "CannotCreateContainerError: Error response from daemon: logger: logging mode not supported: sometimes",
        ),
    ] {
        let job = logged("job", &["lines", "3"], &group, &[(name, value)]);
        let stopped = ecs.stopped(&run(&ecs, job).await).await;
        let found = stopped.containers()[0].reason().unwrap_or_default();
        assert!(found.starts_with(reason), "{found}");
    }
}

/// `localecs logs` with these words behind the task.
fn localecs_logs(ecs: &Ecs, task: &Task, words: &[&str]) -> Command {
    let mut command = Command::new(compat_tests::program());
    let arn = task.task_arn().expect("an ARN");
    let port = ecs.endpoint.rsplit(':').next().expect("a port");
    command.args(["logs", arn.rsplit('/').next().expect("an id"), "--port", port]).args(words);
    command
}

async fn localecs_logs_shows_what_a_task_prints(ecs: Ecs) {
    let group = random_name("group");
    ecs.log_group(&group);
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(logged("kept", &["lines", "100000", "20"], &group, &[]).build())
        .container_definitions(app("plain", &["lines", "100000", "20"]).build())
        .registered()
        .await;
    let task = ecs.running(&ecs.run_on_ec2(&cluster, &definition).one().await).await;
    let _ = ecs.messages(&group, &stream_of(&task, "kept"), 3).await;
    // Followed while it runs, until it ends.
    let mut follower = localecs_logs(&ecs, &task, &["--follow"]);
    let mut follower = follower.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let last = localecs_logs(&ecs, &task, &["--container", "plain", "--tail", "1"]).output().expect("the program");
    assert!(String::from_utf8_lossy(&last.stdout).starts_with("line "), "{last:?}");
    // It follows: lines come while the task runs.
    let mut output = BufReader::new(follower.stdout.take().expect("its output"));
    let lively = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        for tenth in ["kept | line 10 ", "plain | line 10 "] {
            while !text.contains(tenth) {
                assert!(output.read_line(&mut text).expect("a line") > 0, "{text}");
            }
        }
        (output, text)
    });
    let (mut output, mut text) = lively.await.expect("lines of both");
    ecs.stop(&task).await;
    let ended = tokio::task::spawn_blocking(move || {
        output.read_to_string(&mut text).expect("the rest");
        (text, follower.wait_with_output().expect("the program"))
    });
    let (text, all) = ended.await.expect("it ends");
    assert!(all.status.success(), "{all:?}");
    let of = |name: &str| -> Vec<String> {
        let prefix = format!("{name} | ");
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    for name in ["kept", "plain"] {
        let mut printed = of(name);
        printed.retain(|line| line.starts_with("line "));
        let expected: Vec<_> = (1..=printed.len()).map(|n| format!("line {n} ")).collect();
        assert!(printed.len() > 10 && printed == expected, "{name}: {printed:?}");
    }
    assert!(of("kept").iter().any(|line| line == FAREWELL), "{text}");
    // What was kept can still be read.
    let kept = localecs_logs(&ecs, &task, &["--container", "kept", "--tail", "2"]).output().expect("the program");
    let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert!(kept.lines().count() == 2 && kept.lines().any(|line| line == FAREWELL), "{kept}");
    let gone = localecs_logs(&ecs, &task, &["--container", "plain"]).output().expect("the program");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("give it the log driver awslogs"), "{gone:?}");
    assert_eq!(gone.status.code(), Some(1));
}

/// Lines that are printed while nobody reads, while somebody does, and around kills: each is there once.
#[tokio::test]
async fn no_line_is_lost_or_doubled_by_kills() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let mut server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let (group, cluster) = (random_name("group"), ecs.cluster_with_instance().await);
    ecs.log_group(&group);
    let definition = ecs
        .on_ec2(NetworkMode::Bridge)
        .container_definitions(logged("steady", &["lines", "6000", "1000"], &group, &[]).build())
        .container_definitions(logged("short", &["lines", "700", "1000"], &group, &[]).essential(false).build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let stream = stream_of(&task, "steady");
    for at_least in [300, 1500] {
        let ecs = server.ecs_in(&account, "us-east-1");
        let _ = ecs.messages(&group, &stream, at_least).await;
        server.kill();
        // Printed meanwhile, by a container that ends and one that goes on.
        tokio::time::sleep(Duration::from_millis(700)).await;
        server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    }
    let ecs = server.ecs_in(&account, "us-east-1");
    // It ends while the server is away.
    let _ = ecs.messages(&group, &stream, 4000).await;
    server.kill();
    let arn = task.task_arn().expect("an ARN");
    wait_until("the container to end", Duration::from_secs(30), || async {
        compat_tests::docker::containers_of(arn)
            .iter()
            .all(|(_, id)| compat_tests::docker::inspect(id)["State"]["Running"] == false)
    })
    .await;
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    ecs.stopped(&task).await;
    assert_lines(&ecs.messages(&group, &stream, 6000).await, 6000);
    assert_lines(&ecs.messages(&group, &stream_of(&task, "short"), 700).await, 700);
    server.stop();
}
