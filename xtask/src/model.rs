//! A model as codegen sees it: `models/<service>.json` after its patches.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Generate, Service};
use crate::patch;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Model {
    pub(crate) metadata: Metadata,
    pub(crate) operations: BTreeMap<String, Operation>,
    pub(crate) pagination: BTreeMap<String, Pagination>,
    pub(crate) shapes: BTreeMap<String, Shape>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) api_version: String,
    pub(crate) endpoint_prefix: String,
    pub(crate) json_version: Option<String>,
    pub(crate) protocol: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) service_abbreviation: Option<String>,
    pub(crate) service_full_name: String,
    pub(crate) signing_name: Option<String>,
    pub(crate) target_prefix: Option<String>,
    pub(crate) xml_namespace: Option<XmlNamespace>,
}

/// A URI, or an object with one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum XmlNamespace {
    Uri(String),
    Object { uri: String },
}

impl XmlNamespace {
    pub(crate) fn uri(&self) -> &str {
        match self {
            Self::Uri(uri) | Self::Object { uri } => uri,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operation {
    pub(crate) http: Http,
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
    pub(crate) errors: Vec<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) request_uri: String,
    pub(crate) response_code: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pagination {
    pub(crate) input_token: OneOrMany,
    pub(crate) output_token: OneOrMany,
    pub(crate) limit_key: Option<String>,
    pub(crate) result_key: OneOrMany,
}

#[derive(Debug, Default, Deserialize)]
#[serde(from = "Value")]
pub(crate) struct OneOrMany(pub(crate) Vec<String>);

impl From<Value> for OneOrMany {
    fn from(value: Value) -> Self {
        Self(match value {
            Value::String(one) => vec![one],
            Value::Array(many) => many.into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => vec![],
        })
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) shape: String,
    pub(crate) location: Option<String>,
    pub(crate) location_name: Option<String>,
    pub(crate) query_name: Option<String>,
    pub(crate) result_wrapper: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    pub(crate) idempotency_token: bool,
    pub(crate) sensitive: bool,
    pub(crate) flattened: bool,
    pub(crate) jsonvalue: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Shape {
    pub(crate) r#type: String,
    /// In AWS's order; each a [`Reference`].
    pub(crate) members: Map<String, Value>,
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Reference>,
    pub(crate) key: Option<Reference>,
    pub(crate) value: Option<Reference>,
    pub(crate) r#enum: Vec<String>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) error: Option<ErrorTrait>,
    pub(crate) exception: bool,
    pub(crate) fault: bool,
    pub(crate) flattened: bool,
    pub(crate) sensitive: bool,
    /// Of an exception whose code is not always the same: the member that holds it.
    pub(crate) error_code_member: Option<String>,
    pub(crate) union: bool,
    pub(crate) document: bool,
    pub(crate) eventstream: bool,
    pub(crate) jsonvalue: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ErrorTrait {
    pub(crate) code: Option<String>,
    pub(crate) http_status_code: Option<u16>,
}

impl Shape {
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Reference)> {
        self.members.iter().map(|(name, value)| {
            let reference = serde_json::from_value(value.clone()).expect("a member is a reference");
            (name.as_str(), reference)
        })
    }

    fn references(&self) -> Vec<String> {
        let members = self.members().map(|(_, reference)| reference);
        let others = [&self.member, &self.key, &self.value].into_iter().flatten().cloned();
        members.chain(others).map(|reference| reference.shape).collect()
    }
}

/// Reads a service's model, applies its patches, and keeps what code is generated for.
pub(crate) fn load(root: &Path, id: &str, service: &Service) -> Result<(Model, Vec<String>)> {
    let folder = root.join("api-models");
    let path = folder.join("models").join(format!("{id}.json"));
    let text = fs::read_to_string(&path)
        .with_context(|| format!("reading {} (`cargo xtask models import` makes it)", path.display()))?;
    let mut value: Value = serde_json::from_str(&text)?;
    patch::apply_all(&mut value, &folder.join("patches").join(id))?;
    prepare(value, service).with_context(|| path.display().to_string())
}

/// From a patched model to the part of it that is generated, and the names of the operations that are not.
pub(crate) fn prepare(value: Value, service: &Service) -> Result<(Model, Vec<String>)> {
    let mut model: Model = serde_json::from_value(value)?;
    for name in &service.on {
        let operation = model.operations.get(name);
        let operation =
            operation.with_context(|| format!("models.toml: {name} is on, but the model does not have it"))?;
        ensure!(
            !operation.http.method.is_empty(),
            "models.toml: {name} is on, but of it the model has the name only: run `cargo xtask models import --update`"
        );
    }
    let mut other_operations = vec![];
    if service.generate == Generate::On {
        model.operations.retain(|name, _| {
            let on = service.on.contains(name);
            if !on {
                other_operations.push(name.clone());
            }
            on
        });
    }
    add_missing_inputs_and_outputs(&mut model);
    keep_reachable(&mut model)?;
    add_missing_messages(&mut model);
    Ok((model, other_operations))
}

/// Every operation gets an input and an output, so that code need not tell the cases apart.
fn add_missing_inputs_and_outputs(model: &mut Model) {
    for (name, operation) in &mut model.operations {
        for (reference, suffix) in [(&mut operation.input, "Request"), (&mut operation.output, "Response")] {
            reference.get_or_insert_with(|| {
                let name = format!("{name}{suffix}");
                model
                    .shapes
                    .entry(name.clone())
                    .or_insert_with(|| Shape { r#type: "structure".into(), ..Shape::default() });
                Reference { shape: name, ..Reference::default() }
            });
        }
    }
}

fn keep_reachable(model: &mut Model) -> Result<()> {
    let mut queue: Vec<String> = vec![];
    for operation in model.operations.values() {
        let references = operation.errors.iter().chain(&operation.input).chain(&operation.output);
        queue.extend(references.map(|reference| reference.shape.clone()));
    }
    let mut reachable = BTreeSet::new();
    while let Some(name) = queue.pop() {
        let shape = model.shapes.get(&name).with_context(|| format!("the model does not have the shape {name}"))?;
        if reachable.insert(name) {
            queue.extend(shape.references());
        }
    }
    model.shapes.retain(|name, _| reachable.contains(name));
    // Errors without an "exception" trait are exceptions all the same.
    for operation in model.operations.values() {
        for error in &operation.errors {
            model.shapes.get_mut(&error.shape).expect("it is reachable").exception = true;
        }
    }
    Ok(())
}

/// Every exception can tell its message, also where the model forgot it.
fn add_missing_messages(model: &mut Model) {
    let mut added = false;
    for shape in model.shapes.values_mut().filter(|shape| shape.exception) {
        if !shape.members.keys().any(|name| name.eq_ignore_ascii_case("message")) {
            shape.members.insert("message".into(), serde_json::json!({"shape": "ExceptionMessage"}));
            added = true;
        }
    }
    if added {
        model
            .shapes
            .entry("ExceptionMessage".into())
            .or_insert_with(|| Shape { r#type: "string".into(), ..Shape::default() });
    }
}
