//! A request, decoded but not yet typed.

use crate::Timestamp;

/// A decoded value, the same for every protocol.
///
/// The protocol layer makes it from bytes, following a schema, so a wrong type is found there and reported in the
/// words of that protocol. Validation then walks schema and document together; last, the typed value is built
/// from it.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    String(String),
    Blob(Vec<u8>),
    Timestamp(Timestamp),
    List(Vec<Document>),
    Map(Vec<(String, Document)>),
    /// Members by their index in the structure's schema. Members that are not there are not set.
    Structure(Vec<(u16, Document)>),
    Untyped(Untyped),
}

impl Document {
    /// What a person calls this kind of value, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Blob(_) => "blob",
            Self::Timestamp(_) => "timestamp",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Structure(_) => "structure",
            Self::Untyped(_) => "document",
        }
    }
}

/// Bytes. A newtype, so that `Vec<u8>` is not mistaken for a list of integers.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(pub Vec<u8>);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Blob {
    /// Only the length: blobs are large and may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

/// A value without a schema ("document type"): a small JSON-like tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Untyped {
    #[default]
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    String(String),
    List(Vec<Untyped>),
    Map(Vec<(String, Untyped)>),
}
