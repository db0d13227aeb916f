//! JSON to a [`Document`], straight from the parser's events: no tree of JSON values in between.
//!
//! The words for wrong types are those of the framework ECS is built on. Seen from ECS itself: "STRING_VALUE cannot be
//! converted to Integer" and "Unrecognized collection type class com.amazonaws.madison.frontend.RegisterTaskDefinitionRequest";
//! the others come from DynamoDB, which says the same in these two cases.

use std::cell::RefCell;
use std::fmt;

use api_models::schema::{MapSchema, OperationSchema, Schema, StructureSchema, TimestampFormat};
use api_models::{Document, Timestamp, Untyped};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::protocol::Rejection;

/// The input of `operation` in `body`. An empty body is an empty structure, members that the model does not have are
/// ignored, and a member that is null is as good as absent.
pub(super) fn document(operation: &'static OperationSchema, body: &[u8]) -> Result<Document, Rejection> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Document::Structure(Vec::new()));
    }
    let fault = RefCell::new(None);
    let seed = Seed {
        schema: Schema::Structure(operation.input),
        place: Place::Top,
        scene: Scene { package: package(operation.service.id), fault: &fault },
    };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let decoded = seed.deserialize(&mut deserializer).and_then(|document| {
        deserializer.end()?;
        Ok(document)
    });
    match decoded {
        Ok(document @ Document::Structure(_)) => Ok(document),
        Ok(_) => Err(Rejection::serialization(None)),
        Err(_) => Err(Rejection::serialization(fault.into_inner())),
    }
}

/// The Java package that the service's own types live in, which shows in some messages.
fn package(service: &str) -> &'static str {
    match service {
        "ecs" => "com.amazonaws.madison.frontend",
        _ => "com.amazonaws",
    }
}

/// Where a value stands; the words differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Member,
    Element,
}

/// What all seeds of one document share.
#[derive(Clone, Copy)]
struct Scene<'a> {
    package: &'static str,
    /// The message for the client, beside serde's own error, which would add a line and a column.
    fault: &'a RefCell<Option<String>>,
}

/// A value to be read by its schema.
#[derive(Clone, Copy)]
struct Seed<'a> {
    schema: Schema,
    place: Place,
    scene: Scene<'a>,
}

