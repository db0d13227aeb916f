//! The static schema of every shape.

use std::fmt::Write;

use anyhow::{Context, Result, bail};

use super::output::Output;
use super::{HEADER, ServiceCode, by_letter};
use crate::model::{Reference, Shape};

pub(crate) fn generate(code: &ServiceCode<'_>, folder: &str, output: &mut Output) -> Result<()> {
    let with_static = code.model.shapes.iter().filter(|(_, shape)| has_static(shape));
    let letters = by_letter(with_static.map(|(name, _)| name.as_str()));
    let mut module = HEADER.to_owned();
    for (letter, names) in &letters {
        let mut text = format!("{HEADER}use super::*;\nuse crate::schema::*;\n");
        for name in names {
            shape(code, name, &mut text).with_context(|| (*name).to_owned())?;
        }
        output.add_rust(format!("{folder}/{letter}.rs"), text);
        writeln!(module, "mod {letter};")?;
    }
    for letter in letters.keys() {
        writeln!(module, "pub use {letter}::*;")?;
    }
    output.add_rust(format!("{folder}/mod.rs"), module);
    Ok(())
}

fn has_static(shape: &Shape) -> bool {
    !(matches!(shape.r#type.as_str(), "boolean" | "timestamp") || (shape.r#type == "structure" && shape.document))
}

fn shape(code: &ServiceCode<'_>, name: &str, out: &mut String) -> Result<()> {
    let shape = &code.model.shapes[name];
    let (kind, constructor) = match shape.r#type.as_str() {
        "structure" => ("StructureSchema", structure(code, name, shape)?),
        "list" => ("ListSchema", list(code, name, shape)?),
        "map" => ("MapSchema", map(code, name, shape)?),
        "string" | "character" => ("StringSchema", string(name, shape)),
        "integer" | "long" => ("IntegerSchema", format!("{name:?}){}", integer_limits(shape))),
        "float" | "double" => ("DoubleSchema", format!("{name:?}){}", double_limits(shape))),
        "blob" => ("BlobSchema", format!("{name:?}){}{}", integer_limits(shape), sensitive(shape.sensitive))),
        other => bail!("unknown type {other}"),
    };
    write!(out, "\npub static {}: {kind} = {kind}::new({constructor};\n", code.statics[name])?;
    Ok(())
}

fn structure(code: &ServiceCode<'_>, name: &str, shape: &Shape) -> Result<String> {
    let mut out = format!("{name:?}, &[");
    for (member, reference) in shape.members() {
        let target = target(code, &reference)?;
        write!(out, "MemberSchema::new({member:?}, {})", schema(code, &reference)?)?;
        let wire_name = reference.location_name.as_ref();
        let wire_name = match target.r#type.as_str() {
            // A flattened list is called as its elements are.
            "list" if target.flattened || reference.flattened => {
                target.member.as_ref().and_then(|member| member.location_name.as_ref()).or(wire_name)
            }
            _ => wire_name,
        };
        if let Some(wire_name) = wire_name.filter(|wire_name| *wire_name != member) {
            write!(out, ".wire({wire_name:?})")?;
        }
        if let Some(query_name) = &reference.query_name {
            write!(out, ".query_name({query_name:?})")?;
        }
        if shape.required.iter().any(|required| required == member) {
            out.push_str(".required()");
        }
        if reference.idempotency_token {
            out.push_str(".idempotency_token()");
        }
        if let Some(location) = &reference.location {
            let location = match location.as_str() {
                "header" => "Header",
                "headers" => "Headers",
                "querystring" => "Query",
                "uri" => "Uri",
                "statusCode" => "StatusCode",
                other => bail!("{member}: unknown location {other}"),
            };
            write!(out, ".at(Location::{location})")?;
        }
        out.push_str(sensitive(reference.sensitive || target.sensitive));
        out.push(',');
    }
    out.push_str("])");
    if shape.union {
        out.push_str(".union()");
    }
    out.push_str(sensitive(shape.sensitive));
    if shape.exception {
        let error = shape.error.as_ref();
        let code = error.and_then(|error| error.code.as_deref()).unwrap_or(name);
        let default_status = if shape.fault { 500 } else { 400 };
        let status = error.and_then(|error| error.http_status_code).unwrap_or(default_status);
        write!(out, ".error({code:?}, {status}, {})", shape.fault)?;
    }
    if let Some(payload) = &shape.payload {
        write!(out, ".payload({payload:?})")?;
    }
    Ok(out)
}

