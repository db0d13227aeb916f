//! A model of which only some operations are kept, with the shapes that these reach: EC2's has 4,400 shapes in all.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Keeps these operations; of the others, the names, so that the coverage table knows them.
pub(super) fn keep(model: &mut Value, operations: &[String]) -> Result<()> {
    for name in operations {
        ensure!(model["operations"].get(name).is_some(), "the model does not have the operation {name}");
    }
    let kept = |name: &String| operations.contains(name);
    let mut reachable = BTreeSet::new();
    let mut queue = Vec::new();
    for (name, operation) in model["operations"].as_object_mut().context("the model has no operations")? {
        if kept(name) {
            references(operation, &mut queue);
        } else {
            *operation = json!({});
        }
    }
    while let Some(name) = queue.pop() {
        if !reachable.contains(&name) {
            references(&model["shapes"][&name], &mut queue);
            reachable.insert(name);
        }
    }
    if let Some(shapes) = model["shapes"].as_object_mut() {
        shapes.retain(|name, _| reachable.contains(name));
    }
    if let Some(pagination) = model["pagination"].as_object_mut() {
        pagination.retain(|name, _| kept(name));
    }
    if let Some(waiters) = model["waiters"].as_object_mut() {
        waiters.retain(|_, waiter| waiter["operation"].as_str().is_some_and(|name| kept(&name.to_owned())));
    }
    Ok(())
}

/// The shapes that are named anywhere inside.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "shape" => found.push(name.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_reached_and_the_names_of_the_rest() {
        let mut model = json!({
            "operations": {"A": {"name": "A", "input": {"shape": "I"}, "errors": [{"shape": "E"}]},
                "B": {"name": "B", "input": {"shape": "J"}}},
            "pagination": {"A": {}, "B": {}},
            "shapes": {
                // A member that is called like the key of a reference.
                "I": {"type": "structure", "members": {"shape": {"shape": "L"}}},
                "L": {"type": "list", "member": {"shape": "S"}},
                "S": {"type": "string"}, "E": {"type": "structure"}, "J": {"type": "structure"}},
            "waiters": {"X": {"operation": "A"}, "Y": {"operation": "B"}},
        });
        keep(&mut model, &["A".to_owned()]).unwrap();
        assert_eq!(model["operations"]["B"], json!({}));
        let names = |key: &str| model[key].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names("shapes"), "I L S E");
        assert_eq!((names("pagination"), names("waiters")), ("A".to_owned(), "X".to_owned()));
        assert!(keep(&mut model, &["C".to_owned()]).is_err());
    }
}
