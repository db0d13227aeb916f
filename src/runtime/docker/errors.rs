//! From what bollard and the engine say to [`RuntimeError`]: the engine's own words are kept, bollard's are not.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use bollard::errors::Error;

use crate::runtime::RuntimeError;
use crate::time::real_sleep;

/// Why a call to the engine failed, before it is known what the call was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The engine answered with this HTTP status and message.
    Refused { status: u16, message: String },
    /// The engine began well and reported an error in the middle of its answer (pulls do).
    Broken(String),
    /// No answer. `io` is the operating system's reason, where it gave one.
    Unavailable { message: String, io: Option<io::ErrorKind> },
    /// No answer in time.
    Timeout(Duration),
    /// An answer that makes no sense, or a request that could not be built.
    Other(String),
}

pub(super) type CallResult<T> = Result<T, CallError>;

/// Runs one call, for at most `limit` of real time: bollard's own timeout does not cover the body of an answer.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Error>>) -> CallResult<T> {
    tokio::select! {
        answer = call => answer.map_err(CallError::from),
        () = real_sleep(limit) => Err(CallError::Timeout(limit)),
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, .. } | Self::Broken(message) | Self::Unavailable { message, .. } => {
                f.write_str(message)
            }
            Self::Timeout(limit) => write!(f, "timed out after waiting {limit:?}"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message: tidy(&message, status_code) }
            }
            Error::DockerStreamError { error } => Self::Broken(error),
            Error::RequestTimeoutError => Self::Other("the engine took too long to answer".to_owned()),
            Error::SocketNotFoundError(path) => Self::Unavailable {
                message: format!("{path}: no such file or directory"),
                io: Some(io::ErrorKind::NotFound),
            },
            // The connection could not be made, or broke before the answer was complete.
            Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } | Error::IOError { .. } => {
                Self::Unavailable { message: root_cause(&error), io: io_kind(&error) }
            }
            other => Self::Other(root_cause(&other)),
        }
    }
}

/// The engine's message in one line; the status where it gave none.
fn tidy(message: &str, status: u16) -> String {
    let message = message.trim();
    if message.is_empty() { format!("the engine answered with HTTP status {status}") } else { message.to_owned() }
}

/// The innermost message of a chain of errors: the outer ones only say which library passed it on.
fn root_cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    while let Some(source) = cause {
        if let Some(io) = source.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = source.source();
    }
    None
}

impl CallError {
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// The name of a new container is taken (Podman says so with status 500).
    pub(super) fn is_name_taken(&self) -> bool {
        matches!(self, Self::Refused { message, .. }
            if message.contains("container name") && message.contains("already in use"))
    }

    /// Sorts the error by `sort` if it is the engine's own; whether the engine is there at all matters more than
    /// what it was asked to do.
    fn sorted(self, sort: impl FnOnce(String) -> RuntimeError) -> RuntimeError {
        match self {
            Self::Refused { message, .. } | Self::Broken(message) | Self::Other(message) => sort(message),
            Self::Unavailable { message, .. } => RuntimeError::Unavailable(message),
            Self::Timeout(limit) => RuntimeError::Timeout(limit),
        }
    }

    pub(super) fn creating(self) -> RuntimeError {
        self.sorted(|message| match about_network(&message) {
            true => RuntimeError::Network { message, overlap: false },
            false => RuntimeError::Create { message },
        })
    }

    pub(super) fn starting(self) -> RuntimeError {
        self.sorted(|message| match about_network(&message) {
            true => RuntimeError::Network { message, overlap: false },
            false => RuntimeError::Start { message },
        })
    }

    pub(super) fn stopping(self) -> RuntimeError {
        self.sorted(|message| RuntimeError::Stop { message })
    }

    pub(super) fn networking(self) -> RuntimeError {
        self.sorted(|message| RuntimeError::Network { overlap: about_overlap(&message), message })
    }

    pub(super) fn about_volume(self) -> RuntimeError {
        self.sorted(|message| RuntimeError::Volume { message })
    }

    /// `manifest` when the image's manifest was not had yet.
    pub(super) fn pulling(self, manifest: bool) -> RuntimeError {
        let retryable = match &self {
            Self::Refused { status, message } => worth_another_pull(Some(*status), message),
            Self::Broken(message) => worth_another_pull(None, message),
            _ => true,
        };
        self.sorted(|message| RuntimeError::Pull { message, retryable, manifest })
    }

    pub(super) fn other(self) -> RuntimeError {
        self.sorted(RuntimeError::Other)
    }
}

