//! ECS's words for what went wrong.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>

use std::time::Duration;

use api_models::ecs::LaunchType;

use crate::logstore::LogStoreError;
use crate::runtime::{Exit, RuntimeError};
use crate::s3::S3Error;
use crate::services::ecs::resources::{Container, Task};

pub(super) const ESSENTIAL_CONTAINER_EXITED: &str = "Essential container in task exited";
pub(super) const TASK_FAILED_TO_START: &str = "Task failed to start";
/// What the ECS agent says of a container it knew and the engine does not.
pub(super) const VANISHED: &str = "ContainerVanishedError: No container matching saved ID found";

/// The reason of a container whose image could not be had. Fargate and the ECS agent say it differently.
pub(super) fn pull_failed(task: &Task, image: &str, attempts: u32, error: &RuntimeError) -> String {
    match error {
        RuntimeError::Timeout(waited) => timed_out("pulled", *waited),
        error if is_fargate(task) => format!(
            "CannotPullContainerError: pull image manifest has been retried {attempts} time(s): failed to resolve ref \
             {}: {error}",
            full_reference(image)
        ),
        // The ECS agent resolves tags first; what is named by digest needs no resolving.
        RuntimeError::Pull { manifest: true, .. } if !image.contains('@') => {
            format!("CannotPullImageManifestError: {}", from_daemon(error))
        }
        error => format!("CannotPullContainerError: {}", from_daemon(error)),
    }
}

/// The reason of a container whose image is there, but not for the platform that the task definition names.
pub(super) fn wrong_platform(task: &Task, platform: &str) -> String {
    let message = format!("image Manifest does not contain descriptor matching platform '{platform}'");
    match is_fargate(task) {
        true => format!("CannotPullContainerError: pull image manifest has been retried 1 time(s): {message}"),
        false => format!("CannotPullContainerError: {message}"),
    }
}

pub(super) fn create_failed(error: &RuntimeError) -> String {
    match error {
        RuntimeError::Timeout(waited) => timed_out("created", *waited),
        error => format!("CannotCreateContainerError: {}", from_daemon(error)),
    }
}

/// The reason of a container whose log driver can't be set up: Fargate checks that before there is a container.
pub(super) fn log_options_refused(task: &Task, message: &str) -> String {
    match is_fargate(task) {
        true => format!("ResourceInitializationError: failed to validate logger args: {message} : exit status 1"),
        false => format!("CannotCreateContainerError: Error response from daemon: {message}"),
    }
}

/// The reason of a container whose log stream can't be made.
pub(super) fn log_stream_failed(task: &Task, error: &LogStoreError) -> String {
    let code = match error {
        LogStoreError::NoSuchGroup | LogStoreError::NoSuchStream => "ResourceNotFoundException: ",
        _ => "",
    };
    let message = format!("failed to create Cloudwatch log stream: {code}{error}");
    match is_fargate(task) {
        true => log_options_refused(task, &format!("create stream has been retried 1 times: {message}")),
        false => format!(
            "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: {message}"
        ),
    }
}

pub(super) fn start_failed(error: &RuntimeError) -> String {
    match error {
        RuntimeError::Timeout(waited) => timed_out("started", *waited),
        error => format!("CannotStartContainerError: {}", from_daemon(error)),
    }
}

pub(super) fn network_failed(error: &RuntimeError) -> String {
    match error {
        RuntimeError::Timeout(_) => "Timeout waiting for network interface provisioning to complete.".to_owned(),
        error => format!("ContainerNetworkingError: {error}"),
    }
}

/// In EC2's words, which ECS hands on.
pub(super) fn subnet_full(subnet_id: &str) -> String {
    format!(
        "Unexpected EC2 error while attempting to Create Network Interface in subnet '{subnet_id}': \
         InsufficientFreeAddressesInSubnet"
    )
}

/// Why the task has no volume. The ECS agent passes the engine's words on, Fargate puts a name before them.
pub(super) fn volume_failed(task: &Task, error: &RuntimeError) -> String {
    match error {
        RuntimeError::Timeout(waited) => timed_out("created", *waited),
        error if is_fargate(task) => format!("CannotCreateVolumeError: {}", from_daemon(error)),
        error => from_daemon(error),
    }
}

/// A shared volume that is not to be made, and is not there.
pub(super) fn no_such_volume(task: &Task, name: &str) -> String {
    format!(
        "resource cannot be initialized for task {}: initialize volume: volume detection failed, volume '{name}' does \
         not exist and autoprovision is set to false: Error response from daemon: get {name}: no such volume",
        task.key.arn()
    )
}

/// In EC2's words, which ECS hands on: there is nothing that makes snapshots.
pub(super) fn no_snapshot(snapshot: &str) -> String {
    format!("The snapshot '{snapshot}' does not exist.")
}

/// An environment file whose ARN is none of an object in S3.
pub(super) fn env_file_arn(task: &Task, arn: &str) -> String {
    match is_fargate(task) {
        true => format!("invalid s3 arn {arn}"),
        false => format!(
            "unable to parse bucket and key from s3 ARN specified in environmentFile {arn}, error: invalid s3 ARN"
        ),
    }
}

/// An environment file that can't be read.
pub(super) fn env_file_failed(task: &Task, bucket: &str, key: &str, error: &S3Error) -> String {
    match is_fargate(task) {
        true => format!("failed to download s3://{bucket}/{key}: {error}"),
        false => format!("unable to download env file with key {key} from bucket {bucket}, error: {error}"),
    }
}

