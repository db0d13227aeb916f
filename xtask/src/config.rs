//! `api-models/models.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) source: Source,
    pub(crate) services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) package: String,
    pub(crate) version: String,
    /// Of the wheel.
    pub sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// The service's name in botocore, where it is not ours.
    pub(crate) botocore: Option<String>,
    /// Of models/<service>.json.
    #[serde(default)]
    pub sha256: String,
    #[serde(default)]
    pub(crate) generate: Generate,
    /// Whether the imported model holds in full only the operations that are on; of the others, the names.
    #[serde(default)]
    pub(crate) partial: bool,
    pub(crate) internal_error: Option<String>,
    pub(crate) on: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Generate {
    All,
    #[default]
    On,
}

pub(crate) fn load(root: &Path) -> Result<Config> {
    let path = root.join("api-models/models.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

/// Writes a new sha256 into the text of models.toml, in the given table; comments stay where they are.
pub(crate) fn record_sha256(text: &str, table: &str, sha256: &str) -> Result<String> {
    let header = format!("[{table}]");
    let mut inside = false;
    let mut done = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.trim() == header;
        }
        if inside && !done && line.starts_with("sha256") {
            out.push_str(&format!("sha256 = \"{sha256}\""));
            done = true;
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    if !done {
        bail!("models.toml: the table {header} needs a line `sha256 = \"\"`");
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_is_replaced_in_its_own_table_only() {
        let text = "[source]\nsha256 = \"a\"\n\n# kept\n[services.ecs]\nsha256 = \"b\"\non = []\n";
        let text = record_sha256(text, "services.ecs", "c").unwrap();
        assert_eq!(text, "[source]\nsha256 = \"a\"\n\n# kept\n[services.ecs]\nsha256 = \"c\"\non = []\n");
        assert!(record_sha256(&text, "services.ssm", "c").is_err());
    }
}
