//! Answers and errors to JSON, member by member into one buffer.

use api_models::schema::{ListSchema, MapSchema, MemberSchema, StructureSchema, TimestampFormat};
use api_models::{Encode, OperationError, ShapeSerializer, Timestamp, Untyped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::Rejection;

/// More than most answers need; larger ones grow it.
const BUFFER: usize = 1024;

pub(super) fn answer(answer: &dyn Encode) -> Vec<u8> {
    let mut writer = JsonWriter::new(None);
    answer.encode(&mut writer);
    writer.out
}

/// A structure as events show it: times are text, and `more` members with strings stand at its end.
pub(super) fn detail(structure: &dyn Encode, more: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = JsonWriter { dates: true, ..JsonWriter::new(None) };
    structure.encode(&mut writer);
    let mut out = writer.out;
    let is_empty = out.len() <= 2;
    out.pop();
    for (index, (name, value)) in more.iter().enumerate() {
        if index > 0 || !is_empty {
            out.push(b',');
        }
        write_str(&mut out, name);
        out.push(b':');
        write_str(&mut out, value);
    }
    out.push(b'}');
    out
}

pub(super) fn error(error: &dyn OperationError) -> Vec<u8> {
    let mut writer = JsonWriter::new(Some(error.code()));
    error.encode_members(&mut writer);
    if writer.out.is_empty() { plain_error(error.code(), Some(("message", error.message()))) } else { writer.out }
}

pub(super) fn rejection(rejection: &Rejection) -> Vec<u8> {
    // The one exception whose message AWS begins with a capital.
    let member = if rejection.code == "SerializationException" { "Message" } else { "message" };
    plain_error(&rejection.code, rejection.message.as_deref().map(|message| (member, message)))
}

fn plain_error(code: &str, message: Option<(&'static str, &str)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"__type\":");
    write_str(&mut out, code);
    if let Some((member, text)) = message {
        out.push(b',');
        write_str(&mut out, member);
        out.push(b':');
        write_str(&mut out, text);
    }
    out.push(b'}');
    out
}

/// Writes what it is told, in order. `first` says whether a comma is due before what comes next.
struct JsonWriter<'e> {
    out: Vec<u8>,
    first: bool,
    /// What the outermost structure begins with, when it is an error.
    error: Option<&'e str>,
    /// Whether times are written as text where the model does not say how.
    dates: bool,
}

impl<'e> JsonWriter<'e> {
    fn new(error: Option<&'e str>) -> Self {
        Self { out: Vec::with_capacity(BUFFER), first: true, error, dates: false }
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = true;
    }

    fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.first = false;
    }

    fn separate(&mut self) {
        if self.first {
            self.first = false;
        } else {
            self.out.push(b',');
        }
    }
}

impl ShapeSerializer for JsonWriter<'_> {
    fn begin_structure(&mut self, _schema: &'static StructureSchema) {
        self.open(b'{');
        if let Some(code) = self.error.take() {
            self.separate();
            self.out.extend_from_slice(b"\"__type\":");
            write_str(&mut self.out, code);
        }
    }

    fn member(&mut self, member: &'static MemberSchema) {
        self.separate();
        // Names in models are identifiers: nothing to escape.
        self.out.reserve(member.wire_name.len() + 4);
        self.out.push(b'"');
        self.out.extend_from_slice(member.wire_name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn end_structure(&mut self) {
        self.close(b'}');
    }

    fn begin_list(&mut self, _schema: &'static ListSchema, _len: usize) {
        self.open(b'[');
    }

    fn element(&mut self) {
        self.separate();
    }

    fn end_list(&mut self) {
        self.close(b']');
    }

    fn begin_map(&mut self, _schema: &'static MapSchema, _len: usize) {
        self.open(b'{');
    }

    fn key(&mut self, key: &str) {
        self.separate();
        write_str(&mut self.out, key);
        self.out.push(b':');
    }

    fn end_map(&mut self) {
        self.close(b'}');
    }

    fn string(&mut self, value: &str) {
        write_str(&mut self.out, value);
    }

    fn integer(&mut self, value: i64) {
        write_integer(&mut self.out, value);
    }

    fn double(&mut self, value: f64) {
        write_double(&mut self.out, value);
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn timestamp(&mut self, value: Timestamp, format: TimestampFormat) {
        match format {
            TimestampFormat::Default if self.dates => write_str(&mut self.out, &value.to_rfc3339()),
            TimestampFormat::Default | TimestampFormat::EpochSeconds => write_epoch_seconds(&mut self.out, value),
            TimestampFormat::DateTime => write_str(&mut self.out, &value.to_rfc3339()),
            TimestampFormat::HttpDate => write_str(&mut self.out, &value.to_http_date()),
        }
    }

    fn blob(&mut self, value: &[u8]) {
        write_str(&mut self.out, &STANDARD.encode(value));
    }

    fn untyped(&mut self, value: &Untyped) {
        write_untyped(&mut self.out, value);
    }

    fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }
}

fn write_str(out: &mut Vec<u8>, value: &str) {
    // Nearly no string needs an escape. Looking at all bytes, without stopping at the first that does, is what the
    // compiler can do for many bytes at once.
    let is_plain = |byte: u8| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    if value.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.reserve(value.len() + 2);
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        // Writing to a Vec can't fail.
        let _ = serde_json::to_writer(out, value);
    }
}

fn write_integer(out: &mut Vec<u8>, value: i64) {
    let _ = serde_json::to_writer(out, &value);
}

fn write_double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        let _ = serde_json::to_writer(out, &value);
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if value > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}

/// Seconds with up to three decimals and at least one, never with an exponent: `1700000000.123`, `1700000000.0`.
/// (ECS writes the same number as `1.700000000123E9`; every client reads both.)
fn write_epoch_seconds(out: &mut Vec<u8>, value: Timestamp) {
    let millis = value.as_millis();
    if millis < 0 {
        out.push(b'-');
    }
    let (seconds, rest) = (millis.unsigned_abs() / 1000, (millis.unsigned_abs() % 1000) as u16);
    let _ = serde_json::to_writer(&mut *out, &seconds);
    let digits = [rest / 100, rest / 10 % 10, rest % 10];
    let kept = digits.iter().rposition(|digit| *digit != 0).unwrap_or(0);
    out.push(b'.');
    out.extend(digits[..=kept].iter().map(|digit| b'0' + *digit as u8));
}

fn write_untyped(out: &mut Vec<u8>, value: &Untyped) {
    match value {
        Untyped::Null => out.extend_from_slice(b"null"),
        Untyped::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Untyped::Integer(value) => write_integer(out, *value),
        Untyped::Double(value) => write_double(out, *value),
        Untyped::String(value) => write_str(out, value),
        Untyped::List(list) => {
            out.push(b'[');
            for (index, element) in list.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_untyped(out, element);
            }
            out.push(b']');
        }
        Untyped::Map(map) => {
            out.push(b'{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_str(out, key);
                out.push(b':');
                write_untyped(out, value);
            }
            out.push(b'}');
        }
    }
}
