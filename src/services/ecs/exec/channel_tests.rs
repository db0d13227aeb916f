//! The data channel against a client in memory, over a network that loses, doubles and mixes up frames.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::channel::{Channel, Event};
use super::message::{Kind, Message, payload_type};
use super::payload::{
    Acknowledged, ChannelClosed, HandshakeComplete, HandshakeRequest, HandshakeResponse, ProcessedAction, Size, json,
};
use crate::ids::IdSource;

const STEP: Duration = Duration::from_millis(20);

/// A client as the plugin is one.
#[derive(Default)]
struct Client {
    expected: i64,
    ahead: BTreeMap<i64, Message>,
    next: i64,
    unacknowledged: VecDeque<(i64, Vec<u8>, Duration)>,
    to_send: Vec<Vec<u8>>,
    output: Vec<u8>,
    greeting: Option<String>,
    closed: Option<String>,
}

impl Client {
    fn send(&mut self, payload_type: u32, payload: Vec<u8>, now: Duration) {
        let sequence = self.next;
        self.next += 1;
        let frame = message(Kind::Input, sequence, payload_type, payload).encode();
        self.to_send.push(frame.clone());
        self.unacknowledged.push_back((sequence, frame, now));
    }

    fn receive(&mut self, frame: &[u8], now: Duration) {
        let message = Message::decode(frame).expect("the channel sends messages");
        assert!(message.created > 0 && message.id != Uuid::nil());
        match message.kind {
            Kind::Acknowledge => {
                let content: Acknowledged = serde_json::from_slice(&message.payload).expect("an acknowledgement");
                assert_eq!(content.acknowledged_message_type, "input_stream_data");
                self.unacknowledged.retain(|(sequence, ..)| *sequence != content.acknowledged_message_sequence_number);
            }
            Kind::Output => {
                let content = Acknowledged {
                    acknowledged_message_type: "output_stream_data".to_owned(),
                    acknowledged_message_id: message.id.to_string(),
                    acknowledged_message_sequence_number: message.sequence,
                    is_sequential_message: true,
                };
                self.to_send.push(self::message(Kind::Acknowledge, 0, 0, json(&content)).encode());
                if message.sequence >= self.expected {
                    self.ahead.insert(message.sequence, message);
                }
                while let Some(message) = self.ahead.remove(&self.expected) {
                    self.expected += 1;
                    self.take(&message, now);
                }
            }
            Kind::ChannelClosed => {
                let content: ChannelClosed = serde_json::from_slice(&message.payload).expect("a farewell");
                self.closed = Some(content.output);
            }
            Kind::StartPublication => {}
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn take(&mut self, message: &Message, now: Duration) {
        match message.payload_type {
            payload_type::HANDSHAKE_REQUEST => {
                let request: HandshakeRequest = serde_json::from_slice(&message.payload).expect("a request");
                let action = &request.requested_client_actions[0];
                assert_eq!(
                    (action.action_type.as_str(), &*action.action_parameters.session_type),
                    ("SessionType", "InteractiveCommands")
                );
                self.send(payload_type::HANDSHAKE_RESPONSE, handshake_response(1), now);
            }
            payload_type::HANDSHAKE_COMPLETE => {
                let complete: HandshakeComplete = serde_json::from_slice(&message.payload).expect("complete");
                self.greeting = Some(complete.customer_message);
            }
            payload_type::OUTPUT => self.output.extend_from_slice(&message.payload),
            other => panic!("unexpected payload {other}"),
        }
    }

    fn tick(&mut self, now: Duration) {
        if let Some((_, frame, sent)) = self.unacknowledged.front_mut()
            && now >= *sent + Duration::from_millis(200)
        {
            *sent = now;
            self.to_send.push(frame.clone());
        }
    }
}

fn message(kind: Kind, sequence: i64, payload_type: u32, payload: Vec<u8>) -> Message {
    Message { kind, created: 1, sequence, flags: 0, id: Uuid::from_u128(7), payload_type, payload }
}

fn handshake_response(status: i64) -> Vec<u8> {
    json(&HandshakeResponse {
        client_version: "1.2.0.0".to_owned(),
        processed_client_actions: Some(vec![ProcessedAction {
            action_type: "SessionType".to_owned(),
            action_status: status,
            error: "because".to_owned(),
        }]),
        errors: None,
    })
}

fn channel() -> Channel {
    Channel::open(IdSource::seeded(1), "session".into(), "ecs:c_t_r".into(), "hello".into(), 1_000)
}

/// What the events hand on: whether the command was started, its input, its size, and whether all is over.
#[derive(Debug, Default, PartialEq, Eq)]
struct Handed {
    started: u32,
    input: Vec<u8>,
    size: Option<(u16, u16)>,
    over: bool,
}

impl Handed {
    /// Takes the events; the frames are returned.
    fn take(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for event in events {
            assert!(!self.over, "nothing follows the end: {event:?}");
            match event {
                Event::Send(frame) => frames.push(frame),
                Event::Start => self.started += 1,
                Event::Input(data) => {
                    assert_eq!(self.started, 1);
                    self.input.extend(data);
                }
                Event::Resize { columns, rows } => self.size = Some((columns, rows)),
                Event::End => self.over = true,
            }
        }
        frames
    }
}

/// Loses, doubles and mixes up; a random number decides for each frame.
fn trouble(frames: Vec<Vec<u8>>, losses: &mut impl Iterator<Item = u8>) -> Vec<Vec<u8>> {
    let mut through = Vec::new();
    for frame in frames {
        match losses.next().unwrap_or(255) {
            0..60 => {}
            60..90 => through.extend([frame.clone(), frame]),
            90..130 => through.insert(0, frame),
            _ => through.push(frame),
        }
    }
    through
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the network does, each side gets what the other said, once and in order.
    #[test]
    fn nothing_is_lost_or_doubled(
        said in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..3000), 0..12),
        typed in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..12),
        seed in proptest::collection::vec(any::<u8>(), 400),
    ) {
        let (mut channel, mut client, mut handed) = (channel(), Client::default(), Handed::default());
        let mut losses = seed.into_iter();
        let (mut to_say, mut to_type) = (VecDeque::from(said.clone()), VecDeque::from(typed.clone()));
        let mut now = Duration::ZERO;
        while !handed.over {
            prop_assert!(now < Duration::from_secs(300), "it does not come to an end");
            for frame in trouble(handed.take(channel.events()), &mut losses) {
                client.receive(&frame, now);
            }
            client.tick(now);
            for frame in trouble(std::mem::take(&mut client.to_send), &mut losses) {
                channel.receive(&frame, true, now);
            }
            if client.greeting.is_some() && let Some(keys) = to_type.pop_front() {
                client.send(payload_type::OUTPUT, keys, now);
            }
            if channel.accepts_output() {
                match to_say.pop_front() {
                    Some(data) => channel.output(&data, now),
                    None if handed.input.len() == typed.iter().map(Vec::len).sum::<usize>() => channel.finish("", now),
                    None => {}
                }
            }
            now += STEP;
            channel.tick(now);
        }
        prop_assert_eq!(handed.started, 1);
        prop_assert_eq!(handed.input, typed.concat());
        // The farewell does not wait for ever: a network that loses so much may lose the end.
        prop_assert!(said.concat().starts_with(&client.output));
        if client.closed.is_some() && now < Duration::from_secs(3) {
            prop_assert_eq!(client.output, said.concat());
        }
    }

    /// Frames that make no sense, and messages that do not belong, change nothing.
    #[test]
    fn any_frame_is_survived(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut channel = channel();
        for frame in frames {
            channel.receive(&frame, true, STEP);
        }
        prop_assert_eq!(Handed::default().take(channel.events()).len(), 2, "the greeting alone");
    }

    #[test]
    fn any_message_is_survived(
        kind in prop_oneof![Just(Kind::Input), Just(Kind::Acknowledge), Just(Kind::Output), Just(Kind::PausePublication)],
        sequence: i64, payload_type in 0..14_u32, payload in "\\PC{0,60}", times in 1..4,
    ) {
        let mut channel = channel();
        for _ in 0..times {
            channel.receive(&message(kind.clone(), sequence, payload_type, payload.clone().into_bytes()).encode(), true, STEP);
        }
        channel.tick(STEP);
        let _ = Handed::default().take(channel.events());
    }
}

