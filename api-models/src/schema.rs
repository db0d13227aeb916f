//! An API's model as a static tree.
//!
//! Generated code builds these values in `static`s, so a schema costs nothing at start and may be recursive.
//! The constructors are `const fn`s that chain, which keeps the generated files short.

/// The schema of one value. Small and `Copy`: everything large is behind a reference.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    Structure(&'static StructureSchema),
    List(&'static ListSchema),
    Map(&'static MapSchema),
    String(&'static StringSchema),
    Integer(&'static IntegerSchema),
    Long(&'static IntegerSchema),
    Float(&'static DoubleSchema),
    Double(&'static DoubleSchema),
    Boolean,
    Timestamp(TimestampFormat),
    Blob(&'static BlobSchema),
    /// A value without a schema (a "document type"), e.g. the details of a deployment lifecycle hook.
    Untyped,
}

impl Schema {
    /// What a person calls this kind of value, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Structure(_) => "structure",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::String(_) => "string",
            Self::Integer(_) => "integer",
            Self::Long(_) => "long",
            Self::Float(_) => "float",
            Self::Double(_) => "double",
            Self::Boolean => "boolean",
            Self::Timestamp(_) => "timestamp",
            Self::Blob(_) => "blob",
            Self::Untyped => "document",
        }
    }
}

/// How a timestamp is written. `Default` leaves it to the protocol (JSON: epoch seconds; XML: RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    Default,
    EpochSeconds,
    DateTime,
    HttpDate,
}

#[derive(Debug)]
pub struct StructureSchema {
    pub name: &'static str,
    pub members: &'static [MemberSchema],
    /// Exactly one member is set.
    pub union: bool,
    pub sensitive: bool,
    /// Set when the structure is an exception.
    pub error: Option<ErrorSchema>,
    /// The member that is the whole body (REST protocols).
    pub payload: Option<&'static str>,
}

impl StructureSchema {
    pub const fn new(name: &'static str, members: &'static [MemberSchema]) -> Self {
        Self { name, members, union: false, sensitive: false, error: None, payload: None }
    }

    pub const fn union(mut self) -> Self {
        self.union = true;
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub const fn error(mut self, code: &'static str, http_status: u16, fault: bool) -> Self {
        self.error = Some(ErrorSchema { code, http_status, fault });
        self
    }

    pub const fn payload(mut self, member: &'static str) -> Self {
        self.payload = Some(member);
        self
    }

    /// A member and its index by the name it has in the model.
    pub fn member(&self, name: &str) -> Option<(u16, &'static MemberSchema)> {
        let index = self.members.iter().position(|member| member.name == name)?;
        Some((index as u16, &self.members[index]))
    }

    /// A member and its index by the name it has on the wire.
    pub fn member_by_wire_name(&self, name: &str) -> Option<(u16, &'static MemberSchema)> {
        let index = self.members.iter().position(|member| member.wire_name == name)?;
        Some((index as u16, &self.members[index]))
    }
}

/// How an exception is told to a client.
#[derive(Clone, Copy, Debug)]
pub struct ErrorSchema {
    pub code: &'static str,
    pub http_status: u16,
    /// The service's own fault, not the caller's.
    pub fault: bool,
}

#[derive(Debug)]
pub struct MemberSchema {
    /// The name in the model.
    pub name: &'static str,
    /// The name on the wire (`locationName`); the same as `name` in the JSON services.
    pub wire_name: &'static str,
    /// The name in requests of EC2, where the model gives it one of its own (`queryName`).
    pub query_name: Option<&'static str>,
    pub schema: Schema,
    pub required: bool,
    pub idempotency_token: bool,
    pub location: Location,
    /// Never shown in logs: the member itself, or what it holds, is marked sensitive.
    pub sensitive: bool,
}

impl MemberSchema {
    pub const fn new(name: &'static str, schema: Schema) -> Self {
        Self {
            name,
            wire_name: name,
            query_name: None,
            schema,
            required: false,
            idempotency_token: false,
            location: Location::Body,
            sensitive: false,
        }
    }

    pub const fn wire(mut self, name: &'static str) -> Self {
        self.wire_name = name;
        self
    }

    pub const fn query_name(mut self, name: &'static str) -> Self {
        self.query_name = Some(name);
        self
    }

    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub const fn idempotency_token(mut self) -> Self {
        self.idempotency_token = true;
        self
    }

    pub const fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// Where in a request or response a member travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    Body,
    Header,
    /// All headers that begin with the member's wire name.
    Headers,
    Query,
    Uri,
    StatusCode,
}

#[derive(Debug)]
pub struct ListSchema {
    pub name: &'static str,
    pub member: Schema,
    /// The name of an element (XML and query); `member` where the model says nothing.
    pub member_name: &'static str,
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub flattened: bool,
    pub sensitive: bool,
}

impl ListSchema {
    pub const fn new(name: &'static str, member: Schema) -> Self {
        Self { name, member, member_name: "member", min: None, max: None, flattened: false, sensitive: false }
    }

    pub const fn member_name(mut self, name: &'static str) -> Self {
        self.member_name = name;
        self
    }

    pub const fn min(mut self, min: u64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

#[derive(Debug)]
pub struct MapSchema {
    pub name: &'static str,
    pub key: &'static StringSchema,
    pub value: Schema,
    /// The names of an entry's parts (XML and query).
    pub key_name: &'static str,
    pub value_name: &'static str,
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub flattened: bool,
    pub sensitive: bool,
}

impl MapSchema {
    pub const fn new(name: &'static str, key: &'static StringSchema, value: Schema) -> Self {
        Self {
            name,
            key,
            value,
            key_name: "key",
            value_name: "value",
            min: None,
            max: None,
            flattened: false,
            sensitive: false,
        }
    }

    pub const fn entry_names(mut self, key: &'static str, value: &'static str) -> Self {
        self.key_name = key;
        self.value_name = value;
        self
    }

    pub const fn min(mut self, min: u64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

#[derive(Debug)]
pub struct StringSchema {
    pub name: &'static str,
    /// Empty: any string.
    pub enum_values: &'static [&'static str],
    /// Length in characters.
    pub min: Option<u64>,
    pub max: Option<u64>,
    /// A regular expression in the model's (Java's) dialect.
    pub pattern: Option<&'static str>,
    pub sensitive: bool,
    /// The string holds JSON and travels encoded (a header of a REST protocol).
    pub json_value: bool,
}

impl StringSchema {
    pub const fn new(name: &'static str) -> Self {
        Self { name, enum_values: &[], min: None, max: None, pattern: None, sensitive: false, json_value: false }
    }

    pub const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.enum_values = values;
        self
    }

    pub const fn min(mut self, min: u64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    pub const fn pattern(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    pub const fn json_value(mut self) -> Self {
        self.json_value = true;
        self
    }
}

/// A 32- or 64-bit integer, by the [`Schema`] variant that holds it.
#[derive(Debug)]
pub struct IntegerSchema {
    pub name: &'static str,
    pub min: Option<i64>,
    pub max: Option<i64>,
}

impl IntegerSchema {
    pub const fn new(name: &'static str) -> Self {
        Self { name, min: None, max: None }
    }

    pub const fn min(mut self, min: i64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: i64) -> Self {
        self.max = Some(max);
        self
    }
}

#[derive(Debug)]
pub struct DoubleSchema {
    pub name: &'static str,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl DoubleSchema {
    pub const fn new(name: &'static str) -> Self {
        Self { name, min: None, max: None }
    }

    pub const fn min(mut self, min: f64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: f64) -> Self {
        self.max = Some(max);
        self
    }
}

#[derive(Debug)]
pub struct BlobSchema {
    pub name: &'static str,
    /// Length in bytes.
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub sensitive: bool,
}

impl BlobSchema {
    pub const fn new(name: &'static str) -> Self {
        Self { name, min: None, max: None, sensitive: false }
    }

    pub const fn min(mut self, min: u64) -> Self {
        self.min = Some(min);
        self
    }

    pub const fn max(mut self, max: u64) -> Self {
        self.max = Some(max);
        self
    }

    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

mod service;
pub use service::{OperationSchema, Pagination, Protocol, ServiceSchema};
