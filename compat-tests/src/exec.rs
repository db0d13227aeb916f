//! A client of ECS Exec's sessions, written from the protocol's description alone: it shares no code with LocalECS.

use std::time::Duration;

use aws_sdk_ecs::types::Session;
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(30);
/// A message's bytes before the payload.
const HEAD: usize = 120;

/// A session whose handshake is done.
#[derive(Debug)]
pub struct ExecClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: i64,
    expected: i64,
    /// All that the command has said.
    pub output: Vec<u8>,
    /// What was read of it already.
    read: usize,
    closed: Option<String>,
}

/// The parts of a message that matter.
struct Frame {
    kind: String,
    sequence: i64,
    id: [u8; 16],
    payload_type: u32,
    payload: Vec<u8>,
}

impl ExecClient {
    /// Opens the data channel of a session.
    ///
    /// # Errors
    /// The refusal of the websocket, or of the token.
    ///
    /// # Panics
    /// When the handshake is not as it should be.
    pub async fn open(session: &Session) -> Result<Self, String> {
        let (url, token) = (session.stream_url().expect("a URL"), session.token_value().expect("a token"));
        Self::open_with(url, token).await
    }

    /// The same with a token of one's own.
    ///
    /// # Errors
    /// As [`ExecClient::open`].
    pub async fn open_with(url: &str, token: &str) -> Result<Self, String> {
        let (mut socket, _) = connect_async(url).await.map_err(|error| match error {
            tungstenite::Error::Http(answer) => format!("HTTP {}", answer.status().as_u16()),
            other => other.to_string(),
        })?;
        let open = serde_json::json!({
            "MessageSchemaVersion": "1.0",
            "RequestId": "f1c9a9a4-0000-4000-8000-000000000000",
            "TokenValue": token,
            "ClientId": "f1c9a9a4-0000-4000-8000-000000000001",
            "ClientVersion": "1.2.0.0",
        });
        socket.send(Message::text(open.to_string())).await.map_err(|error| error.to_string())?;
        let mut client = Self { socket, next: 0, expected: 0, output: vec![], read: 0, closed: None };
        let shaken = tokio::time::timeout(PATIENCE, client.handshake()).await;
        shaken.map_err(|_| "no handshake".to_owned())??;
        Ok(client)
    }

    async fn handshake(&mut self) -> Result<(), String> {
        let request = self.next_in_order().await?;
        assert_eq!(request.payload_type, 5, "a handshake request comes first");
        let request: serde_json::Value = serde_json::from_slice(&request.payload).expect("JSON");
        let action = &request["RequestedClientActions"][0];
        assert_eq!(
            (&action["ActionType"], &action["ActionParameters"]["SessionType"]),
            (&"SessionType".into(), &"InteractiveCommands".into())
        );
        let response = serde_json::json!({
            "ClientVersion": "1.2.0.0",
            "ProcessedClientActions": [
                {"ActionType": "SessionType", "ActionStatus": 1, "ActionResult": null, "Error": ""},
            ],
            "Errors": null,
        });
        self.send(6, response.to_string().as_bytes()).await;
        let complete = self.next_in_order().await?;
        assert_eq!(complete.payload_type, 7, "the handshake is complete");
        Ok(())
    }

    /// Sends keys.
    pub async fn type_in(&mut self, keys: &str) {
        self.send(1, keys.as_bytes()).await;
    }

    /// Gives the terminal another size.
    pub async fn resize(&mut self, columns: u32, rows: u32) {
        self.send(3, format!("{{\"cols\":{columns},\"rows\":{rows}}}").as_bytes()).await;
    }

    /// Ends the session as a client can: with a flag.
    pub async fn terminate(&mut self) {
        self.send(10, &2_u32.to_be_bytes()).await;
    }