impl Seed<'_> {
    fn inner(&self, schema: Schema, place: Place) -> Self {
        Self { schema, place, scene: self.scene }
    }

    fn fail<E: Error>(&self, message: impl Into<String>) -> E {
        *self.scene.fault.borrow_mut() = Some(message.into());
        E::custom("does not fit the schema")
    }

    /// A scalar where the schema has something else.
    fn mismatch<E: Error>(&self, found: &'static str) -> E {
        match self.schema {
            Schema::String(_) => self.fail(format!("{found} cannot be converted to String")),
            Schema::Integer(_) => self.fail(format!("{found} cannot be converted to Integer")),
            Schema::Long(_) => self.fail(format!("{found} cannot be converted to Long")),
            Schema::Float(_) => self.fail(format!("{found} cannot be converted to Float")),
            Schema::Double(_) => self.fail(format!("{found} cannot be converted to Double")),
            Schema::Boolean if found == "STRING_VALUE" => self.fail("Unexpected token received from parser"),
            Schema::Boolean => self.fail(format!("{found} cannot be converted to Boolean")),
            Schema::Timestamp(_) => self.fail(format!("{found} cannot be converted to milliseconds since epoch")),
            Schema::Blob(_) => self.fail("only base-64-encoded strings are convertible to bytes"),
            Schema::Structure(_) | Schema::List(_) | Schema::Map(_) | Schema::Untyped => match self.place {
                // AWS leaves the message out here.
                Place::Top => E::custom("not an object"),
                Place::Member => self.fail("Unexpected field type"),
                Place::Element => self.fail("Unexpected value type in payload"),
            },
        }
    }

    /// A list where the schema has something else.
    fn unexpected_list<E: Error>(&self) -> E {
        let class = match self.schema {
            Schema::Structure(schema) => {
                return self.fail(format!("Unrecognized collection type class {}.{}", self.scene.package, schema.name));
            }
            Schema::Map(schema) => {
                let value = java_class(schema.value, self.scene.package);
                return self.fail(format!("Unrecognized collection type java.util.Map<java.lang.String, {value}>"));
            }
            other => java_class(other, self.scene.package),
        };
        self.fail(format!("Unrecognized collection type class {class}"))
    }

    fn integer<E: Error>(&self, value: i64) -> Result<Document, E> {
        match self.schema {
            Schema::Integer(_) if i32::try_from(value).is_err() => Err(self.out_of_range(&value)),
            Schema::Integer(_) | Schema::Long(_) => Ok(Document::Integer(value)),
            Schema::Float(_) | Schema::Double(_) => Ok(Document::Double(value as f64)),
            Schema::Timestamp(TimestampFormat::Default | TimestampFormat::EpochSeconds) => {
                Ok(Document::Timestamp(Timestamp::from_millis(value.saturating_mul(1000))))
            }
            Schema::Untyped => Ok(Document::Untyped(Untyped::Integer(value))),
            _ => Err(self.mismatch("NUMBER_VALUE")),
        }
    }

    fn out_of_range<E: Error>(&self, value: &dyn fmt::Display) -> E {
        if matches!(self.schema, Schema::Integer(_)) {
            let (min, max) = (i32::MIN, i32::MAX);
            self.fail(format!("Numeric value ({value}) out of range of int ({min} - {max})"))
        } else {
            let (min, max) = (i64::MIN, i64::MAX);
            self.fail(format!("Numeric value ({value}) out of range of long ({min} - {max})"))
        }
    }
}