/// Whether a container failed for want of its network or its address there. A host port that is taken is not meant:
/// that is the container's own wish, and AWS reports it as a failed start.
fn about_network(message: &str) -> bool {
    let message = message.to_lowercase();
    // What the runtime below the engine says quotes the command: any word can be in it.
    if message.contains("port is already allocated")
        || message.contains("programming external connectivity")
        || message.contains("runtime create failed")
    {
        return false;
    }
    (message.contains("network ") && message.ends_with(" not found"))
        || (message.contains("address already in use") && !message.contains("bind") && !message.contains("port"))
        || (message.contains("ip address") && message.contains("already allocated"))
        || message.contains("failed to create endpoint")
        || message.contains("no available ipv4 addresses")
        || message.contains("subnet")
        || message.contains("cannot join network")
}

/// Whether the addresses of a new network are taken, in Docker's or Podman's words.
fn about_overlap(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("overlap")
        || message.contains("already used on the host")
        || message.contains("already being used")
}

/// Whether the same pull may succeed a little later. The engine has no codes for this, only words.
pub(super) fn worth_another_pull(status: Option<u16>, message: &str) -> bool {
    const FINAL: [&str; 14] = [
        "manifest unknown",
        "name unknown",
        "pull access denied",
        "access to the resource is denied",
        "repository does not exist",
        "no matching manifest",
        "does not match the specified platform",
        "unauthorized",
        "no basic auth credentials",
        "incorrect username or password",
        "invalid reference format",
        "repository name must be",
        "server gave http response to https client",
        "x509:",
    ];
    const PASSING: [&str; 2] = ["toomanyrequests", "rate limit"];
    let message = message.to_lowercase();
    if PASSING.iter().any(|words| message.contains(words)) {
        return true;
    }
    if FINAL.iter().any(|words| message.contains(words)) || message.contains("no space left on device") {
        return false;
    }
    // 404 of the engine: the registry answered that there is no such thing.
    !matches!(status, Some(400 | 401 | 403 | 404))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, message: &str) -> CallError {
        CallError::from(Error::DockerResponseServerError { status_code: status, message: message.to_owned() })
    }

    #[test]
    fn the_engines_words_are_kept_and_bollards_dropped() {
        assert_eq!(
            refused(404, "No such image: nowhere:latest").creating(),
            RuntimeError::Create { message: "No such image: nowhere:latest".into() }
        );
        assert_eq!(refused(500, "").other(), RuntimeError::Other("the engine answered with HTTP status 500".into()));
    }

    #[test]
    fn a_missing_socket_means_the_engine_is_away() {
        let error = CallError::from(Error::SocketNotFoundError("/run/x.sock".into()));
        assert_eq!(error.starting(), RuntimeError::Unavailable("/run/x.sock: no such file or directory".into()));
    }

    #[test]
    fn network_trouble_is_told_from_a_taken_port() {
        let taken = "driver failed programming external connectivity on endpoint x (1): Bind for 0.0.0.0:80 failed: \
                     port is already allocated";
        assert!(matches!(refused(500, taken).starting(), RuntimeError::Start { .. }));
        let command = r#"failed to create shim: OCI runtime create failed: exec: "network x": not found: unknown"#;
        assert!(matches!(refused(400, command).starting(), RuntimeError::Start { .. }));
        assert!(matches!(refused(404, "network vpc not found").starting(), RuntimeError::Network { .. }));
        assert!(matches!(refused(403, "Address already in use").starting(), RuntimeError::Network { .. }));
        for message in [
            "Pool overlaps with other one on this address space",
            "subnet 10.1.0.0/16 is already used on the host or by another config",
        ] {
            let overlap = refused(403, message).networking();
            assert!(matches!(overlap, RuntimeError::Network { overlap: true, .. }));
        }
    }

    #[test]
    fn pulls_are_tried_again_only_where_it_can_help() {
        for (status, message) in [
            (None, "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host"),
            (Some(500), "Get \"https://r/v2/\": net/http: request canceled while waiting for connection"),
            (None, "toomanyrequests: You have reached your pull rate limit."),
            (Some(500), "received unexpected HTTP status: 503 Service Unavailable"),
            (None, "unexpected EOF"),
        ] {
            assert!(worth_another_pull(status, message), "{message}");
        }
        for (status, message) in [
            (Some(404), "manifest for alpine:nope not found: manifest unknown: manifest unknown"),
            (Some(404), "pull access denied for nope, repository does not exist or may require 'docker login'"),
            (None, "no matching manifest for linux/arm64/v8 in the manifest list entries"),
            (Some(400), "invalid reference format: repository name must be lowercase"),
            (Some(500), "Head \"https://r/v2/a/manifests/1\": unauthorized: authentication required"),
        ] {
            assert!(!worth_another_pull(status, message), "{message}");
        }
    }
}