fn list(code: &ServiceCode<'_>, name: &str, shape: &Shape) -> Result<String> {
    let member = shape.member.as_ref().context("a list without a member")?;
    let mut out = format!("{name:?}, {})", schema(code, member)?);
    if let Some(name) = &member.location_name {
        write!(out, ".member_name({name:?})")?;
    }
    out.push_str(&integer_limits(shape));
    if shape.flattened {
        out.push_str(".flattened()");
    }
    out.push_str(sensitive(shape.sensitive));
    Ok(out)
}

fn map(code: &ServiceCode<'_>, name: &str, shape: &Shape) -> Result<String> {
    let key = shape.key.as_ref().context("a map without a key")?;
    let value = shape.value.as_ref().context("a map without a value")?;
    let mut out = format!("{name:?}, &{}, {})", code.statics[key.shape.as_str()], schema(code, value)?);
    if key.location_name.is_some() || value.location_name.is_some() {
        let key = key.location_name.as_deref().unwrap_or("key");
        let value = value.location_name.as_deref().unwrap_or("value");
        write!(out, ".entry_names({key:?}, {value:?})")?;
    }
    out.push_str(&integer_limits(shape));
    if shape.flattened {
        out.push_str(".flattened()");
    }
    out.push_str(sensitive(shape.sensitive));
    Ok(out)
}

fn string(name: &str, shape: &Shape) -> String {
    let mut out = format!("{name:?})");
    if !shape.r#enum.is_empty() {
        out.push_str(&format!(".one_of(&{:?})", shape.r#enum));
    }
    out.push_str(&integer_limits(shape));
    if let Some(pattern) = &shape.pattern {
        out.push_str(&format!(".pattern({pattern:?})"));
    }
    out.push_str(sensitive(shape.sensitive));
    if shape.jsonvalue {
        out.push_str(".json_value()");
    }
    out
}

/// A use of a shape, as an expression of the type `Schema`.
fn schema(code: &ServiceCode<'_>, reference: &Reference) -> Result<String> {
    let shape = target(code, reference)?;
    let variant = match shape.r#type.as_str() {
        "structure" if shape.document => return Ok("Schema::Untyped".into()),
        "boolean" => return Ok("Schema::Boolean".into()),
        "timestamp" => {
            let format = reference.timestamp_format.as_ref().or(shape.timestamp_format.as_ref());
            let format = match format.map(String::as_str) {
                Some("iso8601") => "DateTime",
                Some("rfc822") => "HttpDate",
                Some("unixTimestamp") => "EpochSeconds",
                Some(other) => bail!("unknown timestamp format {other}"),
                None if matches!(reference.location.as_deref(), Some("header" | "headers")) => "HttpDate",
                None => "Default",
            };
            return Ok(format!("Schema::Timestamp(TimestampFormat::{format})"));
        }
        "structure" => "Structure",
        "list" => "List",
        "map" => "Map",
        "string" | "character" => "String",
        "integer" => "Integer",
        "long" => "Long",
        "float" => "Float",
        "double" => "Double",
        "blob" => "Blob",
        other => bail!("unknown type {other}"),
    };
    Ok(format!("Schema::{variant}(&{})", code.statics[reference.shape.as_str()]))
}

fn target<'a>(code: &'a ServiceCode<'_>, reference: &Reference) -> Result<&'a Shape> {
    code.model.shapes.get(&reference.shape).with_context(|| format!("no shape {}", reference.shape))
}

fn integer_limits(shape: &Shape) -> String {
    limits(shape, |limit| format!("{}", limit as i64))
}

fn double_limits(shape: &Shape) -> String {
    limits(shape, |limit| format!("{limit:?}"))
}

fn limits(shape: &Shape, literal: impl Fn(f64) -> String) -> String {
    let mut out = String::new();
    if let Some(min) = shape.min {
        out.push_str(&format!(".min({})", literal(min)));
    }
    if let Some(max) = shape.max {
        out.push_str(&format!(".max({})", literal(max)));
    }
    out
}

fn sensitive(sensitive: bool) -> &'static str {
    if sensitive { ".sensitive()" } else { "" }
}
