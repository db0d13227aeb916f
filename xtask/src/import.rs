//! `cargo xtask models import`: from the pinned botocore to `models/<service>.json`.
//!
//! botocore's models are AWS's own. Only facts are kept: an allow list for each kind of object names them, so prose
//! (and whatever a later version adds) stays outside.

mod partial;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::{self, Config};

const METADATA: &[&str] = &[
    "apiVersion",
    "awsQueryCompatible",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "protocols",
    "serviceAbbreviation",
    "serviceFullName",
    "serviceId",
    "signatureVersion",
    "signingName",
    "targetPrefix",
    "uid",
    "xmlNamespace",
];
const OPERATION: &[&str] =
    &["errors", "http", "httpChecksum", "idempotent", "input", "name", "output", "readonly", "staticContextParams"];
const SHAPE: &[&str] = &[
    "box",
    "deprecated",
    "document",
    "enum",
    "error",
    "event",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "jsonvalue",
    "locationName",
    "max",
    "min",
    "pattern",
    "payload",
    "required",
    "sensitive",
    "streaming",
    "timestampFormat",
    "type",
    "union",
    "wrapper",
    "xmlNamespace",
    "xmlOrder",
];
const REFERENCE: &[&str] = &[
    "box",
    "deprecated",
    "eventpayload",
    "flattened",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "queryName",
    "resultWrapper",
    "sensitive",
    "shape",
    "streaming",
    "timestampFormat",
    "xmlAttribute",
    "xmlNamespace",
];

pub(crate) fn run(root: &Path, wheel: Option<&Path>, update: bool) -> Result<()> {
    let config = config::load(root)?;
    let temp = std::env::temp_dir().join(format!("localecs-models-{}", std::process::id()));
    fs::create_dir_all(&temp)?;
    let result = import(root, &config, wheel, update, &temp);
    fs::remove_dir_all(&temp)?;
    result
}

fn import(root: &Path, config: &Config, wheel: Option<&Path>, update: bool, temp: &Path) -> Result<()> {
    let wheel = match wheel {
        Some(wheel) => wheel.to_owned(),
        None => download(config, temp)?,
    };
    let config_path = root.join("api-models/models.toml");
    let mut text = fs::read_to_string(&config_path)?;
    let sha256 = sha256(&fs::read(&wheel)?);
    if sha256 != config.source.sha256 {
        ensure!(
            update,
            "{} has sha256 {sha256}, models.toml says {}; --update accepts it",
            wheel.display(),
            config.source.sha256
        );
        text = config::record_sha256(&text, "source", &sha256)?;
    }
    // A wheel is a zip file, and Python is here anyway: it fetched it.
    let unpacked = temp.join("unpacked");
    run_command(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked))?;

    for (id, service) in &config.services {
        let name = service.botocore.as_deref().unwrap_or(id);
        let mut model = read_service(&unpacked.join("botocore/data").join(name))
            .with_context(|| format!("service {id}, {name} in botocore"))?;
        if service.partial {
            partial::keep(&mut model, &service.on).with_context(|| format!("service {id}"))?;
        }
        let mut json = serde_json::to_string_pretty(&model)?;
        json.push('\n');
        let sha256 = self::sha256(json.as_bytes());
        if sha256 != service.sha256 {
            ensure!(
                update || service.sha256.is_empty(),
                "models/{id}.json would have sha256 {sha256}, models.toml says {}; --update accepts it",
                service.sha256
            );
            text = config::record_sha256(&text, &format!("services.{id}"), &sha256)?;
        }
        let path = root.join("api-models/models").join(format!("{id}.json"));
        fs::create_dir_all(path.parent().expect("has a parent"))?;
        fs::write(&path, json)?;
        println!("wrote {}", path.display());
    }
    fs::write(&config_path, text)?;
    Ok(())
}

fn download(config: &Config, temp: &Path) -> Result<PathBuf> {
    let requirement = format!("{}=={}", config.source.package, config.source.version);
    run_command(
        Command::new("python3")
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(temp)
            .arg(&requirement),
    )?;
    let wheel = fs::read_dir(temp)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.with_context(|| format!("pip downloaded no wheel for {requirement}"))
}

fn run_command(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the newest version of a service's model.
fn read_service(folder: &Path) -> Result<Value> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    versions.sort();
    let folder = versions.pop().context("the service has no versions")?;
    let service = read_json(&folder, "service-2.json")?.context("no service-2.json")?;
    let paginators = read_json(&folder, "paginators-1.json")?.unwrap_or_default();
    let waiters = read_json(&folder, "waiters-2.json")?.unwrap_or_default();
    facts(&service, &paginators, &waiters)
}

