//! Checks a document against the constraints of its schema: required members, lengths, ranges, enum values.
//!
//! Each service tells a violation in its own words and with its own exception: [`ecs`] for ECS, [`ec2`] for EC2, [`coral`]
//! (what most newer services say) for all others. Patterns are left to the operations: the models have few, and where a service
//! checks one it has special words for it.

mod coral;
mod ec2;
mod ecs;
#[cfg(test)]
mod tests;

use std::fmt;

use api_models::Document;
use api_models::schema::{MemberSchema, OperationSchema, Protocol, Schema, StringSchema, StructureSchema};

use super::Rejection;

/// Checks the input of `operation`.
///
/// # Errors
/// What the service answers to input that breaks a constraint of its model.
pub fn input(operation: &'static OperationSchema, input: &Document) -> Result<(), Rejection> {
    let is_ecs = operation.service.id == "ecs";
    let mut walk =
        Walk { blank_is_missing: is_ecs, skips: if is_ecs { ecs::skips } else { |_| false }, found: Vec::new() };
    walk.structure(operation.input, input, &Path::Root);
    match walk.found.as_slice() {
        [] => Ok(()),
        [first, ..] if is_ecs => Err(ecs::rejection(operation, first)),
        [first, ..] if operation.service.protocol == Protocol::Ec2Query => Err(ec2::rejection(first)),
        all => Err(coral::rejection(operation, all)),
    }
}

/// One broken constraint.
#[derive(Debug)]
struct Violation {
    /// The structure that has the member, and the member; `None` for a structure itself (unions).
    member: Option<(&'static StructureSchema, &'static MemberSchema)>,
    /// Where it is, as in `containerDefinitions.1.member.name`, the way AWS writes it.
    path: String,
    /// Whether the member is one of the input itself.
    top: bool,
    /// What was given, as far as it can be shown in a message.
    value: String,
    constraint: Constraint,
}

#[derive(Clone, Copy, Debug)]
enum Constraint {
    /// A required member that is not there (or, where the service takes it for the same, an empty text).
    Required,
    /// A null in a list or map.
    NotNull,
    OneOf(&'static StringSchema),
    MinLength(u64),
    MaxLength(u64),
    Min(f64),
    Max(f64),
    /// A union with no member set, or more than one.
    ExactlyOne,
}

/// The way from the input to a value, on the stack: it becomes a text only for a violation.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'static StructureSchema, &'static MemberSchema),
    Element(&'a Path<'a>, usize),
    Value(&'a Path<'a>, &'a str),
}

impl Path<'_> {
    /// The member this value is, or is inside of.
    fn member(&self) -> Option<(&'static StructureSchema, &'static MemberSchema)> {
        match self {
            Self::Root => None,
            Self::Member(_, structure, member) => Some((structure, member)),
            Self::Element(parent, _) | Self::Value(parent, _) => parent.member(),
        }
    }

    fn is_top(&self) -> bool {
        match self {
            Self::Root => false,
            Self::Member(parent, ..) => matches!(parent, Self::Root),
            Self::Element(parent, _) | Self::Value(parent, _) => parent.is_top(),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, _, member) => lower_camel(member.wire_name, f),
            Self::Member(parent, _, member) => {
                write!(f, "{parent}.")?;
                lower_camel(member.wire_name, f)
            }
            Self::Element(parent, index) => write!(f, "{parent}.{}.member", index + 1),
            Self::Value(parent, key) => write!(f, "{parent}.{key}.member"),
        }
    }
}

/// AWS's sentences have the members of Java classes, which begin with a small letter whatever the wire says.
fn lower_camel(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut letters = name.chars();
    if let Some(first) = letters.next() {
        write!(f, "{}", first.to_ascii_lowercase())?;
    }
    f.write_str(letters.as_str())
}

struct Walk {
    blank_is_missing: bool,
    /// Says of a shape, by name, that the operations check it themselves.
    skips: fn(&str) -> bool,
    found: Vec<Violation>,
}