/// A channel whose handshake is done.
fn open() -> (Channel, Client, Handed) {
    let (mut channel, mut client, mut handed) = (channel(), Client::default(), Handed::default());
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert_eq!((handed.started, client.greeting.as_deref()), (1, Some("hello")));
    (channel, client, handed)
}

/// Passes on all that there is, until there is no more.
fn exchange(channel: &mut Channel, client: &mut Client, handed: &mut Handed, now: Duration) {
    loop {
        let frames = handed.take(channel.events());
        for frame in &frames {
            client.receive(frame, now);
        }
        let replies = std::mem::take(&mut client.to_send);
        if frames.is_empty() && replies.is_empty() {
            return;
        }
        for reply in replies {
            channel.receive(&reply, true, now);
        }
    }
}

#[test]
fn a_session_from_the_handshake_to_the_end() {
    let (mut channel, mut client, mut handed) = open();
    client.send(payload_type::SIZE, json(&Size { cols: 132, rows: 43 }), STEP);
    client.send(payload_type::OUTPUT, b"ls\r".to_vec(), STEP);
    client.send(payload_type::OUTPUT, b"\x03".to_vec(), STEP);
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert_eq!((handed.size, handed.input.as_slice()), (Some((132, 43)), b"ls\r\x03".as_slice()));
    channel.output("ü".repeat(1500).as_bytes(), STEP);
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert_eq!(client.output, "ü".repeat(1500).into_bytes());
    channel.finish("", STEP);
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert!(handed.over);
    assert_eq!(client.closed.as_deref(), Some(""));
    assert_eq!(channel.deadline(), None);
}

