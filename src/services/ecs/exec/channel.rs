//! Pure: the data channel's state machine, from LocalECS's end of it, which is the SSM agent's in the container.
//!
//! Frames, output of the command and the time go in; [`Event`]s come out. The channel starts with a handshake. Then
//! whatever it sends has a sequence number and is sent again until the client acknowledges it, and what the client
//! sends is acknowledged, put in order and handed on once. Time is a [`Duration`] since the channel was made.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::message::{ALONE, Kind, Message, payload_type};
use super::payload::{
    Acknowledged, ChannelClosed, HandshakeComplete, HandshakeRequest, HandshakeResponse, Properties, RequestedAction,
    SessionType, Size, json,
};
use crate::ids::IdSource;

/// What the agent says it is. Clients know by it what it can do; this one needs none of the extras.
const AGENT_VERSION: &str = "3.3.0.0";
/// The kind of session that ECS opens.
const SESSION_TYPE: &str = "InteractiveCommands";
/// Bytes of output in one message.
const CHUNK: usize = 1024;
/// How many messages may wait for their acknowledgement before the command has to.
const WINDOW: usize = 512;
/// How far ahead of the next message others are kept.
const AHEAD: i64 = 1024;
/// How much input is kept for a command that has not started.
const EARLY: usize = 1024;

const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(15);
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>: idle for 20 minutes.
const IDLE_PATIENCE: Duration = Duration::from_secs(20 * 60);
/// How long a message may stay without an acknowledgement.
const ACKNOWLEDGE_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The same once the command has ended.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(5);
const FIRST_TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(1);
const GRANULARITY: f64 = 0.01;

/// A flag of the client's that ends the session. The others are about ports.
const TERMINATE_SESSION: u32 = 2;

const HANDSHAKE_TIMED_OUT: &str =
    "Handshake timed out. Please ensure that you have the latest version of the session manager plugin.";
const IDLE: &str = "Session timed out due to inactivity.";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A binary frame for the client.
    Send(Vec<u8>),
    /// The handshake is done: run the command.
    Start,
    /// For the command.
    Input(Vec<u8>),
    Resize {
        columns: u16,
        rows: u16,
    },
    /// Nothing follows: close the websocket, and hang up on the command if it still runs.
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Handshake,
    Open,
    /// The command has ended; what it said is still on its way.
    Farewell {
        output: String,
        since: Duration,
    },
    Ended,
}

#[derive(Debug)]
struct Unacknowledged {
    sequence: i64,
    frame: Vec<u8>,
    first_sent: Duration,
    last_sent: Duration,
}

#[derive(Debug)]
pub(super) struct Channel {
    ids: IdSource,
    session: Arc<str>,
    target: String,
    /// For the user, once the handshake is done.
    greeting: String,
    /// When the channel was made, in milliseconds since the epoch.
    epoch: u64,
    stage: Stage,
    events: VecDeque<Event>,
    next_sequence: i64,
    unacknowledged: VecDeque<Unacknowledged>,
    paused: bool,
    expected: i64,
    ahead: BTreeMap<i64, Message>,
    early: Vec<Event>,
    last_activity: Duration,
    /// When a message was acknowledged the last time: then the turn of the oldest one came.
    last_progress: Duration,
    /// Seconds.
    round_trip: f64,
    variation: f64,
    timeout: Duration,
}

impl Channel {
    /// A channel whose client has shown its token. `target` is what the client calls the container, `greeting` is
    /// shown to its user.
    pub(super) fn open(ids: IdSource, session: Arc<str>, target: String, greeting: String, epoch: u64) -> Self {
        let mut channel = Self {
            ids,
            session,
            target,
            greeting,
            epoch,
            stage: Stage::Handshake,
            events: VecDeque::new(),
            next_sequence: 0,
            unacknowledged: VecDeque::new(),
            paused: false,
            expected: 0,
            ahead: BTreeMap::new(),
            early: Vec::new(),
            last_activity: Duration::ZERO,
            last_progress: Duration::ZERO,
            round_trip: 0.1,
            variation: 0.0,
            timeout: FIRST_TIMEOUT,
        };
        channel.send_alone(Kind::StartPublication, Vec::new(), Duration::ZERO);
        let request = HandshakeRequest {
            agent_version: AGENT_VERSION.to_owned(),
            requested_client_actions: vec![RequestedAction {
                action_type: "SessionType".to_owned(),
                action_parameters: SessionType { session_type: SESSION_TYPE.to_owned(), properties: Properties {} },
            }],
        };
        channel.send_in_order(payload_type::HANDSHAKE_REQUEST, json(&request), Duration::ZERO);
        channel
    }

