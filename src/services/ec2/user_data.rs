//! What an instance's user data says to the ECS agent: shell scripts, cloud-init, MIME parts of both, Bottlerocket's
//! TOML. Nothing of it is run; the settings that it would write to /etc/ecs/ecs.config are read out of its text.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bootstrap_container_instance.html>
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html>

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

/// More than any unpacked user data may be: EC2 takes 16 KiB of the packed form.
const MAX_UNPACKED: u64 = 1 << 20;

/// The agent's settings that mean something here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentSettings {
    /// `ECS_CLUSTER`
    pub cluster: Option<String>,
    /// `ECS_INSTANCE_ATTRIBUTES`
    pub attributes: BTreeMap<String, String>,
    /// `ECS_CONTAINER_INSTANCE_TAGS`
    pub tags: BTreeMap<String, String>,
    /// `ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM` is `ec2_instance`.
    pub propagates_tags: bool,
    /// `ECS_RESERVED_MEMORY`, in MiB.
    pub reserved_memory: u32,
}

/// The text of user data as EC2 has it: base64, perhaps of gzip. `None` when it is no text.
#[must_use]
pub fn decode(base64: &str) -> Option<String> {
    let compact: String = base64.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).ok()?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = String::new();
        GzDecoder::new(&*bytes).take(MAX_UNPACKED).read_to_string(&mut text).ok()?;
        return Some(text);
    }
    String::from_utf8(bytes).ok()
}

/// What the text says to the agent; nothing at all when it doesn't speak of the agent.
#[must_use]
pub fn parse(text: &str) -> AgentSettings {
    let mut text = text.to_owned();
    // Parts of a MIME message may be base64 themselves, as Terraform's cloudinit_config makes them.
    let inner: Vec<String> = text.split("\n\n").filter_map(decode_part).collect();
    for part in inner {
        text.push('\n');
        text.push_str(&part);
    }
    if let Some(cluster) = bottlerocket_cluster(&text) {
        return AgentSettings { cluster: Some(cluster), ..AgentSettings::default() };
    }
    let mut settings = AgentSettings::default();
    if !["ecs.config", "amazon-ecs-agent"].iter().any(|sign| text.contains(sign)) {
        return settings;
    }
    let mut variables = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some(value) = value_of(line, "ECS_CLUSTER").and_then(|value| expand(&value, &variables)) {
            settings.cluster = Some(value).filter(|value| !value.is_empty());
        }
        if let Some(map) = map_of(line, "ECS_INSTANCE_ATTRIBUTES") {
            settings.attributes = map;
        }
        if let Some(map) = map_of(line, "ECS_CONTAINER_INSTANCE_TAGS") {
            settings.tags = map;
        }
        if let Some(value) = value_of(line, "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM") {
            settings.propagates_tags = value == "ec2_instance";
        }
        if let Some(value) = value_of(line, "ECS_RESERVED_MEMORY").and_then(|value| value.parse().ok()) {
            settings.reserved_memory = value;
        }
        if let Some((name, value)) = assignment(line)
            && let Some(value) = expand(&value, &variables)
        {
            variables.insert(name.to_owned(), value);
        }
    }
    settings
}

/// A block of base64 lines that is text inside.
fn decode_part(block: &str) -> Option<String> {
    let body = block.split("\n--").next().unwrap_or(block).trim();
    let is_base64 = body.len() >= 16
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(&byte))
        && !body.contains(' ');
    if is_base64 { decode(body) } else { None }
}

/// The value of `name=value` wherever it stands in the line: a word, or what is between quotes.
fn value_of(line: &str, name: &str) -> Option<String> {
    let rest = after(line, name)?;
    let value = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next().unwrap_or_default(),
        // `\"`: the whole is inside quotes.
        Some('\\') => rest.trim_start_matches(['\\', '"']).split('\\').next().unwrap_or_default(),
        _ => rest
            .split(|letter: char| letter.is_whitespace() || "\"';|>&)\\".contains(letter))
            .next()
            .unwrap_or_default(),
    };
    Some(value.to_owned())
}

/// What follows `name=`, where `name` is not the end of a longer name.
fn after<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(at) = line[from..].find(name).map(|at| at + from) {
        let longer =
            line[..at].chars().next_back().is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        from = at + name.len();
        if let (false, Some(rest)) = (longer, line[from..].strip_prefix('=')) {
            return Some(rest);
        }
    }
    None
}

/// The JSON object behind `name=`, its quotes escaped or not.
fn map_of(line: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let rest = after(line, name)?;
    let rest = &rest[rest.find('{')?..];
    let object = &rest[..=rest.find('}')?];
    serde_json::from_str(&object.replace("\\\"", "\"")).ok()
}

/// A variable of a script: `NAME=value`, perhaps exported, and nothing before it.
fn assignment(line: &str) -> Option<(&str, String)> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, _) = line.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Some((name, value_of(line, name)?)) } else { None }
}

/// The value with `$NAME` and `${NAME}` replaced; `None` when it needs a shell.
fn expand(value: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => {
                let end = after.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        out.push_str(variables.get(name)?);
        rest = tail;
    }
    if rest.contains('`') {
        return None;
    }
    out.push_str(rest);
    Some(out)
}

/// `cluster = "name"` in the table `[settings.ecs]`.
/// <https://bottlerocket.dev/en/os/latest/api/settings/ecs/>
fn bottlerocket_cluster(text: &str) -> Option<String> {
    let table = text.split("[settings.ecs]").nth(1)?;
    let lines = table.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let values = lines.filter_map(|line| line.strip_prefix("cluster")?.trim_start().strip_prefix('='));
    values.map(|value| value.trim().trim_matches(['"', '\'']).to_owned()).find(|value| !value.is_empty())
}
