//! What every generated type has in common, as macros: the generated files then hold only what differs.

/// The traits of a structure. Members are listed with their index in the schema.
macro_rules! structure {
    ($name:ident, $schema:path, { $($index:literal $field:ident,)* }) => {
        impl $crate::Encode for $name {
            fn schema(&self) -> &'static $crate::schema::StructureSchema {
                &$schema
            }

            fn field(&self, index: usize) -> Option<$crate::View<'_>> {
                match index {
                    $($index => self.$field.as_ref().map($crate::Shape::view),)*
                    _ => None,
                }
            }

            fn encode(&self, serializer: &mut dyn $crate::ShapeSerializer) {
                $crate::private::write_structure(self, serializer);
            }
        }

        impl $crate::Fill for $name {
            fn set_field(&mut self, index: u16, value: $crate::Document) -> Result<(), $crate::ShapeError> {
                match index {
                    $($index => self.$field = Some($crate::Shape::from_document(value)?),)*
                    _ => return Err($crate::ShapeError::new("a known member", value.kind())),
                }
                #[allow(unreachable_code, reason = "a structure without members")]
                Ok(())
            }
        }

        impl $crate::Shape for $name {
            fn from_document(document: $crate::Document) -> Result<Self, $crate::ShapeError> {
                let mut value = Self::default();
                $crate::private::fill_structure(&mut value, &$schema, document)?;
                Ok(value)
            }

            fn view(&self) -> $crate::View<'_> {
                $crate::View::Structure(self)
            }
        }

        impl $crate::Structure for $name {
            const SCHEMA: &'static $crate::schema::StructureSchema = &$schema;
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::private::fmt_structure(self, f)
            }
        }

        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::private::serialize_structure(self, serializer)
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut value = Self::default();
                $crate::private::deserialize_structure(&mut value, &$schema, deserializer)?;
                Ok(value)
            }
        }
    };
}

/// An enum of strings. What the model does not know is kept as `Unrecognized` (a value may well be called `UNKNOWN`).
macro_rules! string_enum {
    ($name:ident { $($variant:ident = $value:literal,)* }) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($variant,)*
            /// A value that the model does not have.
            Unrecognized(Box<str>),
        }

        impl $name {
            /// All values of the model.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unrecognized(value) => value,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    other => Self::Unrecognized(other.into()),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(value))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::Shape for $name {
            fn from_document(document: $crate::Document) -> Result<Self, $crate::ShapeError> {
                String::from_document(document).map(Self::from)
            }

            fn view(&self) -> $crate::View<'_> {
                $crate::View::String(self.as_str())
            }
        }

        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

/// What an exception is besides a structure. `$message` is its member for the message, `$code` the one for its code,
/// where that is not always the same.
macro_rules! exception {
    ($name:ident, $message:ident $(, $code:ident)?) => {
        impl $name {
            #[allow(clippy::needless_update, reason = "most exceptions have no other member")]
            pub fn new(message: impl Into<String>) -> Self {
                Self { $message: Some(message.into()), ..Self::default() }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::Exception::message(self))
            }
        }

        impl std::error::Error for $name {}

        impl $crate::Exception for $name {
            fn message(&self) -> &str {
                self.$message.as_deref().unwrap_or_default()
            }

            $(fn code(&self) -> &str {
                self.$code.as_deref().unwrap_or_default()
            })?
        }
    };
}

/// The error enum of an operation: a variant for each exception, and `Unexpected`.
macro_rules! operation_error {
    ($name:ident, $operation:path, { $($exception:ident,)* }) => {
        #[derive(Debug)]
        pub enum $name {
            $($exception($exception),)*
            Unexpected($crate::Unexpected),
        }

        $(impl From<$exception> for $name {
            fn from(error: $exception) -> Self {
                Self::$exception(error)
            }
        })*

        impl From<$crate::Unexpected> for $name {
            fn from(error: $crate::Unexpected) -> Self {
                Self::Unexpected(error)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$exception(error) => error.fmt(f),)*
                    Self::Unexpected(error) => error.fmt(f),
                }
            }
        }

        impl std::error::Error for $name {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                match self {
                    Self::Unexpected(error) => error.source(),
                    #[allow(unreachable_patterns, reason = "an operation without exceptions")]
                    _ => None,
                }
            }
        }

        impl $crate::OperationError for $name {
            fn operation(&self) -> &'static $crate::schema::OperationSchema {
                &$operation
            }

            fn exception(&self) -> Result<&dyn $crate::Exception, &$crate::Unexpected> {
                match self {
                    $(Self::$exception(error) => Ok(error),)*
                    Self::Unexpected(error) => Err(error),
                }
            }
        }
    };
}

/// The marker type of an operation.
macro_rules! operation {
    ($name:ident, $schema:path, $input:path => $output:path, $error:path) => {
        pub struct $name;

        impl $crate::Operation for $name {
            const SCHEMA: &'static $crate::schema::OperationSchema = &$schema;
            type Input = $input;
            type Output = $output;
            type Error = $error;
        }
    };
}

/// The errors that all operations of a service have in common, and how they become each operation's own.
macro_rules! common_error {
    ($name:ident { $($exception:ident,)* } => $($operation:ident,)*) => {
        /// The errors that every operation of this service has. A helper that can fail in more than one way returns
        /// it; `?` turns it into the error of any operation.
        #[derive(Debug)]
        pub enum $name {
            $($exception($exception),)*
            Unexpected($crate::Unexpected),
        }

        $(impl From<$exception> for $name {
            fn from(error: $exception) -> Self {
                Self::$exception(error)
            }
        })*

        impl From<$crate::Unexpected> for $name {
            fn from(error: $crate::Unexpected) -> Self {
                Self::Unexpected(error)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$exception(error) => error.fmt(f),)*
                    Self::Unexpected(error) => error.fmt(f),
                }
            }
        }

        impl std::error::Error for $name {}

        common_error!(@into $name { $($exception,)* } $($operation,)*);
    };
    // One operation at a time: a macro cannot repeat the exceptions inside the repetition of the operations.
    (@into $name:ident $exceptions:tt $($operation:ident,)*) => {
        $(common_error!(@one $name $operation $exceptions);)*
    };
    (@one $name:ident $operation:ident { $($exception:ident,)* }) => {
        impl From<$name> for $operation {
            fn from(error: $name) -> Self {
                match error {
                    $($name::$exception(error) => Self::$exception(error),)*
                    $name::Unexpected(error) => Self::Unexpected(error),
                }
            }
        }
    };
}

pub(crate) use {common_error, exception, operation, operation_error, string_enum, structure};
