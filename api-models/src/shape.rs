//! Typed values: made from a [`Document`], looked at through a [`View`].

use std::collections::BTreeMap;

use crate::schema::StructureSchema;
use crate::{Blob, Document, ShapeSerializer, Timestamp, Untyped};

/// A value of the API: a structure, an enum, a list, a string...
pub trait Shape: Sized {
    fn from_document(document: Document) -> Result<Self, ShapeError>;

    fn view(&self) -> View<'_>;
}

/// The object-safe side of a structure: enough to write it by its schema.
pub trait Encode {
    fn schema(&self) -> &'static StructureSchema;

    /// The member at this index of the schema, if it is set.
    fn field(&self, index: usize) -> Option<View<'_>>;

    /// Writes the structure to a protocol's serializer.
    fn encode(&self, serializer: &mut dyn ShapeSerializer);
}

/// The other direction of [`Encode::field`], object-safe as well.
pub trait Fill {
    fn set_field(&mut self, index: u16, value: Document) -> Result<(), ShapeError>;
}

/// A generated structure.
pub trait Structure: Shape + Encode + Fill + Default {
    const SCHEMA: &'static StructureSchema;
}

/// A borrowed look at a value.
#[derive(Clone, Copy)]
pub enum View<'a> {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    String(&'a str),
    Blob(&'a [u8]),
    Timestamp(Timestamp),
    List(&'a dyn ListView),
    Map(&'a dyn MapView),
    Structure(&'a dyn Encode),
    Untyped(&'a Untyped),
}

pub trait ListView {
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    fn get(&self, index: usize) -> View<'_>;
}

pub trait MapView {
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    fn for_each(&self, visit: &mut dyn FnMut(&str, View<'_>));
}

/// A document that does not fit the type. Protocols decode by schema, so this does not happen for their documents.
#[derive(Debug, thiserror::Error)]
#[error("{path}: expected {expected}, found {found}", path = if self.path.is_empty() { "." } else { &self.path })]
pub struct ShapeError {
    path: String,
    expected: &'static str,
    found: &'static str,
}

impl ShapeError {
    pub fn new(expected: &'static str, found: &'static str) -> Self {
        Self { path: String::new(), expected, found }
    }

    fn inside(mut self, part: &str) -> Self {
        self.path = format!(".{part}{}", self.path);
        self
    }
}

/// Sets the members of a structure from a document. Once for all structures, by `dyn`.
pub fn fill_structure(
    target: &mut dyn Fill,
    schema: &'static StructureSchema,
    document: Document,
) -> Result<(), ShapeError> {
    let Document::Structure(members) = document else {
        return Err(ShapeError::new("structure", document.kind()));
    };
    for (index, value) in members {
        if value == Document::Null {
            continue;
        }
        target.set_field(index, value).map_err(|error| {
            error.inside(schema.members.get(usize::from(index)).map_or("unknown member", |member| member.name))
        })?;
    }
    Ok(())
}

macro_rules! scalar {
    ($type:ty, $variant:ident, $expected:literal, $view:expr) => {
        impl Shape for $type {
            fn from_document(document: Document) -> Result<Self, ShapeError> {
                match document {
                    Document::$variant(value) => Ok(value.into()),
                    other => Err(ShapeError::new($expected, other.kind())),
                }
            }

            fn view(&self) -> View<'_> {
                let view: fn(&Self) -> View<'_> = $view;
                view(self)
            }
        }
    };
}

scalar!(bool, Boolean, "boolean", |value| View::Boolean(*value));
scalar!(i64, Integer, "long", |value| View::Integer(*value));
scalar!(String, String, "string", |value| View::String(value));
scalar!(Blob, Blob, "blob", |value| View::Blob(&value.0));
scalar!(Timestamp, Timestamp, "timestamp", |value| View::Timestamp(*value));
scalar!(Untyped, Untyped, "document", |value| View::Untyped(value));

impl Shape for i32 {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        match document {
            Document::Integer(value) => Self::try_from(value).map_err(|_| ShapeError::new("integer", "long")),
            other => Err(ShapeError::new("integer", other.kind())),
        }
    }

    fn view(&self) -> View<'_> {
        View::Integer(i64::from(*self))
    }
}

impl Shape for f64 {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        match document {
            Document::Double(value) => Ok(value),
            Document::Integer(value) => Ok(value as Self),
            other => Err(ShapeError::new("double", other.kind())),
        }
    }

    fn view(&self) -> View<'_> {
        View::Double(*self)
    }
}

impl Shape for f32 {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        f64::from_document(document).map(|value| value as Self)
    }

    fn view(&self) -> View<'_> {
        View::Double(f64::from(*self))
    }
}

impl<T: Shape> Shape for Box<T> {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        T::from_document(document).map(Self::new)
    }

    fn view(&self) -> View<'_> {
        T::view(self)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        match document {
            Document::List(elements) => elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| T::from_document(element).map_err(|error| error.inside(&index.to_string())))
                .collect(),
            other => Err(ShapeError::new("list", other.kind())),
        }
    }

    fn view(&self) -> View<'_> {
        View::List(self)
    }
}

impl<T: Shape> ListView for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> View<'_> {
        self[index].view()
    }
}

impl<K: From<String> + AsRef<str> + Ord, T: Shape> Shape for BTreeMap<K, T> {
    fn from_document(document: Document) -> Result<Self, ShapeError> {
        match document {
            Document::Map(entries) => entries
                .into_iter()
                .map(|(key, value)| match T::from_document(value) {
                    Ok(value) => Ok((K::from(key), value)),
                    Err(error) => Err(error.inside(&key)),
                })
                .collect(),
            other => Err(ShapeError::new("map", other.kind())),
        }
    }

    fn view(&self) -> View<'_> {
        View::Map(self)
    }
}

impl<K: From<String> + AsRef<str> + Ord, T: Shape> MapView for BTreeMap<K, T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn for_each(&self, visit: &mut dyn FnMut(&str, View<'_>)) {
        for (key, value) in self {
            visit(key.as_ref(), value.view());
        }
    }
}
