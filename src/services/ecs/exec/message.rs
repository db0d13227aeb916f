//! Pure: one message of the data channel, as it travels in a binary frame of the websocket.
//!
//! ```text
//! | header length 4 | type 32 | schema version 4 | created 8 | sequence number 8 | flags 8 |
//! | message id 16 | SHA-256 of the payload 32 | payload type 4 | payload length 4 | payload |
//! ```
//!
//! Numbers are big-endian. The header length counts what lies before the payload length. The type is padded with
//! spaces, and the halves of the message id (a UUID) have changed places. As the Session Manager plugin has it:
//! <https://github.com/aws/session-manager-plugin/blob/mainline/src/message/clientmessage.go>

use sha2::{Digest, Sha256};
use uuid::Uuid;

const TYPE: usize = 4;
const TYPE_LENGTH: usize = 32;
const SCHEMA_VERSION: usize = TYPE + TYPE_LENGTH;
const CREATED: usize = SCHEMA_VERSION + 4;
const SEQUENCE: usize = CREATED + 8;
const FLAGS: usize = SEQUENCE + 8;
const ID: usize = FLAGS + 8;
const DIGEST: usize = ID + 16;
const PAYLOAD_TYPE: usize = DIGEST + 32;
const PAYLOAD_LENGTH: usize = PAYLOAD_TYPE + 4;
const PAYLOAD: usize = PAYLOAD_LENGTH + 4;

/// The first and the last of a stream of messages: what an acknowledgement, which stands alone, carries.
pub(super) const ALONE: u64 = 3;

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// From the client to the container.
    Input,
    /// From the container to the client.
    Output,
    Acknowledge,
    ChannelClosed,
    StartPublication,
    PausePublication,
    /// One that this version does not know.
    Other(String),
}

