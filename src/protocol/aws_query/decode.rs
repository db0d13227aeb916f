//! A form to a [`Document`], by schema: `Tags.member.1.Key=a` is the key of the first element of `Tags`.
//!
//! Pairs that the schema does not have are left out, as AWS does. What is there but not of its type is a
//! MalformedInput.

use api_models::schema::{ListSchema, MapSchema, MemberSchema, OperationSchema, Schema, StructureSchema};
use api_models::{Document, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Variant;
use super::form::Form;
use crate::protocol::Rejection;

/// Structures within structures; no API has as many, but some may hold themselves.
const DEPTH: usize = 64;

pub(super) fn document(
    operation: &'static OperationSchema,
    form: &Form<'_>,
    variant: Variant,
) -> Result<Document, Rejection> {
    let mut decoder = Decoder { form, variant, path: String::with_capacity(64), depth: 0 };
    Ok(Document::Structure(decoder.structure(operation.input)?))
}

struct Decoder<'a> {
    form: &'a Form<'a>,
    variant: Variant,
    /// The key of the value that is being read.
    path: String,
    depth: usize,
}

impl Decoder<'_> {
    fn structure(&mut self, schema: &'static StructureSchema) -> Result<Vec<(u16, Document)>, Rejection> {
        let mut members = Vec::new();
        for (index, member) in schema.members.iter().enumerate() {
            let name = self.name(member);
            if let Some(value) = self.inside(&name, |decoder| decoder.value(member.schema))? {
                members.push((index as u16, value));
            }
        }
        Ok(members)
    }

    fn name(&self, member: &'static MemberSchema) -> String {
        match self.variant {
            Variant::Aws => member.wire_name.to_owned(),
            Variant::Ec2 => member.query_name.map_or_else(|| capitalised(member.wire_name), str::to_owned),
        }
    }

    /// Goes one step down the path, and back.
    fn inside<T>(&mut self, part: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(part);
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// The value at the path; `None` when the form has nothing there.
    fn value(&mut self, schema: Schema) -> Result<Option<Document>, Rejection> {
        match schema {
            Schema::Structure(schema) => {
                let prefix = format!("{}.", self.path);
                if self.form.below(&prefix).next().is_none() {
                    return Ok(None);
                }
                self.deeper(|decoder| decoder.structure(schema)).map(|members| Some(Document::Structure(members)))
            }
            Schema::List(schema) => self.deeper(|decoder| decoder.list(schema)),
            Schema::Map(schema) => self.deeper(|decoder| decoder.map(schema)),
            scalar => self.form.get(&self.path).map_or(Ok(None), |text| self.scalar(scalar, text)),
        }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Rejection>) -> Result<T, Rejection> {
        if self.depth == DEPTH {
            return Err(malformed(format!("{} is nested too deeply", shown(&self.path))));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn list(&mut self, schema: &'static ListSchema) -> Result<Option<Document>, Rejection> {
        let read = |decoder: &mut Self| {
            let mut list = Vec::new();
            for index in decoder.indexes()? {
                if let Some(value) = decoder.inside(&index, |decoder| decoder.value(schema.member))? {
                    list.push(value);
                }
            }
            Ok(list)
        };
        // A flattened list stands under its element's name, which codegen made the member's name. EC2 flattens all.
        let list = if schema.flattened || self.variant == Variant::Ec2 {
            read(self)?
        } else {
            self.inside(schema.member_name, read)?
        };
        Ok(self.unless_absent(list.is_empty(), Document::List(list)))
    }

    fn map(&mut self, schema: &'static MapSchema) -> Result<Option<Document>, Rejection> {
        let read = |decoder: &mut Self| {
            let mut map = Vec::new();
            for index in decoder.indexes()? {
                let entry = decoder.inside(&index, |decoder| {
                    let path = format!("{}.{}", decoder.path, schema.key_name);
                    let key = decoder.form.get(&path).ok_or_else(|| malformed(format!("{} is missing", shown(&path))));
                    let value = decoder.inside(schema.value_name, |decoder| decoder.value(schema.value));
                    Ok((key?.to_owned(), value?.unwrap_or(Document::Null)))
                })?;
                map.push(entry);
            }
            Ok(map)
        };
        let map = if schema.flattened { read(self)? } else { self.inside("entry", read)? };
        Ok(self.unless_absent(map.is_empty(), Document::Map(map)))
    }

    /// Clients write an empty collection as its own key with nothing behind it.
    fn unless_absent(&self, is_empty: bool, collection: Document) -> Option<Document> {
        (!is_empty || self.form.get(&self.path).is_some()).then_some(collection)
    }

    /// The numbers that follow the path, in order; gaps close.
    fn indexes(&self) -> Result<Vec<String>, Rejection> {
        let prefix = format!("{}.", self.path);
        let mut indexes: Vec<(u32, &str)> = Vec::new();
        for rest in self.form.below(&prefix) {
            let part = rest.split_once('.').map_or(rest, |(part, _)| part);
            if indexes.last().is_some_and(|(_, last)| *last == part) {
                continue;
            }
            // One way to write a number, so that no element is there twice.
            match part.parse::<u32>() {
                Ok(number) if number > 0 && !part.starts_with(['0', '+']) => indexes.push((number, part)),
                _ => return Err(malformed(format!("Key {}{} is not a list index", shown(&prefix), shown(part)))),
            }
        }
        indexes.sort_unstable();
        indexes.dedup();
        Ok(indexes.into_iter().map(|(_, part)| part.to_owned()).collect())
    }

    fn scalar(&self, schema: Schema, text: &str) -> Result<Option<Document>, Rejection> {
        let value = match schema {
            Schema::String(_) => Some(Document::String(text.to_owned())),
            // A key with nothing behind it is as good as none.
            _ if text.is_empty() => return Ok(None),
            Schema::Integer(_) => text.parse::<i32>().ok().map(|value| Document::Integer(value.into())),
            Schema::Long(_) => text.parse().ok().map(Document::Integer),
            Schema::Float(_) | Schema::Double(_) => text.parse().ok().map(Document::Double),
            Schema::Boolean if text.eq_ignore_ascii_case("true") => Some(Document::Boolean(true)),
            Schema::Boolean if text.eq_ignore_ascii_case("false") => Some(Document::Boolean(false)),
            Schema::Timestamp(_) => timestamp(text).map(Document::Timestamp),
            Schema::Blob(_) => STANDARD.decode(text).ok().map(Document::Blob),
            _ => None,
        };
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(malformed(format!("{} can not be converted to {}", shown(&self.path), class(schema)))),
        }
    }
}

/// A date as ISO 8601, or seconds since the epoch: services take both.
fn timestamp(text: &str) -> Option<Timestamp> {
    let seconds = || text.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    text.parse().ok().or_else(|| seconds().map(Timestamp::from_epoch_seconds_f64))
}

fn class(schema: Schema) -> &'static str {
    match schema {
        Schema::Integer(_) => "an Integer",
        Schema::Long(_) => "a Long",
        Schema::Float(_) | Schema::Double(_) => "a Double",
        Schema::Boolean => "a Boolean",
        Schema::Timestamp(_) => "a Date",
        Schema::Blob(_) => "bytes: only base-64-encoded strings are",
        _ => "a value",
    }
}

fn malformed(message: String) -> Rejection {
    Rejection::new(400, "MalformedInput", message)
}

/// What a message may repeat of a key.
fn shown(text: &str) -> &str {
    text.get(..100).unwrap_or(text)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
