//! The official clients of other languages; docker/ensure-clients installs them. Their tests lie in python/ and node/.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use compat_tests::{Runtime, Server, busybox, endpoint_given, random_account, shared};

/// What `docker/ensure-clients` prints: the directory of the clients. `None` where this machine cannot have them.
fn ensured(arguments: &[&str]) -> Option<PathBuf> {
    let script = root().join("docker/ensure-clients");
    let output = Command::new(script).arg("--quiet").args(arguments).output().expect("docker/ensure-clients");
    let problem = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())),
        Some(3) => {
            println!("\n*** SKIPPED: {problem}");
            None
        }
        _ => panic!("docker/ensure-clients failed: {problem}"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// Runs the tests of another language, with the environment that `localecs env` would give.
fn run(command: Command) {
    run_on(shared(Runtime::Docker), &random_account(), command);
}

/// The same with that server and account; the secret is `localecs`.
fn run_on(server: &Server, account: &str, mut command: Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    let nowhere = "/nowhere";
    let output = command
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", account)
        .env("AWS_SECRET_ACCESS_KEY", "localecs")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", nowhere)
        .env("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(root().join("compat-tests"))
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}; the server's log:\n{}", output.status, server.log_from(0));
}

fn python(file: &str) {
    run(unittest(file));
}

fn unittest(file: &str) -> Command {
    let Some(bin) = ensured(&[]) else { panic!("boto3 and the AWS CLI are missing") };
    let mut command = Command::new(bin.join("python"));
    command.args(["-m", "unittest", "-v", file]);
    command
}

#[test]
fn boto3() {
    python("python/test_boto3.py");
}

/// CloudWatch Logs: no container would make a difference.
#[test]
fn cloudwatch_logs() {
    run_on(shared(Runtime::Simulated), &random_account(), unittest("python/test_logs.py"));
}

/// On a server of its own, whose clock is moved.
#[test]
fn capacity_providers_by_boto3() {
    if endpoint_given().is_some() {
        return;
    }
    let server = Server::start(Runtime::Docker, &[]);
    run_on(&server, &random_account(), unittest("python/test_capacity_providers.py"));
    server.stop();
}

#[test]
fn aws_cli() {
    python("python/test_cli.py");
}

/// With the plugin that the CLI needs for it, where that can be had.
#[test]
fn aws_cli_execute_command() {
    let Some(plugin) = ensured(&["--session-manager-plugin"]) else { return };
    let Some(bin) = ensured(&[]) else { panic!("boto3 and the AWS CLI are missing") };
    busybox();
    let mut command = Command::new(bin.join("python"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", plugin.display())).args(["-m", "unittest", "-v", "python/test_exec.py"]);
    run(command);
}

/// EC2 and Auto Scaling: groups whose instances are a cluster's capacity.
#[test]
fn auto_scaling() {
    python("python/test_auto_scaling.py");
}

/// Tests of a command that `docker/ensure-clients` sets up with that flag, where it can be had.
fn with_command(flag: &str, file: &str) -> Option<Command> {
    let directory = ensured(&[flag])?;
    let mut command = unittest(file);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", directory.display()));
    Some(command)
}

#[test]
fn terraform() {
    if let Some(command) = with_command("--terraform", "python/test_terraform.py") {
        run(command);
    }
}

/// No container would make a difference.
#[test]
fn ecs_deploy() {
    if let Some(command) = with_command("--ecs-deploy", "python/test_ecs_deploy.py") {
        run_on(shared(Runtime::Simulated), &random_account(), command);
    }
}

#[test]
fn secrets_by_boto3_and_the_cli() {
    python("python/test_secrets.py");
}

#[test]
fn aws_sdk_for_javascript() {
    let Some(directory) = ensured(&["--node"]) else { return };
    let mut command = Command::new("node");
    command.args(["--test", "--test-concurrency=1"]).arg(directory.join("ecs.test.mjs"));
    run(command);
}

/// On a server that verifies signatures: those of temporary credentials are made with their own secret.
#[test]
fn sts_and_iam() {
    if endpoint_given().is_some() {
        return;
    }
    let account = random_account();
    let credentials = format!("{account}:localecs");
    let server = Server::start(Runtime::Simulated, &["--verify-signatures", "--credentials", &credentials]);
    run_on(&server, &account, unittest("python/test_iam.py"));
    run_on(&server, &account, unittest("python/test_iam_roles.py"));
}

#[test]
fn other_services_are_those_of_the_emulator_behind() {
    if endpoint_given().is_some() {
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let server = Server::start(Runtime::Simulated, &["--upstream-endpoint", &format!("http://{free}")]);
    let mut command = unittest("python/test_upstream.py");
    command.env("UPSTREAM_PORT", free.port().to_string());
    run_on(&server, &random_account(), command);
}

#[test]
fn strict_iam() {
    if endpoint_given().is_some() {
        return;
    }
    let server = Server::start(Runtime::Simulated, &["--strict-iam"]);
    run_on(&server, &random_account(), unittest("python/test_strict_iam.py"));
}
