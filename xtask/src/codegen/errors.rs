//! Exceptions, and the error enum of each operation.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Context, Result};

use super::{HEADER, ServiceCode, types};
use crate::model::Operation;
use crate::names;

pub(crate) fn generate(code: &ServiceCode<'_>) -> Result<String> {
    let mut out = format!(
        "{HEADER}use super::{{operations, schema, types::*}};\nuse crate::macros::{{common_error, exception, operation_error, structure}};\n"
    );
    for (name, shape) in code.model.shapes.iter().filter(|(_, shape)| shape.exception) {
        types::structure(code, name, &mut out)?;
        let message = shape.members.keys().find(|name| name.eq_ignore_ascii_case("message"));
        let message = message.with_context(|| format!("{name} has no message"))?;
        let code = shape.error_code_member.as_deref().map(|code| format!(", {}", names::field(code)));
        let code = code.unwrap_or_default();
        writeln!(out, "\nexception!({}, {}{code});", names::type_name(name), names::field(message))?;
    }
    for (name, operation) in &code.model.operations {
        write!(out, "\noperation_error!({}, operations::{}, {{", error_name(code, name), names::screaming(name))?;
        list(exceptions(operation).into_iter(), &mut out)?;
        out.push_str("\n});\n");
    }
    out.push_str("\ncommon_error!(CommonError {");
    list(common(code).into_iter(), &mut out)?;
    out.push_str("\n} =>");
    list(code.model.operations.keys().map(|name| error_name(code, name)), &mut out)?;
    out.push_str("\n);\n");
    Ok(out)
}

/// The name of an operation's error enum.
pub(crate) fn error_name(code: &ServiceCode<'_>, operation: &str) -> String {
    let name = format!("{}Error", names::type_name(operation));
    // Auto Scaling has a structure LaunchInstancesError besides its operation LaunchInstances.
    if code.model.shapes.contains_key(&name) { format!("{}OperationError", names::type_name(operation)) } else { name }
}

fn exceptions(operation: &Operation) -> BTreeSet<String> {
    operation.errors.iter().map(|error| names::type_name(&error.shape)).collect()
}

/// The exceptions that every operation has.
fn common(code: &ServiceCode<'_>) -> BTreeSet<String> {
    let mut all = code.model.operations.values().map(exceptions);
    let first = all.next().unwrap_or_default();
    all.fold(first, |common, some| common.intersection(&some).cloned().collect())
}

fn list(names: impl Iterator<Item = String>, out: &mut String) -> Result<()> {
    for name in names {
        write!(out, "\n    {name},")?;
    }
    Ok(())
}