fn java_class(schema: Schema, package: &str) -> String {
    match schema {
        Schema::String(_) => "java.lang.String".to_owned(),
        Schema::Integer(_) => "java.lang.Integer".to_owned(),
        Schema::Long(_) => "java.lang.Long".to_owned(),
        Schema::Float(_) => "java.lang.Float".to_owned(),
        Schema::Double(_) => "java.lang.Double".to_owned(),
        Schema::Boolean => "java.lang.Boolean".to_owned(),
        Schema::Timestamp(_) => "java.util.Date".to_owned(),
        Schema::Blob(_) => "java.nio.ByteBuffer".to_owned(),
        Schema::Structure(schema) => format!("{package}.{}", schema.name),
        Schema::List(list) => format!("java.util.List<{}>", java_class(list.member, package)),
        Schema::Map(map) => format!("java.util.Map<java.lang.String, {}>", java_class(map.value, package)),
        Schema::Untyped => "java.lang.Object".to_owned(),
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Document;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.schema.kind())
    }

    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Document, E> {
        match self.schema {
            Schema::Boolean => Ok(Document::Boolean(value)),
            Schema::Untyped => Ok(Document::Untyped(Untyped::Boolean(value))),
            _ => Err(self.mismatch(if value { "TRUE_VALUE" } else { "FALSE_VALUE" })),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Document, E> {
        self.integer(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Document, E> {
        match (i64::try_from(value), self.schema) {
            (Ok(value), _) => self.integer(value),
            (Err(_), Schema::Integer(_) | Schema::Long(_)) => Err(self.out_of_range(&value)),
            (Err(_), _) => self.visit_f64(value as f64),
        }
    }

    /// A number with a fraction or an exponent. Where the model has an integer the fraction is cut off, as AWS does.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Document, E> {
        match self.schema {
            Schema::Integer(_) | Schema::Long(_) => {
                // The greatest i64 is not a double; the next power of two is.
                if value.abs() < i64::MAX as f64 {
                    self.integer(value.trunc() as i64)
                } else {
                    Err(self.out_of_range(&value))
                }
            }
            Schema::Float(_) | Schema::Double(_) => Ok(Document::Double(value)),
            Schema::Timestamp(TimestampFormat::Default | TimestampFormat::EpochSeconds) => {
                Ok(Document::Timestamp(Timestamp::from_epoch_seconds_f64(value)))
            }
            Schema::Untyped => Ok(Document::Untyped(Untyped::Double(value))),
            _ => Err(self.mismatch("DECIMAL_VALUE")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Document, E> {
        match self.schema {
            Schema::String(_) => Ok(Document::String(value.to_owned())),
            Schema::Blob(_) => match STANDARD.decode(value) {
                Ok(bytes) => Ok(Document::Blob(bytes)),
                Err(_) => Err(self.mismatch("STRING_VALUE")),
            },
            Schema::Timestamp(TimestampFormat::DateTime | TimestampFormat::HttpDate) => match value.parse() {
                Ok(timestamp) => Ok(Document::Timestamp(timestamp)),
                Err(_) => Err(self.mismatch("STRING_VALUE")),
            },
            // How JSON writes what it has no numbers for.
            Schema::Float(_) | Schema::Double(_) => match value {
                "NaN" => Ok(Document::Double(f64::NAN)),
                "Infinity" => Ok(Document::Double(f64::INFINITY)),
                "-Infinity" => Ok(Document::Double(f64::NEG_INFINITY)),
                _ => Err(self.mismatch("STRING_VALUE")),
            },
            Schema::Untyped => Ok(Document::Untyped(Untyped::String(value.to_owned()))),
            _ => Err(self.mismatch("STRING_VALUE")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Document, A::Error> {
        match self.schema {
            Schema::List(schema) => {
                let element = self.inner(schema.member, Place::Element);
                let mut list = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(64));
                while let Some(value) = elements.next_element_seed(element)? {
                    list.push(value);
                }
                Ok(Document::List(list))
            }
            Schema::Untyped => {
                let mut list = Vec::new();
                while let Some(value) = elements.next_element_seed(self)? {
                    list.push(untyped(value));
                }
                Ok(Document::Untyped(Untyped::List(list)))
            }
            _ => Err(self.unexpected_list()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        match self.schema {
            Schema::Structure(schema) => self.structure(schema, entries),
            Schema::Map(schema) => self.map(schema, entries),
            Schema::Untyped => {
                let mut map = Vec::new();
                while let Some(key) = entries.next_key::<String>()? {
                    map.push((key, untyped(entries.next_value_seed(self)?)));
                }
                Ok(Document::Untyped(Untyped::Map(map)))
            }
            _ => Err(self.fail("Start of structure or map found where not expected")),
        }
    }
}

impl Seed<'_> {
    fn structure<'de, A: MapAccess<'de>>(
        self,
        schema: &'static StructureSchema,
        mut entries: A,
    ) -> Result<Document, A::Error> {
        let mut members = Vec::new();
        while let Some(found) = entries.next_key_seed(MemberName(schema))? {
            let Some((index, member)) = found else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            match entries.next_value_seed(self.inner(member, Place::Member))? {
                Document::Null => {}
                value => members.push((index, value)),
            }
        }
        Ok(Document::Structure(members))
    }

    fn map<'de, A: MapAccess<'de>>(self, schema: &'static MapSchema, mut entries: A) -> Result<Document, A::Error> {
        let value = self.inner(schema.value, Place::Element);
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.push((key, entries.next_value_seed(value)?));
        }
        Ok(Document::Map(map))
    }
}

/// The value inside, where the schema is [`Schema::Untyped`].
fn untyped(document: Document) -> Untyped {
    match document {
        Document::Untyped(value) => value,
        _ => Untyped::Null,
    }
}

/// Looks a member up without making a string of its name.
struct MemberName(&'static StructureSchema);

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Option<(u16, Schema)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Option<(u16, Schema)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.member_by_wire_name(name).map(|(index, member)| (index, member.schema)))
    }
}