impl Walk {
    fn structure(&mut self, schema: &'static StructureSchema, document: &Document, path: &Path<'_>) {
        let Document::Structure(members) = document else { return };
        for (index, member) in schema.members.iter().enumerate() {
            if !member.required {
                continue;
            }
            let given = members.iter().find(|(given, _)| usize::from(*given) == index).map(|(_, value)| value);
            let missing = match given {
                None | Some(Document::Null) => true,
                Some(Document::String(text)) => self.blank_is_missing && matches!(path, Path::Root) && text.is_empty(),
                Some(_) => false,
            };
            if missing {
                self.report(&Path::Member(path, schema, member), Constraint::Required, "null");
            }
        }
        if schema.union && members.len() != 1 {
            self.report(path, Constraint::ExactlyOne, "");
        }
        for (index, value) in members {
            if let Some(member) = schema.members.get(usize::from(*index)) {
                self.value(member.schema, value, &Path::Member(path, schema, member));
            }
        }
    }

    fn value(&mut self, schema: Schema, value: &Document, path: &Path<'_>) {
        match (schema, value) {
            (_, Document::Null) => self.report(path, Constraint::NotNull, "null"),
            (Schema::Structure(schema), value) => self.structure(schema, value, path),
            (Schema::List(schema), Document::List(list)) => {
                if !(self.skips)(schema.name) {
                    self.length(list.len(), schema.min, schema.max, path, || format!("{} elements", list.len()));
                }
                for (index, element) in list.iter().enumerate() {
                    self.value(schema.member, element, &Path::Element(path, index));
                }
            }
            (Schema::Map(schema), Document::Map(map)) => {
                if !(self.skips)(schema.name) {
                    self.length(map.len(), schema.min, schema.max, path, || format!("{} entries", map.len()));
                }
                for (key, value) in map {
                    let path = Path::Value(path, key);
                    self.text(schema.key, key, &path);
                    self.value(schema.value, value, &path);
                }
            }
            (Schema::String(schema), Document::String(text)) => self.text(schema, text, path),
            (Schema::Integer(schema) | Schema::Long(schema), Document::Integer(value)) => {
                self.range(*value as f64, schema.min.map(|min| min as f64), schema.max.map(|max| max as f64), path);
            }
            (Schema::Float(schema) | Schema::Double(schema), Document::Double(value)) => {
                self.range(*value, schema.min, schema.max, path);
            }
            (Schema::Blob(schema), Document::Blob(bytes)) => {
                self.length(bytes.len(), schema.min, schema.max, path, || format!("{} bytes", bytes.len()));
            }
            _ => {}
        }
    }

    fn text(&mut self, schema: &'static StringSchema, text: &str, path: &Path<'_>) {
        if (self.skips)(schema.name) {
            return;
        }
        if !schema.enum_values.is_empty() && !schema.enum_values.contains(&text) {
            self.report(path, Constraint::OneOf(schema), text);
        }
        if schema.min.is_some() || schema.max.is_some() {
            self.length(text.chars().count(), schema.min, schema.max, path, || text.to_owned());
        }
    }

    fn length(
        &mut self,
        length: usize,
        min: Option<u64>,
        max: Option<u64>,
        path: &Path<'_>,
        shown: impl Fn() -> String,
    ) {
        let length = length as u64;
        if let Some(min) = min.filter(|min| length < *min) {
            self.report(path, Constraint::MinLength(min), &shown());
        }
        if let Some(max) = max.filter(|max| length > *max) {
            self.report(path, Constraint::MaxLength(max), &shown());
        }
    }

    fn range(&mut self, value: f64, min: Option<f64>, max: Option<f64>, path: &Path<'_>) {
        // A NaN is outside of every range.
        if let Some(min) = min.filter(|min| value.is_nan() || value < *min) {
            self.report(path, Constraint::Min(min), &value.to_string());
        }
        if let Some(max) = max.filter(|max| value > *max) {
            self.report(path, Constraint::Max(max), &value.to_string());
        }
    }

    fn report(&mut self, path: &Path<'_>, constraint: Constraint, value: &str) {
        let sensitive = path.member().is_some_and(|(structure, member)| structure.sensitive || member.sensitive);
        let value = if sensitive { "(sensitive)".to_owned() } else { value.to_owned() };
        self.found.push(Violation {
            member: path.member(),
            path: path.to_string(),
            top: path.is_top(),
            value,
            constraint,
        });
    }
}

/// The exception that `operation` declares, from the most to the least fitting one.
fn declared(operation: &'static OperationSchema, wanted: &[&'static str]) -> (&'static str, u16) {
    let found = wanted.iter().find_map(|name| operation.errors.iter().find(|error| error.name == *name));
    match found {
        Some(error) => error.error.map_or((error.name, 400), |error| (error.code, error.http_status)),
        None => ("ValidationException", 400),
    }
}
