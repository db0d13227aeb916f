//! One session: the websocket of a client, the channel's state machine, and a command in a container.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use super::channel::{Channel, Event};
use super::complaint::start_error;
use super::payload::OpenDataChannel;
use super::sessions::Purpose;
use crate::runtime::{ContainerRuntime, Exec, ExecEnd, ExecInput, ExecOutput, ExecSpec, RuntimeError};
use crate::services::Shared;
use crate::time::{real_sleep, stopwatch};

/// How long a client may take to show its token, and to take a frame.
const TOKEN_PATIENCE: Duration = Duration::from_secs(10);
const SEND_PATIENCE: Duration = Duration::from_secs(60);
/// How much input may wait for the command to read it.
const INPUT_LIMIT: usize = 256 * 1024;
/// The agent of ECS runs as root whatever the container's user is, and so does what it starts.
const USER: &str = "0";
/// What the agent gives to what it starts, besides the environment of the container.
const ENVIRONMENT: &str = "TERM=xterm-256color";

type Starting = Pin<Box<dyn Future<Output = Result<Exec, RuntimeError>> + Send>>;

/// Serves a websocket to its end.
pub(super) async fn serve(
    mut socket: WebSocket,
    session: String,
    shared: Arc<Shared>,
    runtime: Arc<dyn ContainerRuntime>,
) {
    let closing = shared.exec.closing();
    let Some(purpose) = admitted(&mut socket, &session, &shared).await else {
        let frame = CloseFrame { code: close_code::POLICY, reason: "the token is not valid".into() };
        let _ = socket.send(Message::Close(Some(frame))).await;
        return;
    };
    let span = tracing::debug_span!("exec", session, target = purpose.target);
    let session: Arc<str> = session.into();
    async {
        tracing::debug!("a session begins");
        let epoch = u64::try_from(shared.clock.now().as_millis()).unwrap_or(0);
        let Purpose { target, container, command, greeting } = purpose;
        let channel = Channel::open(shared.ids.clone(), session, target, greeting, epoch);
        let spec = ExecSpec { command, user: Some(USER.to_owned()), environment: vec![ENVIRONMENT.to_owned()] };
        let start = Box::pin(async move { runtime.exec(&container, &spec).await });
        let command = Command { idle: Some(start), ..Command::default() };
        Session { socket, channel, command, closing }.run().await;
        tracing::debug!("the session has ended");
    }
    .instrument(span)
    .await;
}

/// What the session is for, if the client shows the right token.
async fn admitted(socket: &mut WebSocket, session: &str, shared: &Shared) -> Option<Purpose> {
    let first = tokio::time::timeout(TOKEN_PATIENCE, async {
        loop {
            match socket.recv().await? {
                Ok(Message::Text(text)) => return Some(text),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Binary(_) | Message::Close(_)) | Err(_) => return None,
            }
        }
    });
    let text = first.await.ok()??;
    let open: OpenDataChannel = serde_json::from_str(&text).ok()?;
    let purpose = shared.exec.redeem(session, &open.token_value);
    tracing::debug!(
        session,
        client = open.client_id,
        version = open.client_version,
        admitted = purpose.is_some(),
        "a client opens its data channel"
    );
    purpose
}

struct Session {
    socket: WebSocket,
    channel: Channel,
    command: Command,
    closing: watch::Receiver<bool>,
}

/// The command, before it runs and while it does. Dropping it hangs up.
#[derive(Default)]
struct Command {
    /// Not asked for yet.
    idle: Option<Starting>,
    starting: Option<Starting>,
    output: Option<mpsc::Receiver<ExecOutput>>,
    input: Option<mpsc::Sender<ExecInput>>,
    /// Input that the command has not read yet.
    waiting: VecDeque<ExecInput>,
    waiting_bytes: usize,
}

impl Session {
    async fn run(mut self) {
        let time = stopwatch();
        loop {
            for event in self.channel.events() {
                match event {
                    Event::Send(frame) => {
                        let sent = tokio::time::timeout(SEND_PATIENCE, self.socket.send(Message::Binary(frame.into())));
                        if !matches!(sent.await, Ok(Ok(()))) {
                            return;
                        }
                    }
                    Event::Start => self.command.starting = self.command.idle.take(),
                    Event::Input(data) => self.command.enqueue(ExecInput::Data(data.into())),
                    Event::Resize { columns, rows } => self.command.enqueue(ExecInput::Resize { columns, rows }),
                    Event::End => {
                        let _ = tokio::time::timeout(SEND_PATIENCE, self.socket.send(Message::Close(None))).await;
                        return;
                    }
                }
            }
            let room = self.command.waiting_bytes < INPUT_LIMIT;
            let takes_output = self.channel.accepts_output();
            let due = self.channel.deadline().unwrap_or_default().saturating_sub(time());
            tokio::select! {
                frame = self.socket.recv() => match frame {
                    Some(Ok(Message::Binary(frame))) => self.channel.receive(&frame, room, time()),
                    Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_))) => {}
                    // The client is gone.
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                happened = self.command.next(takes_output) => match happened {
                    Happened::Nothing => {}
                    Happened::Output(data) => self.channel.output(&data, time()),
                    Happened::Ended(why) => {
                        self.command = Command::default();
                        self.channel.finish(&why, time());
                    }
                },
                () = real_sleep(due) => self.channel.tick(time()),
                _ = self.closing.wait_for(|closing| *closing) => {
                    self.channel.close("LocalECS is stopping.".to_owned(), time());
                }
            }
        }
    }
}

enum Happened {
    /// Something that only concerns the command.
    Nothing,
    Output(Bytes),
    /// It has ended; the text is for the user, and may be empty.
    Ended(String),
}

impl Command {
    fn enqueue(&mut self, input: ExecInput) {
        if let ExecInput::Data(data) = &input {
            self.waiting_bytes += data.len();
        }
        self.waiting.push_back(input);
    }

    /// What happens next with the command. May be dropped while it waits, without loss.
    async fn next(&mut self, takes_output: bool) -> Happened {
        let Self { starting, output, input, waiting, waiting_bytes, .. } = self;
        if let Some(start) = starting {
            let started = start.await;
            *starting = None;
            return match started {
                Ok(exec) => {
                    *output = Some(exec.output);
                    *input = Some(exec.input);
                    Happened::Nothing
                }
                Err(error) => Happened::Ended(start_error(&error.to_string())),
            };
        }
        let said = async {
            match output {
                Some(output) if takes_output => output.recv().await,
                _ => pending().await,
            }
        };
        let taken = async {
            match input {
                Some(input) if !waiting.is_empty() => match input.reserve().await {
                    Ok(permit) => {
                        if let Some(next) = waiting.pop_front() {
                            if let ExecInput::Data(data) = &next {
                                *waiting_bytes -= data.len();
                            }
                            permit.send(next);
                        }
                    }
                    // It has ended, and its output will say so.
                    Err(_) => pending().await,
                },
                _ => pending().await,
            }
        };
        tokio::select! {
            said = said => match said {
                Some(ExecOutput::Data(data)) => Happened::Output(data),
                Some(ExecOutput::Ended(ExecEnd::NotStarted(message))) => Happened::Ended(start_error(&message)),
                Some(ExecOutput::Ended(ExecEnd::Exited(code))) => {
                    tracing::debug!(code, "the command has ended");
                    Happened::Ended(String::new())
                }
                Some(ExecOutput::Ended(ExecEnd::Lost(why))) => Happened::Ended(format!("The connection was lost: {why}")),
                None => Happened::Ended(String::new()),
            },
            () = taken => Happened::Nothing,
        }
    }
}
