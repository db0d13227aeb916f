//! Answers to XML, element by element into one buffer.
//!
//! A value does not know what its element is called: who holds it says so before ([`XmlWriter::next`]).

use api_models::schema::{ListSchema, MapSchema, MemberSchema, StructureSchema, TimestampFormat};
use api_models::{ShapeSerializer, Timestamp, Untyped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// More than most answers need; larger ones grow it.
const BUFFER: usize = 1024;

pub(super) struct XmlWriter {
    out: String,
    /// The name of the element that the next value becomes; none for the outermost structure, whose members stand
    /// in the element that is open already.
    next: Option<&'static str>,
    open: Vec<Open>,
    /// Leaves out the member `message` of the outermost structure: an error has it elsewhere.
    no_message: bool,
    /// What comes now is left out.
    muted: bool,
}

/// A collection or structure that is not closed yet.
enum Open {
    Structure(Option<&'static str>),
    List { element: Option<&'static str>, each: &'static str },
    Map { element: Option<&'static str>, entry: &'static str, schema: &'static MapSchema, entry_is_open: bool },
}

impl XmlWriter {
    pub(super) fn new() -> Self {
        Self { out: String::with_capacity(BUFFER), next: None, open: Vec::new(), no_message: false, muted: false }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    pub(super) fn open(&mut self, name: &str) {
        self.open_with_namespace(name, None);
    }

    pub(super) fn open_with_namespace(&mut self, name: &str, namespace: Option<&str>) {
        self.out.push('<');
        self.out.push_str(name);
        if let Some(namespace) = namespace {
            self.out.push_str(" xmlns=\"");
            escape_into(&mut self.out, namespace);
            self.out.push('"');
        }
        self.out.push('>');
    }

    pub(super) fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.open(name);
        escape_into(&mut self.out, text);
        self.close(name);
    }

    /// Writes the members of a structure but for its message.
    pub(super) fn without_message(&mut self, write: impl FnOnce(&mut Self)) {
        self.no_message = true;
        write(self);
        self.no_message = false;
    }

    fn begin(&mut self) -> Option<&'static str> {
        let name = self.next.take();
        if let Some(name) = name {
            self.open(name);
        }
        name
    }

    fn scalar(&mut self, text: &str) {
        if std::mem::take(&mut self.muted) {
            return;
        }
        if let Some(name) = self.next.take() {
            self.text(name, text);
        }
    }

    fn close_entry(&mut self) {
        if let Some(Open::Map { entry, entry_is_open, .. }) = self.open.last_mut()
            && std::mem::take(entry_is_open)
        {
            let entry = *entry;
            self.close(entry);
        }
    }

    fn end(&mut self) {
        let element = match self.open.pop() {
            Some(Open::Structure(element) | Open::List { element, .. } | Open::Map { element, .. }) => element,
            None => None,
        };
        if let Some(element) = element {
            self.close(element);
        }
    }
}

impl ShapeSerializer for XmlWriter {
    fn begin_structure(&mut self, _schema: &'static StructureSchema) {
        let element = self.begin();
        self.open.push(Open::Structure(element));
    }

    fn member(&mut self, member: &'static MemberSchema) {
        self.muted = self.no_message && self.open.len() == 1 && member.name.eq_ignore_ascii_case("message");
        self.next = Some(member.wire_name);
    }

    fn end_structure(&mut self) {
        self.end();
    }

    fn begin_list(&mut self, schema: &'static ListSchema, _len: usize) {
        // A flattened list has no element of its own: its elements are called as it is.
        if schema.flattened {
            let each = self.next.take().unwrap_or(schema.member_name);
            self.open.push(Open::List { element: None, each });
        } else {
            let element = self.begin();
            self.open.push(Open::List { element, each: schema.member_name });
        }
    }

    fn element(&mut self) {
        if let Some(Open::List { each, .. }) = self.open.last() {
            self.next = Some(each);
        }
    }

    fn end_list(&mut self) {
        self.end();
    }

    fn begin_map(&mut self, schema: &'static MapSchema, _len: usize) {
        let (element, entry) =
            if schema.flattened { (None, self.next.take().unwrap_or("entry")) } else { (self.begin(), "entry") };
        self.open.push(Open::Map { element, entry, schema, entry_is_open: false });
    }

    fn key(&mut self, key: &str) {
        self.close_entry();
        if let Some(Open::Map { entry, schema, entry_is_open, .. }) = self.open.last_mut() {
            *entry_is_open = true;
            let (entry, schema) = (*entry, *schema);
            self.open(entry);
            self.text(schema.key_name, key);
            self.next = Some(schema.value_name);
        }
    }

    fn end_map(&mut self) {
        self.close_entry();
        self.end();
    }

    fn string(&mut self, value: &str) {
        self.scalar(value);
    }

    fn integer(&mut self, value: i64) {
        self.scalar(&value.to_string());
    }

    fn double(&mut self, value: f64) {
        // As XML Schema writes what has no digits.
        if value.is_infinite() {
            self.scalar(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            self.scalar(&value.to_string());
        }
    }

    fn boolean(&mut self, value: bool) {
        self.scalar(if value { "true" } else { "false" });
    }

    fn timestamp(&mut self, value: Timestamp, format: TimestampFormat) {
        match format {
            TimestampFormat::Default | TimestampFormat::DateTime => self.scalar(&value.to_rfc3339()),
            TimestampFormat::EpochSeconds => self.scalar(&value.epoch_seconds_f64().to_string()),
            TimestampFormat::HttpDate => self.scalar(&value.to_http_date()),
        }
    }

    fn blob(&mut self, value: &[u8]) {
        self.scalar(&STANDARD.encode(value));
    }

    /// No API of this protocol has values without a schema.
    fn untyped(&mut self, _value: &Untyped) {
        self.scalar("");
    }

    fn null(&mut self) {
        self.scalar("");
    }
}

/// What XML 1.0 cannot hold, not even as a reference (control characters), becomes U+FFFD.
fn escape_into(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Parsers turn a plain one into a line feed.
            '\r' => out.push_str("&#xD;"),
            '\n' | '\t' => out.push(letter),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}
