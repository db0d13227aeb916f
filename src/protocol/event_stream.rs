//! Event streams: answers that go on, in messages of AWS's binary framing.
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! In the JSON protocols the first message is the answer itself (`initial-response`), and each that follows is a member
//! of the stream's union: an event, or the exception that ends the stream.

use api_models::{Encode, View};
use bytes::{BufMut, Bytes, BytesMut};

use super::aws_json;

/// The content type of the answer.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The lengths and their checksum, before the headers.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// The type of a header's value that is a string.
const STRING: u8 = 7;

/// The first message, of an answer that has nothing but its stream.
#[must_use]
pub fn initial_response() -> Bytes {
    let headers =
        [(":event-type", "initial-response"), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, b"{}")
}

/// The message for a value of the stream's union; `None` when it has no member.
#[must_use]
pub fn message(event: &dyn Encode) -> Option<Bytes> {
    let members = event.schema().members.iter().enumerate();
    let mut set = members.filter_map(|(index, member)| match event.field(index) {
        Some(View::Structure(value)) => Some((member.wire_name, value)),
        _ => None,
    });
    let (name, value) = set.next()?;
    let payload = aws_json::payload(value);
    let content = (":content-type", "application/json");
    Some(match value.schema().error {
        None => frame(&[(":event-type", name), content, (":message-type", "event")], &payload),
        Some(error) => frame(&[(":exception-type", error.code), content, (":message-type", "exception")], &payload),
    })
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers_length: usize = headers.iter().map(|(name, value)| 1 + name.len() + 1 + 2 + value.len()).sum();
    let length = PRELUDE + headers_length + payload.len() + CHECKSUM;
    let mut out = BytesMut::with_capacity(length);
    out.put_u32(length as u32);
    out.put_u32(headers_length as u32);
    out.put_u32(crc32fast::hash(&out));
    for (name, value) in headers {
        out.put_u8(name.len() as u8);
        out.put_slice(name.as_bytes());
        out.put_u8(STRING);
        out.put_u16(value.len() as u16);
        out.put_slice(value.as_bytes());
    }
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out.freeze()
}

#[cfg(test)]
mod tests {
    use api_models::logs::{
        LiveTailSessionMetadata, LiveTailSessionUpdate, SessionTimeoutException, StartLiveTailResponseStream,
    };
    use aws_smithy_eventstream::frame::read_message_from;

    use super::*;

    /// Headers and payload, as AWS's own library reads them.
    fn read(mut message: Bytes) -> (Vec<String>, String) {
        let read = read_message_from(&mut message).expect("a message");
        assert!(message.is_empty());
        let headers = read.headers().iter().map(|header| {
            format!("{}={}", header.name().as_str(), header.value().as_string().expect("a string").as_str())
        });
        (headers.collect(), String::from_utf8(read.payload().to_vec()).expect("text"))
    }

    #[test]
    fn an_event_is_read_by_the_library_of_aws() {
        let update = LiveTailSessionUpdate {
            session_metadata: Some(Box::new(LiveTailSessionMetadata { sampled: Some(true) })),
            session_results: Some(Vec::new()),
        };
        let event = StartLiveTailResponseStream {
            session_update: Some(Box::new(update)),
            ..StartLiveTailResponseStream::default()
        };
        let (headers, payload) = read(message(&event).expect("a message"));
        let expected = [":event-type=sessionUpdate", ":content-type=application/json", ":message-type=event"];
        assert_eq!(headers, expected);
        assert_eq!(payload, r#"{"sessionMetadata":{"sampled":true},"sessionResults":[]}"#);
    }

    #[test]
    fn an_exception_is_one() {
        let event = StartLiveTailResponseStream {
            session_timeout_exception: Some(Box::new(SessionTimeoutException::new("Over."))),
            ..StartLiveTailResponseStream::default()
        };
        let (headers, payload) = read(message(&event).expect("a message"));
        assert_eq!(headers[0], ":exception-type=SessionTimeoutException");
        assert_eq!(headers[2], ":message-type=exception");
        assert_eq!(payload, r#"{"message":"Over."}"#);
        assert!(message(&StartLiveTailResponseStream::default()).is_none());
    }

    #[test]
    fn the_first_message_is_the_answer() {
        let (headers, payload) = read(initial_response());
        assert_eq!((headers[0].as_str(), payload.as_str()), (":event-type=initial-response", "{}"));
    }
}