impl Kind {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Input => "input_stream_data",
            Self::Output => "output_stream_data",
            Self::Acknowledge => "acknowledge",
            Self::ChannelClosed => "channel_closed",
            Self::StartPublication => "start_publication",
            Self::PausePublication => "pause_publication",
            Self::Other(name) => name,
        }
    }

    fn parse(name: &str) -> Self {
        let known = [
            Self::Input,
            Self::Output,
            Self::Acknowledge,
            Self::ChannelClosed,
            Self::StartPublication,
            Self::PausePublication,
        ];
        known.into_iter().find(|kind| kind.as_str() == name).unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

/// What the payload of an input or output message is.
pub(super) mod payload_type {
    pub(in super::super) const OUTPUT: u32 = 1;
    pub(in super::super) const SIZE: u32 = 3;
    pub(in super::super) const HANDSHAKE_REQUEST: u32 = 5;
    pub(in super::super) const HANDSHAKE_RESPONSE: u32 = 6;
    pub(in super::super) const HANDSHAKE_COMPLETE: u32 = 7;
    pub(in super::super) const FLAG: u32 = 10;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// Milliseconds since the epoch.
    pub(super) created: u64,
    pub(super) sequence: i64,
    pub(super) flags: u64,
    pub(super) id: Uuid,
    /// See [`payload_type`].
    pub(super) payload_type: u32,
    pub(super) payload: Vec<u8>,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it is shorter than its header")]
    Short,
    #[error("its header has another length than it says")]
    Header,
    #[error("its type is no text")]
    Type,
    #[error("its payload is not as long as it says")]
    Payload,
    #[error("its payload is not the one that was digested")]
    Digest,
}

impl Message {
    /// The frame. A type of more than 32 bytes is cut off.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(PAYLOAD + self.payload.len());
        frame.extend_from_slice(&number(PAYLOAD_LENGTH).to_be_bytes());
        let mut kind = [b' '; TYPE_LENGTH];
        let name = self.kind.as_str().as_bytes();
        let length = name.len().min(TYPE_LENGTH);
        kind[..length].copy_from_slice(&name[..length]);
        frame.extend_from_slice(&kind);
        frame.extend_from_slice(&1_u32.to_be_bytes());
        frame.extend_from_slice(&self.created.to_be_bytes());
        frame.extend_from_slice(&self.sequence.to_be_bytes());
        frame.extend_from_slice(&self.flags.to_be_bytes());
        let (first, second) = self.id.as_bytes().split_at(8);
        frame.extend_from_slice(second);
        frame.extend_from_slice(first);
        frame.extend_from_slice(&Sha256::digest(&self.payload));
        frame.extend_from_slice(&self.payload_type.to_be_bytes());
        frame.extend_from_slice(&number(self.payload.len()).to_be_bytes());
        frame.extend_from_slice(&self.payload);
        frame
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong with bytes that are none.
    pub(super) fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        let payload_starts = usize::try_from(u32_at(frame, 0)?).map_err(|_| Malformed::Header)?.saturating_add(4);
        // A longer header has members that this version does not know.
        if payload_starts < PAYLOAD {
            return Err(Malformed::Header);
        }
        let kind = frame.get(TYPE..SCHEMA_VERSION).ok_or(Malformed::Short)?;
        let kind = std::str::from_utf8(kind).map_err(|_| Malformed::Type)?;
        let half = |at: usize| bytes_at::<8>(frame, at);
        let mut id = [0; 16];
        id[8..].copy_from_slice(&half(ID)?);
        id[..8].copy_from_slice(&half(ID + 8)?);
        let length = usize::try_from(u32_at(frame, PAYLOAD_LENGTH)?).map_err(|_| Malformed::Payload)?;
        let payload = frame.get(payload_starts..).ok_or(Malformed::Short)?;
        if payload.len() != length {
            return Err(Malformed::Payload);
        }
        // The plugin leaves the digest of nothing out of account, too.
        if length > 0 && Sha256::digest(payload).as_slice() != bytes_at::<32>(frame, DIGEST)?.as_slice() {
            return Err(Malformed::Digest);
        }
        Ok(Self {
            kind: Kind::parse(kind.trim_matches(['\0', ' '])),
            created: u64::from_be_bytes(half(CREATED)?),
            sequence: i64::from_be_bytes(half(SEQUENCE)?),
            flags: u64::from_be_bytes(half(FLAGS)?),
            id: Uuid::from_bytes(id),
            payload_type: u32_at(frame, PAYLOAD_TYPE)?,
            payload: payload.to_vec(),
        })
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn u32_at(frame: &[u8], at: usize) -> Result<u32, Malformed> {
    bytes_at(frame, at).map(u32::from_be_bytes)
}

fn bytes_at<const N: usize>(frame: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    frame.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).ok_or(Malformed::Short)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Input),
            Just(Kind::Output),
            Just(Kind::Acknowledge),
            Just(Kind::ChannelClosed),
            Just(Kind::StartPublication),
            Just(Kind::PausePublication),
            "[a-z_]{1,32}".prop_map(|name| Kind::parse(&name)),
        ]
    }

    prop_compose! {
        pub(in super::super) fn messages()(
            kind in kinds(), created: u64, sequence: i64, flags: u64, id: u128, payload_type: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..2000),
        ) -> Message {
            Message { kind, created, sequence, flags, id: Uuid::from_u128(id), payload_type, payload }
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(message in messages()) {
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Message::decode(&bytes);
        }

        #[test]
        fn a_changed_payload_is_noticed(message in messages(), place: prop::sample::Index, bit in 0..8_u8) {
            let mut frame = message.encode();
            prop_assume!(!message.payload.is_empty());
            let place = PAYLOAD + place.index(message.payload.len());
            frame[place] ^= 1 << bit;
            prop_assert_eq!(Message::decode(&frame), Err(Malformed::Digest));
        }

        #[test]
        fn a_frame_that_is_cut_off_is_none(message in messages(), place: prop::sample::Index) {
            let frame = message.encode();
            prop_assert!(Message::decode(&frame[..place.index(frame.len())]).is_err());
        }
    }

    /// The bytes that the plugin sends.
    #[test]
    fn a_frame_is_laid_out_as_the_plugin_has_it() {
        let message = Message {
            kind: Kind::Input,
            created: 0x0102_0304_0506_0708,
            sequence: 9,
            flags: ALONE,
            id: Uuid::parse_str("00112233-4455-4677-8899-aabbccddeeff").expect("a UUID"),
            payload_type: payload_type::OUTPUT,
            payload: b"ls\r".to_vec(),
        };
        let frame = message.encode();
        assert_eq!(frame[..4], [0, 0, 0, 116]);
        assert_eq!(&frame[4..36], b"input_stream_data               ");
        assert_eq!(frame[36..40], [0, 0, 0, 1]);
        assert_eq!(frame[40..48], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(frame[48..64], [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3]);
        let id = [0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77];
        assert_eq!(frame[64..80], id);
        assert_eq!(frame[80..112], *Sha256::digest(b"ls\r"));
        assert_eq!(frame[112..], [0, 0, 0, 1, 0, 0, 0, 3, b'l', b's', b'\r']);
    }
}