fn read_json(folder: &Path, name: &str) -> Result<Option<Value>> {
    let plain = folder.join(name);
    if plain.exists() {
        return Ok(Some(serde_json::from_slice(&fs::read(plain)?)?));
    }
    let zipped = folder.join(format!("{name}.gz"));
    if zipped.exists() {
        let mut bytes = Vec::new();
        GzDecoder::new(fs::File::open(zipped)?).read_to_end(&mut bytes)?;
        return Ok(Some(serde_json::from_slice(&bytes)?));
    }
    Ok(None)
}

fn facts(service: &Value, paginators: &Value, waiters: &Value) -> Result<Value> {
    let mut out = Map::new();
    out.insert("metadata".into(), pick(&service["metadata"], METADATA)?);
    out.insert("operations".into(), sorted_map(&service["operations"], operation)?);
    out.insert("pagination".into(), sorted_map(&paginators["pagination"], |value| Ok(sort(value)))?);
    out.insert("shapes".into(), sorted_map(&service["shapes"], shape)?);
    out.insert("waiters".into(), sorted_map(&waiters["waiters"], |value| Ok(waiter(value)))?);
    Ok(Value::Object(out))
}

fn operation(value: &Value) -> Result<Value> {
    let mut out = pick(value, OPERATION)?;
    for key in ["input", "output"] {
        if let Some(reference) = value.get(key) {
            out[key] = pick(reference, REFERENCE)?;
        }
    }
    if let Some(errors) = value.get("errors").and_then(Value::as_array) {
        out["errors"] = errors.iter().map(|error| pick(error, REFERENCE)).collect::<Result<_>>()?;
    }
    Ok(out)
}

fn shape(value: &Value) -> Result<Value> {
    let mut out = pick(value, SHAPE)?;
    for key in ["member", "key", "value"] {
        if let Some(reference) = value.get(key) {
            out[key] = pick(reference, REFERENCE)?;
        }
    }
    if let Some(members) = value.get("members").and_then(Value::as_object) {
        // In AWS's order, not sorted: it is the order in which people know them.
        let mut kept = Map::new();
        for (name, member) in members {
            kept.insert(name.clone(), pick(member, REFERENCE)?);
        }
        out["members"] = Value::Object(kept);
    }
    Ok(sort_top(out))
}

/// Waiters have descriptions, some of them also in the acceptors.
fn waiter(value: &Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| key != "description" && key != "documentation");
                map.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = sort(value);
    strip(&mut value);
    value
}

/// The listed keys of an object, in the order of the list, which is sorted.
fn pick(value: &Value, keys: &[&str]) -> Result<Value> {
    let Some(object) = value.as_object() else { bail!("expected an object, found {value}") };
    let picked = keys.iter().filter_map(|key| Some(((*key).to_owned(), sort(object.get(*key)?))));
    Ok(Value::Object(picked.collect()))
}

fn sorted_map(value: &Value, f: impl Fn(&Value) -> Result<Value>) -> Result<Value> {
    let mut out = Map::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        out.insert(key.clone(), f(value).with_context(|| key.clone())?);
    }
    Ok(sort_top(Value::Object(out)))
}

/// Sorts the keys of this object only.
fn sort_top(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        other => other,
    }
}

/// Sorts the keys of all objects inside.
fn sort(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            sort_top(Value::Object(map.iter().map(|(key, value)| (key.clone(), sort(value))).collect()))
        }
        Value::Array(values) => values.iter().map(sort).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_facts_and_drops_prose() {
        let service = json!({
            "documentation": "prose",
            "metadata": {"protocol": "json", "apiVersion": "1", "unknown": 1},
            "operations": {"B": {"name": "B", "documentation": "prose", "http": {"requestUri": "/", "method": "POST"},
                "input": {"shape": "I", "documentation": "prose"},
                "errors": [{"shape": "E", "documentation": "prose"}]}, "A": {"name": "A"}},
            "shapes": {"I": {"type": "structure", "documentation": "prose", "members": {
                // A member that is called like a key which is dropped elsewhere.
                "documentation": {"shape": "S", "documentation": "prose", "deprecatedMessage": "prose"},
                "a": {"shape": "S"}}}},
        });
        let waiters = json!({"waiters": {"W": {"description": "prose", "delay": 1}}});
        let facts = facts(&service, &json!({}), &waiters).unwrap();
        let text = serde_json::to_string(&facts).unwrap();
        assert!(!text.contains("prose"), "{text}");
        assert_eq!(
            text,
            r#"{"metadata":{"apiVersion":"1","protocol":"json"},"operations":{"A":{"name":"A"},"B":{"errors":[{"shape":"E"}],"http":{"method":"POST","requestUri":"/"},"input":{"shape":"I"},"name":"B"}},"pagination":{},"shapes":{"I":{"members":{"documentation":{"shape":"S"},"a":{"shape":"S"}},"type":"structure"}},"waiters":{"W":{"delay":1}}}"#
        );
    }

    #[test]
    fn allow_lists_are_sorted() {
        for list in [METADATA, OPERATION, SHAPE, REFERENCE] {
            assert!(list.is_sorted());
        }
    }
}
