//! Corrections to a model: `patches/<service>/*.toml`, described in `patches/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// For people; a patch without one is refused.
    reason: String,
    #[serde(default)]
    add_errors: Vec<AddErrors>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    merge: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddErrors {
    operations: Vec<String>,
    errors: Vec<String>,
}

/// Applies all patches of a folder, in the order of their names. There need not be any.
pub(crate) fn apply_all(model: &mut Value, folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        apply(model, &text).with_context(|| format!("patch {}", path.display()))?;
    }
    Ok(())
}

fn apply(model: &mut Value, text: &str) -> Result<()> {
    let patch: Patch = toml::from_str(text)?;
    ensure!(!patch.reason.trim().is_empty(), "a patch needs a reason");
    let before = model.clone();
    // First, so that exceptions which the model does not have can be added to operations.
    merge(model, Value::Object(patch.merge));
    for change in &patch.add_errors {
        add_errors(model, change)?;
    }
    for pointer in &patch.remove {
        remove(model, pointer)?;
    }
    ensure!(*model != before, "it changes nothing: remove it");
    Ok(())
}

fn add_errors(model: &mut Value, change: &AddErrors) -> Result<()> {
    for error in &change.errors {
        ensure!(model["shapes"].get(error).is_some(), "the model does not have the exception {error}");
    }
    let operations = model["operations"].as_object_mut().context("the model has no operations")?;
    for name in &change.operations {
        ensure!(name == "*" || operations.contains_key(name), "the model does not have the operation {name}");
    }
    for (name, operation) in operations {
        if !change.operations.iter().any(|wanted| wanted == "*" || wanted == name) {
            continue;
        }
        let operation = operation.as_object_mut().context("an operation is an object")?;
        let errors = operation.entry("errors").or_insert_with(|| json!([]));
        let errors = errors.as_array_mut().context("errors are a list")?;
        for error in &change.errors {
            if !errors.iter().any(|known| known["shape"] == **error) {
                errors.push(json!({"shape": error}));
            }
        }
    }
    Ok(())
}

fn remove(model: &mut Value, pointer: &str) -> Result<()> {
    let Some((parent, key)) = pointer.rsplit_once('/') else { bail!("{pointer} is not a JSON pointer") };
    let removed = match model.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(key).is_some(),
        Some(Value::Array(values)) => match key.parse::<usize>() {
            Ok(index) if index < values.len() => {
                values.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    };
    ensure!(removed, "the model does not have {pointer}");
    Ok(())
}

fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Value {
        json!({
            "operations": {"A": {"errors": [{"shape": "X"}]}, "B": {}},
            "shapes": {"X": {}, "Y": {}, "S": {"type": "string", "max": 5, "required": ["a", "b"]}},
        })
    }

    fn patched(text: &str) -> Result<Value> {
        let mut model = model();
        apply(&mut model, text)?;
        Ok(model)
    }

    #[test]
    fn adds_errors_once() {
        let model = patched("reason = 'r'\nadd_errors = [{ operations = ['*'], errors = ['X', 'Y'] }]").unwrap();
        assert_eq!(model["operations"]["A"]["errors"], json!([{"shape": "X"}, {"shape": "Y"}]));
        assert_eq!(model["operations"]["B"]["errors"], json!([{"shape": "X"}, {"shape": "Y"}]));
    }

    #[test]
    fn removes_and_merges() {
        let model = patched(
            "reason = 'r'\nremove = ['/shapes/S/max', '/shapes/S/required/0']\n[merge.shapes.S]\npattern = 'p'",
        )
        .unwrap();
        assert_eq!(model["shapes"]["S"], json!({"type": "string", "required": ["b"], "pattern": "p"}));
    }

    #[test]
    fn refuses_what_has_no_reason_or_no_effect() {
        assert!(patched("remove = ['/shapes/S/max']").is_err());
        assert!(patched("reason = ' '\nremove = ['/shapes/S/max']").is_err());
        let error = patched("reason = 'r'\n[merge.shapes.S]\nmax = 5").unwrap_err();
        assert!(error.to_string().contains("changes nothing"), "{error}");
    }

    #[test]
    fn refuses_what_the_model_does_not_have() {
        assert!(patched("reason = 'r'\nremove = ['/shapes/S/min']").is_err());
        assert!(patched("reason = 'r'\nadd_errors = [{ operations = ['C'], errors = ['X'] }]").is_err());
        assert!(patched("reason = 'r'\nadd_errors = [{ operations = ['A'], errors = ['Z'] }]").is_err());
    }
}
