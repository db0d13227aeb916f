//! Structures and enums.

use std::fmt::Write;

use anyhow::{Context, Result, bail};

use super::output::Output;
use super::{HEADER, ServiceCode, by_letter};
use crate::names;

pub(crate) fn generate(code: &ServiceCode<'_>, folder: &str, output: &mut Output) -> Result<()> {
    let shapes = &code.model.shapes;
    let typed = shapes.iter().filter(|(_, shape)| {
        let structure = shape.r#type == "structure" && !shape.exception && !shape.document;
        structure || !shape.r#enum.is_empty()
    });
    let letters = by_letter(typed.map(|(name, _)| name.as_str()));
    let mut module = HEADER.to_owned();
    for (letter, names) in &letters {
        let mut text = format!(
            "{HEADER}use super::super::{{schema, types::*}};\nuse crate::macros::{{string_enum, structure}};\n"
        );
        for name in names {
            let shape = &shapes[*name];
            if shape.r#enum.is_empty() {
                structure(code, name, &mut text)?;
            } else {
                string_enum(name, &shape.r#enum, &mut text)?;
            }
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

/// A structure and its traits; also used for exceptions.
pub(crate) fn structure(code: &ServiceCode<'_>, name: &str, out: &mut String) -> Result<()> {
    let shape = &code.model.shapes[name];
    let rust_name = names::type_name(name);
    write!(out, "\n#[derive(Clone, Default, PartialEq)]\npub struct {rust_name} {{\n")?;
    let mut fields = vec![];
    for (member, reference) in shape.members() {
        let field = names::field(member);
        if fields.contains(&field) {
            bail!("{name}: two members would be called {field}");
        }
        let rust_type = rust_type(code, &reference.shape, true).with_context(|| format!("{name}.{member}"))?;
        writeln!(out, "pub {field}: Option<{rust_type}>,")?;
        fields.push(field);
    }
    write!(out, "}}\n\nstructure!({rust_name}, schema::{}, {{", code.statics[name])?;
    for (index, field) in fields.iter().enumerate() {
        write!(out, "\n    {index} {field},")?;
    }
    out.push_str(if fields.is_empty() { "});\n" } else { "\n});\n" });
    Ok(())
}

fn string_enum(name: &str, values: &[String], out: &mut String) -> Result<()> {
    write!(out, "\nstring_enum!({} {{", names::type_name(name))?;
    for (variant, value) in names::variants(values).iter().zip(values) {
        write!(out, "\n    {variant} = {value:?},")?;
    }
    out.push_str("\n});\n");
    Ok(())
}

/// The Rust type of a shape. Structures that are members are boxed: most are not set, and a task definition with
/// all of its structures inline would be many times its size (and a recursive one infinite).
fn rust_type(code: &ServiceCode<'_>, name: &str, member: bool) -> Result<String> {
    let shape = code.model.shapes.get(name).with_context(|| format!("the model does not have the shape {name}"))?;
    let inner = |reference: &Option<crate::model::Reference>| {
        let reference = reference.as_ref().with_context(|| format!("{name} does not say what is in it"))?;
        rust_type(code, &reference.shape, false)
    };
    Ok(match shape.r#type.as_str() {
        "structure" if shape.document => "crate::Untyped".into(),
        "structure" => {
            // Exceptions are not among the types; event streams have some as members.
            let folder = if shape.exception { "super::super::errors::" } else { "" };
            let path = format!("{folder}{}", names::type_name(name));
            if member { format!("Box<{path}>") } else { path }
        }
        "list" => format!("Vec<{}>", inner(&shape.member)?),
        "map" => format!("std::collections::BTreeMap<{}, {}>", inner(&shape.key)?, inner(&shape.value)?),
        "string" | "character" if shape.r#enum.is_empty() => "String".into(),
        "string" => names::type_name(name),
        "integer" => "i32".into(),
        "long" => "i64".into(),
        "float" => "f32".into(),
        "double" => "f64".into(),
        "boolean" => "bool".into(),
        "timestamp" => "crate::Timestamp".into(),
        "blob" => "crate::Blob".into(),
        other => bail!("{name} has the unknown type {other}"),
    })
}