/// Why the task has no environment files: the ECS agent tells all faults, Fargate the first.
pub(super) fn env_files_failed(task: &Task, faults: &[String]) -> String {
    match is_fargate(task) {
        true => format!(
            "ResourceInitializationError: failed to download env files: file download command: non empty error stream: \
             {}",
            faults.first().map(String::as_str).unwrap_or_default()
        ),
        false => faults.join(";"),
    }
}

/// The reason of a container that ended; most have none.
pub(super) fn exit_reason(exit: &Exit) -> Option<String> {
    if exit.oom_killed {
        return Some("OutOfMemoryError: Container killed due to memory usage".to_owned());
    }
    exit.error.as_ref().map(|error| format!("CannotStartContainerError: Error response from daemon: {error}"))
}

/// What an ECS agent reports as the exit code of a container that it never started for want of another: that of
/// SIGTERM, although none was sent.
pub(super) const DEPENDENCY_FAILED_EXIT_CODE: i32 = 143;

/// Why a dependency can't come to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// The container depended on did not get there within its `startTimeout`.
    TimedOut,
    /// It ended with another exit code than 0.
    NoSuccess,
    /// It was never started.
    NeverStarts,
    /// It ended otherwise.
    Ended,
}

/// The reason of a container that can't start because of another, as amazon-ecs-agent's dependency graph words it:
/// `[name(image) (status->desired status) - Exit: code]`.
pub(super) fn dependency_failed(name: &str, image: &str, other: &Container, hindrance: Hindrance) -> String {
    let status = match hindrance {
        Hindrance::TimedOut => "RUNNING->RUNNING",
        Hindrance::NeverStarts => "NONE->STOPPED",
        Hindrance::NoSuccess | Hindrance::Ended => "STOPPED->RUNNING",
    };
    let exit = other.exit_code.map(|code| format!(" - Exit: {code}")).unwrap_or_default();
    let dependency = format!("[{}({}) ({status}){exit}]", other.name, other.image);
    let target = format!("for target [{name}({image}) (NONE->RUNNING)]");
    let words = match hindrance {
        Hindrance::TimedOut => format!("container ordering dependency {dependency} {target} has timed out."),
        Hindrance::NoSuccess => format!(
            "failed to resolve container ordering dependency {dependency} {target} as dependency did not exit \
             successfully."
        ),
        Hindrance::NeverStarts => format!(
            "failed to resolve container ordering dependency {dependency} {target} because dependency will never start"
        ),
        Hindrance::Ended => format!("failed to resolve the container ordering dependency {dependency} {target}"),
    };
    format!("CannotStartContainerError: dependency graph: {words}")
}

/// The task's reason for a failure to start: Fargate repeats the container's.
pub(super) fn task_failed_to_start(task: &Task, container: &str) -> String {
    if is_fargate(task) { container.to_owned() } else { TASK_FAILED_TO_START.to_owned() }
}

pub(super) fn is_fargate(task: &Task) -> bool {
    task.launch_type == Some(LaunchType::Fargate)
        || task.capacity_provider.as_deref().is_some_and(|name| matches!(name, "FARGATE" | "FARGATE_SPOT"))
}

/// As Docker's command line puts the engine's answers, and the agent with it.
fn from_daemon(error: &RuntimeError) -> String {
    format!("Error response from daemon: {error}")
}

fn timed_out(transition: &str, waited: Duration) -> String {
    format!("DockerTimeoutError: Could not transition to {transition}; timed out after waiting {}", go_duration(waited))
}

/// As Go writes durations: `4m0s`, `2h0m0s`, `1.5s`.
fn go_duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = match millis {
        0 => format!("{}s", seconds % 60),
        millis => format!("{}.{}s", seconds % 60, format!("{millis:03}").trim_end_matches('0')),
    };
    match (hours, minutes) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}

/// The reference with the registry and tag that Docker adds to short names.
fn full_reference(image: &str) -> String {
    let tagged = match image.rsplit_once('/').map_or(image, |(_, last)| last) {
        last if last.contains([':', '@']) => image.to_owned(),
        _ => format!("{image}:latest"),
    };
    match tagged.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => tagged,
        Some(_) => format!("docker.io/{tagged}"),
        None => format!("docker.io/library/{tagged}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_like_gos() {
        let go = |millis| go_duration(Duration::from_millis(millis));
        assert_eq!(
            [go(240_000), go(7_200_000), go(1_500), go(90_250)],
            ["4m0s", "2h0m0s", "1.5s", "1m30.25s"].map(str::to_owned)
        );
    }

    #[test]
    fn references_are_completed_as_docker_does() {
        assert_eq!(full_reference("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full_reference("a/b:1"), "docker.io/a/b:1");
        assert_eq!(full_reference("localhost:5000/x"), "localhost:5000/x:latest");
        assert_eq!(full_reference("x@sha256:0"), "docker.io/library/x@sha256:0");
    }

    #[test]
    fn engine_errors_are_quoted() {
        let error = RuntimeError::Start { message: "driver failed: port is already allocated".into() };
        assert_eq!(
            start_failed(&error),
            "CannotStartContainerError: Error response from daemon: driver failed: port is already allocated"
        );
        assert_eq!(
            create_failed(&RuntimeError::Timeout(Duration::from_secs(240))),
            "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"
        );
    }
}
