//! `Debug` for structures: only what is set, and nothing that the model calls sensitive.

use std::fmt;

use crate::{Encode, View};

pub fn fmt_structure(value: &dyn Encode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let schema = value.schema();
    let mut out = f.debug_struct(schema.name);
    for (index, member) in schema.members.iter().enumerate() {
        let Some(view) = value.field(index) else {
            continue;
        };
        if schema.sensitive || member.sensitive {
            out.field(member.name, &format_args!("(sensitive)"));
        } else {
            out.field(member.name, &view);
        }
    }
    out.finish()
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
            Self::Blob(value) => write!(f, "({} bytes)", value.len()),
            Self::Timestamp(value) => fmt::Display::fmt(value, f),
            Self::Untyped(value) => value.fmt(f),
            Self::Structure(value) => fmt_structure(*value, f),
            Self::List(list) => f.debug_list().entries((0..list.len()).map(|index| list.get(index))).finish(),
            Self::Map(map) => {
                let mut out = f.debug_map();
                map.for_each(&mut |key, value| {
                    out.entry(&key, &value);
                });
                out.finish()
            }
        }
    }
}
