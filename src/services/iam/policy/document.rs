//! A policy as its JSON says: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PolicyDocument {
    pub version: Option<String>,
    pub id: Option<String>,
    #[serde(default)]
    pub statement: Many<Statement>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Effect {
    Allow,
    Deny,
}

/// Operator, then key, then values.
pub(super) type Conditions = BTreeMap<String, BTreeMap<String, Many<Text>>>;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    pub principal: Option<Principal>,
    pub not_principal: Option<Principal>,
    pub action: Option<Many<String>>,
    pub not_action: Option<Many<String>>,
    pub resource: Option<Many<String>>,
    pub not_resource: Option<Many<String>>,
    #[serde(default)]
    pub condition: Conditions,
}

/// Who a trust policy speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Principal {
    /// `"*"`
    Any,
    /// By kind: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    Of(BTreeMap<String, Many<String>>),
}

/// One value, or a list of them: the grammar allows both.
#[derive(Clone, Debug, PartialEq)]
pub struct Many<T>(pub Vec<T>);

/// A value of a condition; numbers and booleans count as their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Why a text is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    NotJson,
    NotAPolicy,
}

impl PolicyDocument {
    /// Reads a policy.
    ///
    /// # Errors
    /// When it is no JSON, or JSON of another form.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| Unreadable::NotJson)?;
        serde_json::from_str(text).map_err(|_| Unreadable::NotAPolicy)
    }
}

/// Reads one value as well as a list.
struct ManyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Many<T>, A::Error> {
        let mut many = Vec::new();
        while let Some(element) = elements.next_element()? {
            many.push(element);
        }
        Ok(Many(many))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Many<T>, A::Error> {
        T::deserialize(de::value::MapAccessDeserializer::new(entries)).map(|one| Many(vec![one]))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Many<T>, E> {
        T::deserialize(de::value::StrDeserializer::new(value)).map(|one| Many(vec![one]))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Many<T>, E> {
        T::deserialize(de::value::BoolDeserializer::new(value)).map(|one| Many(vec![one]))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Many<T>, E> {
        T::deserialize(de::value::U64Deserializer::new(value)).map(|one| Many(vec![one]))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Many<T>, E> {
        T::deserialize(de::value::I64Deserializer::new(value)).map(|one| Many(vec![one]))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Many<T>, E> {
        T::deserialize(de::value::F64Deserializer::new(value)).map(|one| Many(vec![one]))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(std::marker::PhantomData))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Text, E> {
        Ok(Text(value.to_owned()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct PrincipalVisitor;

impl<'de> Visitor<'de> for PrincipalVisitor {
    type Value = Principal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"*\", or principals by their kind")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Principal, E> {
        if value == "*" { Ok(Principal::Any) } else { Err(E::custom("not a principal")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Principal, A::Error> {
        BTreeMap::deserialize(de::value::MapAccessDeserializer::new(entries)).map(Principal::Of)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PrincipalVisitor)
    }
}