#[test]
fn what_is_said_to_a_shell_that_is_not_there_yet_waits() {
    let (mut channel, mut client, mut handed) = (channel(), Client::default(), Handed::default());
    // The response is on its way behind the first keys.
    client.next = 1;
    client.send(payload_type::OUTPUT, b"a".to_vec(), STEP);
    client.next = 0;
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert_eq!((handed.started, handed.input.as_slice()), (1, b"a".as_slice()));
}

#[test]
fn a_client_that_does_not_answer_is_let_go() {
    let mut channel = channel();
    let mut handed = Handed::default();
    let mut sent = 0;
    while let Some(deadline) = channel.deadline() {
        sent += handed.take(channel.events()).len();
        channel.tick(deadline);
    }
    let frames = handed.take(channel.events());
    assert!(handed.over && sent > 50, "{sent}: the request was sent again and again");
    let mut client = Client::default();
    frames.iter().for_each(|frame| client.receive(frame, Duration::ZERO));
    assert!(client.closed.is_some_and(|why| why.starts_with("Handshake timed out.")));
}

#[test]
fn a_session_without_a_key_pressed_ends_after_twenty_minutes() {
    let (mut channel, mut client, mut handed) = open();
    let nearly = STEP + Duration::from_secs(20 * 60 - 1);
    assert_eq!(channel.deadline(), Some(STEP + Duration::from_secs(20 * 60)));
    channel.tick(nearly);
    exchange(&mut channel, &mut client, &mut handed, nearly);
    assert!(!handed.over);
    client.send(payload_type::OUTPUT, b"x".to_vec(), nearly);
    exchange(&mut channel, &mut client, &mut handed, nearly);
    assert_eq!(channel.deadline(), Some(nearly + Duration::from_secs(20 * 60)));
    channel.tick(nearly + Duration::from_secs(20 * 60));
    exchange(&mut channel, &mut client, &mut handed, nearly);
    assert!(handed.over && client.closed.is_some_and(|why| why.contains("inactivity")));
}

#[test]
fn a_client_can_refuse_the_session_end_it_and_pause_it() {
    let mut refused = channel();
    let response = message(Kind::Input, 0, payload_type::HANDSHAKE_RESPONSE, handshake_response(2));
    refused.receive(&response.encode(), true, STEP);
    let mut handed = Handed::default();
    handed.take(refused.events());
    assert_eq!((handed.over, handed.started), (true, 0));

    for (flag, ends) in [(1_u32, false), (2, true), (3, false)] {
        let (mut channel, mut client, mut handed) = open();
        client.send(payload_type::FLAG, flag.to_be_bytes().to_vec(), STEP);
        exchange(&mut channel, &mut client, &mut handed, STEP);
        assert_eq!(handed.over, ends, "flag {flag}");
    }

    let (mut channel, ..) = open();
    channel.receive(&message(Kind::PausePublication, 0, 0, vec![]).encode(), true, STEP);
    assert!(!channel.accepts_output());
    channel.receive(&message(Kind::StartPublication, 0, 0, vec![]).encode(), true, STEP);
    assert!(channel.accepts_output());
}

#[test]
fn a_command_waits_for_a_client_that_does_not_keep_up() {
    let (mut channel, mut client, mut handed) = open();
    let mut said = 0;
    while channel.accepts_output() {
        channel.output(&[b'x'; 1024], STEP);
        said += 1024;
    }
    assert!(said <= 1024 * 1024, "{said}");
    exchange(&mut channel, &mut client, &mut handed, STEP);
    assert!(channel.accepts_output());
    assert_eq!(client.output.len(), said);
}

#[test]
fn input_without_room_is_taken_when_it_comes_again() {
    let (mut channel, _, mut handed) = open();
    let keys = message(Kind::Input, 1, payload_type::OUTPUT, b"x".to_vec()).encode();
    channel.receive(&keys, false, STEP);
    assert_eq!(handed.take(channel.events()), Vec::<Vec<u8>>::new(), "no acknowledgement");
    channel.receive(&keys, true, STEP);
    assert_eq!(handed.take(channel.events()).len(), 1);
    assert_eq!(handed.input, b"x");
}