    /// Reads on until `text` has come, and returns what came before it.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn until(&mut self, text: &str) -> String {
        let waiting = tokio::time::timeout(PATIENCE, async {
            loop {
                let unread = &self.output[self.read..];
                if let Some(at) = unread.windows(text.len()).position(|window| window == text.as_bytes()) {
                    let before = String::from_utf8_lossy(&unread[..at]).into_owned();
                    self.read += at + text.len();
                    return Some(before);
                }
                match self.next_in_order().await {
                    Ok(frame) => self.take(frame),
                    Err(_) => return None,
                }
            }
        })
        .await;
        let unread = || String::from_utf8_lossy(&self.output[self.read..]).into_owned();
        waiting
            .ok()
            .flatten()
            .unwrap_or_else(|| panic!("{text:?} did not come; after {:?}: {:?}", unread(), self.closed))
    }

    /// Reads until the channel is closed, and returns what is said at the end.
    ///
    /// # Panics
    /// When it is not closed.
    pub async fn closed(&mut self) -> String {
        let waiting = tokio::time::timeout(PATIENCE, async {
            while let Ok(frame) = self.next_in_order().await {
                self.take(frame);
            }
        });
        waiting
            .await
            .unwrap_or_else(|_| panic!("the channel is open after {:?}", String::from_utf8_lossy(&self.output)));
        self.closed.clone().expect("the connection ended without a channel_closed")
    }

    fn take(&mut self, frame: Frame) {
        assert_eq!(frame.payload_type, 1, "only output follows the handshake");
        self.output.extend(frame.payload);
    }

    async fn send(&mut self, payload_type: u32, payload: &[u8]) {
        let sequence = self.next;
        self.next += 1;
        let frame = encode("input_stream_data", sequence, payload_type, payload);
        // One that is gone shows when it is read from.
        let _ = self.socket.send(Message::binary(frame)).await;
    }

    /// The next output message, acknowledged. All others are dealt with.
    async fn next_in_order(&mut self) -> Result<Frame, String> {
        loop {
            let frame = match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => decode(&bytes),
                Some(Ok(Message::Close(frame))) => return Err(format!("closed: {frame:?}")),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the connection has ended".to_owned()),
            };
            match frame.kind.as_str() {
                "output_stream_data" => {
                    let id = hyphenated(&frame.id);
                    let content = serde_json::json!({
                        "AcknowledgedMessageType": frame.kind,
                        "AcknowledgedMessageId": id,
                        "AcknowledgedMessageSequenceNumber": frame.sequence,
                        "IsSequentialMessage": true,
                    });
                    let reply = encode("acknowledge", 0, 0, content.to_string().as_bytes());
                    let _ = self.socket.send(Message::binary(reply)).await;
                    if frame.sequence == self.expected {
                        self.expected += 1;
                        return Ok(frame);
                    }
                    assert!(frame.sequence < self.expected, "the network loses nothing");
                }
                "channel_closed" => {
                    let content: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
                    self.closed = Some(content["Output"].as_str().expect("a text").to_owned());
                }
                "acknowledge" | "start_publication" => {}
                other => panic!("a message of type {other}"),
            }
        }
    }
}

fn encode(kind: &str, sequence: i64, payload_type: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = 116_u32.to_be_bytes().to_vec();
    frame.extend(format!("{kind:<32}").bytes());
    frame.extend(1_u32.to_be_bytes());
    frame.extend(1_700_000_000_000_u64.to_be_bytes());
    frame.extend(sequence.to_be_bytes());
    frame.extend(0_u64.to_be_bytes());
    frame.extend(rand::random::<[u8; 16]>());
    frame.extend(Sha256::digest(payload));
    frame.extend(payload_type.to_be_bytes());
    frame.extend(u32::try_from(payload.len()).expect("short").to_be_bytes());
    frame.extend(payload);
    frame
}

fn decode(frame: &[u8]) -> Frame {
    let number = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!((number(0), number(36)), (116, 1), "header length and schema version");
    let payload = frame[HEAD..].to_vec();
    assert_eq!(number(116) as usize, payload.len());
    assert_eq!(frame[80..112], *Sha256::digest(&payload), "the digest");
    Frame {
        kind: String::from_utf8_lossy(&frame[4..36]).trim().to_owned(),
        sequence: i64::from_be_bytes(frame[48..56].try_into().expect("8 bytes")),
        id: frame[64..80].try_into().expect("16 bytes"),
        payload_type: number(112),
        payload,
    }
}

/// A UUID whose halves are the wrong way round, as text.
fn hyphenated(id: &[u8; 16]) -> String {
    let hex: String = id[8..].iter().chain(&id[..8]).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
