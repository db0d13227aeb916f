//! Writing a value, event by event.

use crate::schema::{ListSchema, MapSchema, MemberSchema, Schema, StructureSchema, TimestampFormat};
use crate::{Encode, Timestamp, Untyped, View};

/// What a protocol implements to write values. Object-safe, so that the walk below is compiled once.
///
/// A structure is `begin_structure`, then for each member that is set `member` and its value, then `end_structure`.
/// A list is `begin_list`, for each element `element` and its value, `end_list`; a map the same with `key`.
pub trait ShapeSerializer {
    fn begin_structure(&mut self, schema: &'static StructureSchema);
    fn member(&mut self, member: &'static MemberSchema);
    fn end_structure(&mut self);

    fn begin_list(&mut self, schema: &'static ListSchema, len: usize);
    fn element(&mut self);
    fn end_list(&mut self);

    fn begin_map(&mut self, schema: &'static MapSchema, len: usize);
    fn key(&mut self, key: &str);
    fn end_map(&mut self);

    fn string(&mut self, value: &str);
    fn integer(&mut self, value: i64);
    fn double(&mut self, value: f64);
    fn boolean(&mut self, value: bool);
    fn timestamp(&mut self, value: Timestamp, format: TimestampFormat);
    fn blob(&mut self, value: &[u8]);
    fn untyped(&mut self, value: &Untyped);
    fn null(&mut self);
}

/// Writes a structure: all members that are set, in the model's order.
pub fn write_structure(value: &dyn Encode, serializer: &mut dyn ShapeSerializer) {
    let schema = value.schema();
    serializer.begin_structure(schema);
    for (index, member) in schema.members.iter().enumerate() {
        if let Some(view) = value.field(index) {
            serializer.member(member);
            write_view(view, member.schema, serializer);
        }
    }
    serializer.end_structure();
}

fn write_view(view: View<'_>, schema: Schema, serializer: &mut dyn ShapeSerializer) {
    match (view, schema) {
        (View::Boolean(value), _) => serializer.boolean(value),
        (View::Integer(value), _) => serializer.integer(value),
        (View::Double(value), _) => serializer.double(value),
        (View::String(value), _) => serializer.string(value),
        (View::Blob(value), _) => serializer.blob(value),
        (View::Timestamp(value), Schema::Timestamp(format)) => serializer.timestamp(value, format),
        (View::Timestamp(value), _) => serializer.timestamp(value, TimestampFormat::Default),
        (View::Untyped(value), _) => serializer.untyped(value),
        (View::Structure(value), _) => value.encode(serializer),
        (View::List(list), Schema::List(schema)) => {
            let len = list.len();
            serializer.begin_list(schema, len);
            for index in 0..len {
                serializer.element();
                write_view(list.get(index), schema.member, serializer);
            }
            serializer.end_list();
        }
        (View::Map(map), Schema::Map(schema)) => {
            serializer.begin_map(schema, map.len());
            map.for_each(&mut |key, value| {
                serializer.key(key);
                write_view(value, schema.value, serializer);
            });
            serializer.end_map();
        }
        // A type and its schema are generated from the same shape.
        (View::List(_) | View::Map(_), _) => {
            unreachable!("a {} where the type has a collection", schema.kind())
        }
    }
}
