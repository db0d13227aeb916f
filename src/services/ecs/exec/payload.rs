//! The payloads of the data channel that are JSON, as the Session Manager plugin writes and reads them.

use serde::{Deserialize, Serialize};

/// The first thing on a websocket, in a text frame: whoever has the token may go on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenDataChannel {
    pub(super) token_value: String,
    #[serde(default)]
    pub(super) client_id: Option<String>,
    #[serde(default)]
    pub(super) client_version: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Acknowledged {
    pub(super) acknowledged_message_type: String,
    pub(super) acknowledged_message_id: String,
    pub(super) acknowledged_message_sequence_number: i64,
    #[serde(default)]
    pub(super) is_sequential_message: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HandshakeRequest {
    pub(super) agent_version: String,
    pub(super) requested_client_actions: Vec<RequestedAction>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RequestedAction {
    pub(super) action_type: String,
    pub(super) action_parameters: SessionType,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionType {
    pub(super) session_type: String,
    pub(super) properties: Properties,
}

/// Nothing that a client needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Properties {}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct HandshakeResponse {
    pub(super) client_version: String,
    /// Go writes an empty list as null.
    pub(super) processed_client_actions: Option<Vec<ProcessedAction>>,
    pub(super) errors: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ProcessedAction {
    pub(super) action_type: String,
    /// 1 success, 2 failed, 3 unsupported.
    pub(super) action_status: i64,
    pub(super) error: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HandshakeComplete {
    /// Nanoseconds.
    pub(super) handshake_time_to_complete: u64,
    /// What the client shows to its user.
    pub(super) customer_message: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Size {
    pub(super) cols: u32,
    pub(super) rows: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChannelClosed {
    pub(super) message_id: String,
    /// Milliseconds since the epoch, in a text.
    pub(super) created_date: String,
    pub(super) destination_id: String,
    pub(super) session_id: String,
    pub(super) message_type: String,
    pub(super) schema_version: u32,
    /// Why, for the user to read; empty when the command ended.
    pub(super) output: String,
}

/// Encodes a payload.
pub(super) fn json<T: Serialize>(payload: &T) -> Vec<u8> {
    // Structs of texts and numbers can always be written.
    serde_json::to_vec(payload).unwrap_or_default()
}
