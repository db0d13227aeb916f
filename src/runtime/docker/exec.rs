//! Commands inside containers, by the engine's exec API.
//!
//! The connection that carries a command's terminal is taken over from HTTP here: bollard would read a terminal's raw
//! bytes as if they could be the frames that commands without a terminal have.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::exec::{CreateExecOptions, ResizeExecOptions};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

use super::connect::{Endpoint, OLDEST_API};
use super::errors::within;
use super::{Engine, limits};
use crate::runtime::exec::{ExecEnds, exec_pair};
use crate::runtime::{ContainerId, Exec, ExecEnd, ExecInput, ExecOutput, ExecSpec, Result, RuntimeError};
use crate::time::{real_sleep, stopwatch};

/// Keys that would detach the terminal from the command: so many that nobody presses them. Without them it would be
/// Ctrl-P, Ctrl-Q, and shells use Ctrl-P.
const DETACH_KEYS: &str = "ctrl-^,ctrl-@,ctrl-^,ctrl-_,ctrl-^,ctrl-@,ctrl-_";
/// What the engine writes to the terminal in place of a command that can't be run.
const COMPLAINT: &[u8] = b"OCI runtime exec failed";
/// A complaint is not longer.
const LONGEST_COMPLAINT: usize = 8192;
/// How long a command may take to end after it was hung up on.
const HANG_UP_GRACE: Duration = Duration::from_secs(3);
/// How long the engine may take to write down an exit code, or to have a terminal that can be resized.
const SETTLED: Duration = Duration::from_secs(2);
/// Ctrl-C, Ctrl-D and Ctrl-\, which end most programs.
const END_KEYS: [&[u8]; 3] = [b"\x03", b"\x04", b"\x1c"];

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Engine {
    pub(super) async fn exec(self: Arc<Self>, container: &ContainerId, spec: &ExecSpec) -> Result<Exec> {
        if self.inspect(container.as_str()).await?.is_none() {
            return Err(RuntimeError::NoSuchContainer(container.to_string()));
        }
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            detach_keys: Some(DETACH_KEYS.to_owned()),
            env: Some(spec.environment.clone()),
            cmd: Some(spec.command.clone()),
            user: spec.user.clone(),
            ..CreateExecOptions::default()
        };
        let created = within(limits::EXEC, self.docker.create_exec(container.as_str(), options)).await;
        let id = created.map_err(|error| match error.is_not_found() {
            true => RuntimeError::NoSuchContainer(container.to_string()),
            false => error.other(),
        })?;
        let attached = tokio::time::timeout(limits::EXEC, attach(&self.endpoint, &id.id)).await;
        let attached = attached.map_err(|_| RuntimeError::Timeout(limits::EXEC))??;
        let (exec, ends) = exec_pair();
        match attached {
            Attached::Terminal(stream) => {
                let command = Command { engine: self, container: container.clone(), id: id.id };
                tokio::spawn(command.run(stream, ends));
            }
            Attached::Refused(message) => {
                // There is room: it is the first.
                let _ = ends.output.try_send(ExecOutput::Ended(ExecEnd::NotStarted(message)));
            }
        }
        Ok(exec)
    }
}

enum Attached {
    Terminal(Box<dyn Stream>),
    /// The engine answered with an error (Podman does, where Docker writes to the terminal).
    Refused(String),
}