    /// What has become to be done since the last call, in order.
    pub(super) fn events(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether there is room for more output of the command.
    pub(super) fn accepts_output(&self) -> bool {
        self.stage == Stage::Open && !self.paused && self.unacknowledged.len() < WINDOW
    }

    /// The command said something.
    pub(super) fn output(&mut self, data: &[u8], now: Duration) {
        if self.stage != Stage::Open {
            return;
        }
        self.last_activity = now;
        for chunk in chunks(data) {
            self.send_in_order(payload_type::OUTPUT, chunk.to_vec(), now);
        }
    }

    /// The command has ended, or could not begin: all that was said is delivered, then the channel closes. `output` is
    /// shown to the user; empty when there is nothing to say.
    pub(super) fn finish(&mut self, output: &str, now: Duration) {
        if matches!(self.stage, Stage::Handshake | Stage::Open) {
            self.stage = Stage::Farewell { output: output.to_owned(), since: now };
            self.tick(now);
        }
    }

    /// A binary frame of the client. Without `room`, input is not taken now: the client will send it again.
    pub(super) fn receive(&mut self, frame: &[u8], room: bool, now: Duration) {
        if self.stage == Stage::Ended {
            return;
        }
        let message = match Message::decode(frame) {
            Ok(message) => message,
            Err(error) => {
                // It is not acknowledged, so a good one may follow.
                tracing::debug!(%error, "a frame of the data channel is no message");
                return;
            }
        };
        match message.kind {
            Kind::Acknowledge => self.acknowledged(&message, now),
            Kind::Input => self.input(message, room, now),
            Kind::PausePublication => self.paused = true,
            Kind::StartPublication => self.paused = false,
            Kind::Output | Kind::ChannelClosed | Kind::Other(_) => {
                tracing::debug!(kind = message.kind.as_str(), "a message that a client does not send");
            }
        }
        // The last acknowledgement may have been what the end was waiting for.
        self.tick(now);
    }

    /// Does what is due: sending again, giving up.
    pub(super) fn tick(&mut self, now: Duration) {
        match &self.stage {
            Stage::Ended => return,
            Stage::Handshake if now >= HANDSHAKE_PATIENCE => return self.close(HANDSHAKE_TIMED_OUT.to_owned(), now),
            Stage::Open if now >= self.last_activity + IDLE_PATIENCE => return self.close(IDLE.to_owned(), now),
            Stage::Farewell { output, since }
                if self.unacknowledged.is_empty() || now >= *since + FAREWELL_PATIENCE =>
            {
                let output = output.clone();
                return self.close(output, now);
            }
            Stage::Handshake | Stage::Open | Stage::Farewell { .. } => {}
        }
        let Some(oldest) = self.unacknowledged.front_mut() else { return };
        if now >= oldest.first_sent.max(self.last_progress) + ACKNOWLEDGE_PATIENCE {
            self.close(String::new(), now);
        } else if now >= oldest.last_sent.max(self.last_progress) + self.timeout {
            oldest.last_sent = now;
            self.events.push_back(Event::Send(oldest.frame.clone()));
        }
    }

    /// When [`Channel::tick`] has something to do next; `None` when it is over.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let own = match &self.stage {
            Stage::Handshake => HANDSHAKE_PATIENCE,
            Stage::Open => self.last_activity + IDLE_PATIENCE,
            Stage::Farewell { since, .. } => *since + FAREWELL_PATIENCE,
            Stage::Ended => return None,
        };
        let again = self.unacknowledged.front().map(|oldest| oldest.last_sent.max(self.last_progress) + self.timeout);
        Some(again.map_or(own, |again| own.min(again)))
    }

    /// Closes the channel at once. `output` is shown to the user.
    pub(super) fn close(&mut self, output: String, now: Duration) {
        if self.stage == Stage::Ended {
            return;
        }
        let id = self.new_id();
        let closed = ChannelClosed {
            message_id: id.to_string(),
            created_date: self.date(now).to_string(),
            destination_id: self.target.clone(),
            session_id: self.session.to_string(),
            message_type: Kind::ChannelClosed.as_str().to_owned(),
            schema_version: 1,
            output,
        };
        self.send_alone(Kind::ChannelClosed, json(&closed), now);
        self.events.push_back(Event::End);
        self.stage = Stage::Ended;
    }

    fn input(&mut self, message: Message, room: bool, now: Duration) {
        let sequence = message.sequence;
        if sequence < self.expected {
            // Its acknowledgement was lost.
            return self.acknowledge(&message, now);
        }
        let is_data = message.payload_type == payload_type::OUTPUT;
        let refused = is_data && (!room || (self.stage == Stage::Handshake && self.early.len() >= EARLY));
        if refused || sequence - self.expected >= AHEAD {
            return;
        }
        self.acknowledge(&message, now);
        self.ahead.insert(sequence, message);
        while let Some(next) = self.ahead.remove(&self.expected) {
            self.expected += 1;
            self.take(&next, now);
        }
    }

    /// The next of the client's messages, in order.
    fn take(&mut self, message: &Message, now: Duration) {
        match message.payload_type {
            payload_type::OUTPUT => {
                self.last_activity = now;
                self.hand_on(Event::Input(message.payload.clone()));
            }
            payload_type::SIZE => {
                let size = serde_json::from_slice::<Size>(&message.payload).ok();
                let side = |length: u32| u16::try_from(length).ok().filter(|length| *length > 0);
                if let Some((columns, rows)) = size.and_then(|size| side(size.cols).zip(side(size.rows))) {
                    self.hand_on(Event::Resize { columns, rows });
                }
            }
            payload_type::HANDSHAKE_RESPONSE => self.handshake_response(&message.payload, now),
            payload_type::FLAG => {
                let flag = message.payload.as_slice().try_into().map(u32::from_be_bytes);
                if flag.is_ok_and(|flag| flag == TERMINATE_SESSION) {
                    self.close(String::new(), now);
                }
            }
            other => tracing::debug!(payload_type = other, "a payload that is nothing to a shell"),
        }
    }

    /// Hands on what is for the command; holds it back until the command is there.
    fn hand_on(&mut self, event: Event) {
        match self.stage {
            Stage::Handshake => self.early.push(event),
            Stage::Open => self.events.push_back(event),
            Stage::Farewell { .. } | Stage::Ended => {}
        }
    }

    fn handshake_response(&mut self, payload: &[u8], now: Duration) {
        if self.stage != Stage::Handshake {
            return;
        }
        let response: HandshakeResponse = match serde_json::from_slice(payload) {
            Ok(response) => response,
            Err(error) => return self.close(format!("The handshake response is not understood: {error}"), now),
        };
        let failed = response
            .processed_client_actions
            .iter()
            .flatten()
            .find(|action| action.action_type == "SessionType" && action.action_status != 1);
        if let Some(action) = failed {
            return self.close(format!("Failed to process action SessionType: {}", action.error), now);
        }
        let complete = HandshakeComplete {
            handshake_time_to_complete: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            customer_message: std::mem::take(&mut self.greeting),
        };
        self.stage = Stage::Open;
        self.last_activity = now;
        self.send_in_order(payload_type::HANDSHAKE_COMPLETE, json(&complete), now);
        self.events.push_back(Event::Start);
        self.events.extend(self.early.drain(..));
    }

    fn acknowledged(&mut self, message: &Message, now: Duration) {
        let Ok(content) = serde_json::from_slice::<Acknowledged>(&message.payload) else { return };
        let sequence = content.acknowledged_message_sequence_number;
        let Some(place) = self.unacknowledged.iter().position(|sent| sent.sequence == sequence) else { return };
        self.last_progress = now;
        if let Some(sent) = self.unacknowledged.remove(place)
            // Which of two sendings was acknowledged is not known.
            && sent.first_sent == sent.last_sent
        {
            self.measured(now.saturating_sub(sent.first_sent));
        }
    }

    /// Adapts the timeout to a round trip, as the plugin does (RFC 6298).
    fn measured(&mut self, round_trip: Duration) {
        let round_trip = round_trip.as_secs_f64();
        self.variation = 0.75 * self.variation + 0.25 * (self.round_trip - round_trip).abs();
        self.round_trip = 0.875 * self.round_trip + 0.125 * round_trip;
        let timeout = Duration::from_secs_f64(self.round_trip + (4.0 * self.variation).max(GRANULARITY));
        self.timeout = timeout.clamp(FIRST_TIMEOUT, LONGEST_TIMEOUT);
    }

    fn acknowledge(&mut self, message: &Message, now: Duration) {
        let content = Acknowledged {
            acknowledged_message_type: message.kind.as_str().to_owned(),
            acknowledged_message_id: message.id.to_string(),
            acknowledged_message_sequence_number: message.sequence,
            is_sequential_message: true,
        };
        self.send_alone(Kind::Acknowledge, json(&content), now);
    }

    /// Sends a message that is acknowledged by nobody.
    fn send_alone(&mut self, kind: Kind, payload: Vec<u8>, now: Duration) {
        let id = self.new_id();
        let message =
            Message { kind, created: self.date(now), sequence: 0, flags: ALONE, id, payload_type: 0, payload };
        self.events.push_back(Event::Send(message.encode()));
    }

    fn send_in_order(&mut self, payload_type: u32, payload: Vec<u8>, now: Duration) {
        let sequence = self.next_sequence;
        let message = Message {
            kind: Kind::Output,
            created: self.date(now),
            sequence,
            // The first of the stream says so.
            flags: u64::from(sequence == 0),
            id: self.new_id(),
            payload_type,
            payload,
        };
        self.next_sequence += 1;
        let frame = message.encode();
        self.events.push_back(Event::Send(frame.clone()));
        self.unacknowledged.push_back(Unacknowledged { sequence, frame, first_sent: now, last_sent: now });
    }

    fn new_id(&self) -> Uuid {
        Uuid::parse_str(&self.ids.uuid()).unwrap_or_default()
    }

    /// Milliseconds since the epoch; never 0, which clients take for a missing date.
    fn date(&self, now: Duration) -> u64 {
        self.epoch.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)).max(1)
    }
}

/// Pieces for one message each; a character that is encoded in several bytes is not cut where that can be helped.
fn chunks(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if data.is_empty() {
            return None;
        }
        let mut end = data.len().min(CHUNK);
        if end < data.len() {
            let begins = |at: usize| data[at] & 0xc0 != 0x80;
            end = (end - 3..=end).rev().find(|at| begins(*at)).unwrap_or(end);
        }
        let (chunk, rest) = data.split_at(end);
        data = rest;
        Some(chunk)
    })
}
