//! serde for structures, by schema: the store keeps them in this form.
//!
//! Written once over [`View`] and [`Document`] instead of derived: the derived code of some hundred structures is
//! large, and as it is generic over the format it would be compiled again in every crate that uses it.
//!
//! A structure is a map of the members that are set, by their names in the model. Timestamps are milliseconds.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::{Schema, StructureSchema};
use crate::{Blob, Document, Encode, Fill, Timestamp, Untyped, View};

pub fn serialize_structure<S: Serializer>(value: &dyn Encode, serializer: S) -> Result<S::Ok, S::Error> {
    let members = value.schema().members;
    let set = (0..members.len()).filter(|index| value.field(*index).is_some()).count();
    let mut map = serializer.serialize_map(Some(set))?;
    for (index, member) in members.iter().enumerate() {
        if let Some(view) = value.field(index) {
            map.serialize_entry(member.name, &Some(view))?;
        }
    }
    map.end()
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Boolean(value) => serializer.serialize_bool(value),
            Self::Integer(value) => serializer.serialize_i64(value),
            Self::Double(value) => serializer.serialize_f64(value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Blob(value) => serializer.serialize_bytes(value),
            Self::Timestamp(value) => serializer.serialize_i64(value.as_millis()),
            Self::Untyped(value) => value.serialize(serializer),
            Self::Structure(value) => serialize_structure(value, serializer),
            Self::List(list) => {
                let mut seq = serializer.serialize_seq(Some(list.len()))?;
                for index in 0..list.len() {
                    seq.serialize_element(&list.get(index))?;
                }
                seq.end()
            }
            Self::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                let mut result = Ok(());
                map.for_each(&mut |key, value| {
                    if result.is_ok() {
                        result = out.serialize_entry(key, &value);
                    }
                });
                result?;
                out.end()
            }
        }
    }
}

pub fn deserialize_structure<'de, D: Deserializer<'de>>(
    target: &mut dyn Fill,
    schema: &'static StructureSchema,
    deserializer: D,
) -> Result<(), D::Error> {
    let document = Seed(Schema::Structure(schema)).deserialize(deserializer)?;
    crate::shape::fill_structure(target, schema, document).map_err(D::Error::custom)
}

/// Reads a document by schema.
#[derive(Clone, Copy)]
struct Seed(Schema);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        match self.0 {
            Schema::Structure(_) | Schema::Map(_) => deserializer.deserialize_map(self),
            Schema::List(_) => deserializer.deserialize_seq(self),
            Schema::String(_) => String::deserialize(deserializer).map(Document::String),
            Schema::Integer(_) | Schema::Long(_) => i64::deserialize(deserializer).map(Document::Integer),
            Schema::Float(_) | Schema::Double(_) => f64::deserialize(deserializer).map(Document::Double),
            Schema::Boolean => bool::deserialize(deserializer).map(Document::Boolean),
            Schema::Timestamp(_) => Timestamp::deserialize(deserializer).map(Document::Timestamp),
            Schema::Blob(_) => Blob::deserialize(deserializer).map(|blob| Document::Blob(blob.0)),
            Schema::Untyped => Untyped::deserialize(deserializer).map(Document::Untyped),
        }
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", self.0.kind())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Document, A::Error> {
        match self.0 {
            Schema::Structure(schema) => {
                let mut members = Vec::with_capacity(access.size_hint().unwrap_or(0));
                while let Some(member) = access.next_key_seed(MemberSeed(schema))? {
                    match member {
                        Some(index) => {
                            let seed = OptionSeed(schema.members[usize::from(index)].schema);
                            members.push((index, access.next_value_seed(seed)?));
                        }
                        // Written by another version of the model.
                        None => {
                            access.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(Document::Structure(members))
            }
            Schema::Map(schema) => {
                let mut entries = Vec::with_capacity(access.size_hint().unwrap_or(0));
                while let Some(key) = access.next_key::<String>()? {
                    entries.push((key, access.next_value_seed(Seed(schema.value))?));
                }
                Ok(Document::Map(entries))
            }
            _ => Err(A::Error::custom(format_args!("expected a {}, found a map", self.0.kind()))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Document, A::Error> {
        let Schema::List(schema) = self.0 else {
            return Err(A::Error::custom(format_args!("expected a {}, found a list", self.0.kind())));
        };
        let mut elements = Vec::with_capacity(access.size_hint().unwrap_or(0));
        while let Some(element) = access.next_element_seed(Seed(schema.member))? {
            elements.push(element);
        }
        Ok(Document::List(elements))
    }
}

/// A member's value; null is as good as absent, for what people write by hand.
struct OptionSeed(Schema);

impl<'de> DeserializeSeed<'de> for OptionSeed {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OptionSeed {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} or null", self.0.kind())
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        Seed(self.0).deserialize(deserializer)
    }
}

/// A member's index by its name, without a copy of the name.
struct MemberSeed(&'static StructureSchema);

impl<'de> DeserializeSeed<'de> for MemberSeed {
    type Value = Option<u16>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberSeed {
    type Value = Option<u16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a member of {}", self.0.name)
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.member(name).map(|(index, _)| index))
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Formats without bytes, such as JSON, have a list of numbers.
        Vec::<u8>::deserialize(deserializer).map(Self)
    }
}

impl Serialize for Untyped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Double(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

impl<'de> Deserialize<'de> for Untyped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UntypedVisitor)
    }
}

struct UntypedVisitor;

impl<'de> Visitor<'de> for UntypedVisitor {
    type Value = Untyped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Untyped, E> {
        Ok(Untyped::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Untyped, E> {
        Ok(Untyped::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Untyped, E> {
        Ok(Untyped::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Untyped, E> {
        Ok(i64::try_from(value).map_or(Untyped::Double(value as f64), Untyped::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Untyped, E> {
        Ok(Untyped::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Untyped, E> {
        Ok(Untyped::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Untyped, E> {
        Ok(Untyped::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Untyped, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Untyped::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Untyped, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Untyped::Map(entries))
    }
}