/// Starts the command and takes over the connection.
async fn attach(endpoint: &Endpoint, exec: &str) -> Result<Attached> {
    let lost = |error: &dyn std::fmt::Display| RuntimeError::Unavailable(error.to_string());
    let stream: Box<dyn Stream> = match endpoint {
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(|error| lost(&error))?),
        Endpoint::Tcp(address) => Box::new(TcpStream::connect(address).await.map_err(|error| lost(&error))?),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::post(format!("/v{OLDEST_API}/exec/{exec}/start"))
        .header(HOST, "engine")
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "tcp")
        .body(Full::new(Bytes::from_static(br#"{"Detach":false,"Tty":true}"#)))
        .map_err(|error| RuntimeError::Other(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| lost(&error))?;
        return Ok(Attached::Terminal(Box::new(TokioIo::new(upgraded))));
    }
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
    let message: Option<Message> = serde_json::from_slice(&body).ok();
    let message = message.map_or_else(|| format!("the engine answered {status}"), |answer| answer.message);
    Ok(Attached::Refused(message))
}

/// An error as the engine writes it.
#[derive(serde::Deserialize)]
struct Message {
    message: String,
}

/// A command that was started.
struct Command {
    engine: Arc<Engine>,
    container: ContainerId,
    id: String,
}

impl Command {
    async fn run(self, stream: Box<dyn Stream>, ends: ExecEnds) {
        let ExecEnds { mut input, output } = ends;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut held = BytesMut::new();
        let read = tokio::select! {
            read = pass_output(&mut reader, &output, &mut held) => Some(read),
            () = self.pass_input(&mut input, &mut writer) => None,
        };
        let read = match read {
            Some(Passed::All(read)) => read,
            // Nobody is there any more.
            Some(Passed::NobodyListens) | None => {
                self.hang_up(&mut reader, &mut writer).await;
                Ok(())
            }
        };
        let end = self.end(read, &held).await;
        if !held.is_empty() && !matches!(end, ExecEnd::NotStarted(_)) {
            let _ = output.send(ExecOutput::Data(held.freeze())).await;
        }
        let _ = output.send(ExecOutput::Ended(end)).await;
    }

    /// Until the user hangs up. Errors show on the reading side.
    async fn pass_input(&self, input: &mut mpsc::Receiver<ExecInput>, writer: &mut (impl AsyncWrite + Unpin)) {
        while let Some(next) = input.recv().await {
            match next {
                ExecInput::Data(data) => {
                    if writer.write_all(&data).await.is_err() {
                        // There may be output yet, which then ends.
                        std::future::pending::<()>().await;
                    }
                }
                ExecInput::Resize { columns, rows } => self.resize(columns, rows).await,
            }
        }
    }

    async fn resize(&self, columns: u16, rows: u16) {
        let waited = stopwatch();
        loop {
            let size = ResizeExecOptions { height: rows, width: columns };
            let error = match within(limits::EXEC, self.engine.docker.resize_exec(&self.id, size)).await {
                Ok(()) => return,
                Err(error) => error,
            };
            // It may not run yet, or not any more.
            if waited() >= SETTLED || error.is_not_found() {
                tracing::debug!(%error, "a terminal could not be resized");
                return;
            }
            real_sleep(limits::POLL).await;
        }
    }

    /// What became of it, once its output has ended.
    async fn end(&self, read: std::io::Result<()>, held: &[u8]) -> ExecEnd {
        let waited = stopwatch();
        loop {
            let error = match within(limits::INSPECT, self.engine.docker.inspect_exec(&self.id)).await {
                Ok(seen) if seen.running == Some(true) && waited() < SETTLED => {
                    real_sleep(limits::POLL).await;
                    continue;
                }
                Ok(seen) => {
                    let code = seen.exit_code.and_then(|code| i32::try_from(code).ok());
                    if seen.pid.unwrap_or(0) == 0 && held.starts_with(COMPLAINT) {
                        return ExecEnd::NotStarted(String::from_utf8_lossy(held).trim().to_owned());
                    }
                    match (code, read) {
                        (Some(code), _) if seen.running != Some(true) => return ExecEnd::Exited(code),
                        (_, Err(error)) => return ExecEnd::Lost(error.to_string()),
                        (_, Ok(())) => return ExecEnd::Lost("the engine closed the terminal".to_owned()),
                    }
                }
                // Removed together with its container.
                Err(error) if error.is_not_found() => return ExecEnd::Exited(137),
                Err(error) => error,
            };
            return ExecEnd::Lost(error.to_string());
        }
    }

    /// Ends a command that nobody sees any more. Engines let it run on.
    async fn hang_up(&self, reader: &mut (impl AsyncRead + Unpin), writer: &mut (impl AsyncWrite + Unpin)) {
        let process = self.process().await;
        for signal in [Signal::HUP, Signal::KILL] {
            match process {
                Some(process) => {
                    if kill_process(process, signal).is_err() {
                        return;
                    }
                }
                None => {
                    for keys in END_KEYS {
                        if writer.write_all(keys).await.is_err() {
                            return;
                        }
                    }
                }
            }
            let mut sink = tokio::io::sink();
            if tokio::time::timeout(HANG_UP_GRACE, tokio::io::copy(reader, &mut sink)).await.is_ok() {
                return;
            }
        }
        tracing::warn!(container = %self.container, "a command goes on in the container after its session ended");
    }

    /// Its process, where that is one of this machine's and can be seen from here.
    async fn process(&self) -> Option<Pid> {
        let seen = within(limits::INSPECT, self.engine.docker.inspect_exec(&self.id)).await.ok()?;
        let pid = i32::try_from(seen.pid?).ok().filter(|pid| *pid > 0 && seen.running == Some(true))?;
        // The number may be another process' here: then it is in no group of the container's.
        let groups = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cgroup")).ok()?;
        if !self.engine.endpoint.is_local() || !groups.contains(self.container.as_str()) {
            return None;
        }
        Pid::from_raw(pid)
    }
}

enum Passed {
    /// The command's output has ended, or the connection is lost.
    All(std::io::Result<()>),
    NobodyListens,
}

/// Passes the output on, but for what may be the engine's complaint: that is left in `held`.
async fn pass_output(
    reader: &mut (impl AsyncRead + Unpin),
    output: &mpsc::Sender<ExecOutput>,
    held: &mut BytesMut,
) -> Passed {
    let mut first = true;
    loop {
        // Nothing is read that could not be passed on.
        let permit = tokio::select! {
            permit = output.reserve() => permit,
            () = output.closed() => return Passed::NobodyListens,
        };
        let Ok(permit) = permit else { return Passed::NobodyListens };
        let mut piece = BytesMut::with_capacity(16 * 1024);
        let read = tokio::select! {
            read = reader.read_buf(&mut piece) => read,
            () = output.closed() => return Passed::NobodyListens,
        };
        match read {
            Ok(0) => return Passed::All(Ok(())),
            Err(error) => return Passed::All(Err(error)),
            Ok(_) => {}
        }
        // The engine writes its complaint in one go.
        if first && (!held.is_empty() || piece.starts_with(COMPLAINT)) {
            held.unsplit(piece);
            if held.len() < LONGEST_COMPLAINT {
                continue;
            }
            piece = std::mem::take(held);
        }
        first = false;
        permit.send(ExecOutput::Data(piece.freeze()));
    }
}
