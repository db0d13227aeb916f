//! A definition that rests as JSON and is unpacked when somebody reads it.
//!
//! As typed values a usual definition takes three kilobytes, most of it room for members nobody set; its JSON takes
//! less than one. Old revisions pile up by the thousands and are never looked at, so only what is read is unpacked.
//! The JSON is also what the journal writes and reads, as it is.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use api_models::ecs;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Reads as the definition it holds; cheap to clone.
#[derive(Clone)]
pub struct Packed(Arc<Inner>);

struct Inner {
    json: Box<RawValue>,
    unpacked: OnceLock<Box<ecs::TaskDefinition>>,
}

impl Packed {
    /// Packs a definition.
    #[must_use]
    pub fn new(definition: &ecs::TaskDefinition) -> Self {
        match serde_json::value::to_raw_value(definition) {
            Ok(json) => Self::of(json, OnceLock::new()),
            // Only numbers that JSON lacks can't be written, and the model has none here; still nothing is lost.
            Err(_) => Self::of(RawValue::NULL.to_owned(), OnceLock::from(Box::new(definition.clone()))),
        }
    }

    /// A copy of the definition, without keeping it unpacked for the next reader.
    #[must_use]
    pub fn unpack(&self) -> ecs::TaskDefinition {
        match self.0.unpacked.get() {
            Some(definition) => ecs::TaskDefinition::clone(definition),
            None => self.0.read(),
        }
    }

    fn of(json: Box<RawValue>, unpacked: OnceLock<Box<ecs::TaskDefinition>>) -> Self {
        Self(Arc::new(Inner { json, unpacked }))
    }
}

impl Inner {
    fn read(&self) -> ecs::TaskDefinition {
        // Only what was written as a definition is ever here.
        serde_json::from_str(self.json.get()).unwrap_or_default()
    }
}

/// Keeps the definition unpacked.
impl Deref for Packed {
    type Target = ecs::TaskDefinition;

    fn deref(&self) -> &ecs::TaskDefinition {
        self.0.unpacked.get_or_init(|| Box::new(self.0.read()))
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|json| Self::of(json, OnceLock::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_loses_nothing_and_is_what_the_journal_writes() {
        let json = r#"{"networkMode":"awsvpc","cpu":"256","containerDefinitions":[{"name":"a","environment":[]}]}"#;
        let definition: ecs::TaskDefinition = serde_json::from_str(json).expect("a definition");
        let packed = Packed::new(&definition);
        assert_eq!(*packed, definition);
        let written = serde_json::to_string(&packed).expect("JSON");
        let read: Packed = serde_json::from_str(&written).expect("a definition");
        assert_eq!((&*read, &read), (&definition, &packed));
    }
}
