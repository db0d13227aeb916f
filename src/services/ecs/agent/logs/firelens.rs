//! Pure: FireLens. Which container routes the logs of which, and the configuration it gets: that of the ECS agent, so
//! that a router's image finds what it finds on ECS.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_firelens.html>; sections as AWS's own examples
//! show them, <https://github.com/aws-samples/amazon-ecs-firelens-under-the-hood>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use api_models::ecs::{
    self, ContainerDefinition, FirelensConfiguration, FirelensConfigurationType, LogDriver, NetworkMode,
};

use super::super::advance::shares_network;
use crate::runtime::LogOptions;
use crate::services::ecs::resources::Task;

/// The directory with the router's socket, and the socket in it.
pub(crate) const SOCKET_DIRECTORY: &str = "/var/run";
const SOCKET: &str = "fluent.sock";
/// Where routers listen for what applications send by themselves.
pub(crate) const PORT: &str = "24224";
const HEALTH_CHECK_TAG: &str = "firelens-healthcheck";
/// Options of a container's logs that are not the output's.
const BUFFER_LIMIT: &str = "log-driver-buffer-limit";

/// The container that routes the logs of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Router<'a> {
    pub(crate) name: &'a str,
    settings: &'a FirelensConfiguration,
}

/// The router of a task, if it has one.
pub(crate) fn router(definition: &ecs::TaskDefinition) -> Option<Router<'_>> {
    definition.container_definitions.iter().flatten().find_map(|container| {
        Some(Router { name: container.name.as_deref()?, settings: container.firelens_configuration.as_ref()? })
    })
}

/// Whether the container's logs go to the router.
pub(crate) fn is_routed(container: &ContainerDefinition) -> bool {
    container.log_configuration.as_ref().is_some_and(|log| log.log_driver == Some(LogDriver::Awsfirelens))
}

impl Router<'_> {
    pub(crate) fn is_fluentd(&self) -> bool {
        self.settings.r#type == Some(FirelensConfigurationType::Fluentd)
    }

    /// Where its image looks for its configuration.
    pub(crate) fn config_path(&self) -> &'static str {
        if self.is_fluentd() { "/fluentd/etc/fluent.conf" } else { "/fluent-bit/etc/fluent-bit.conf" }
    }

    /// Where it finds a configuration that comes from S3.
    pub(crate) fn external_path(&self) -> &'static str {
        if self.is_fluentd() { "/fluentd/etc/external.conf" } else { "/fluent-bit/etc/external.conf" }
    }

    /// Bucket and key of a configuration in S3.
    pub(crate) fn s3_object(&self) -> Option<(&str, &str)> {
        let arn = self.option("config-file-value").filter(|_| self.option("config-file-type") == Some("s3"))?;
        arn.rsplit(':').next()?.split_once('/')
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.settings.options.as_ref()?.get(name).map(String::as_str)
    }
}

/// What the engine's fluentd driver is told for a container whose logs are routed; `directory` is where the engine's
/// machine has the router's socket.
pub(crate) fn driver_options(task: &Task, container: &ContainerDefinition, directory: &str) -> LogOptions {
    let name = container.name.as_deref().unwrap_or_default();
    let mut options = BTreeMap::from([
        ("tag".to_owned(), format!("{name}-firelens-{}", task.key.id)),
        ("fluentd-address".to_owned(), format!("unix://{directory}/{SOCKET}")),
        // It may not listen yet, and may end before the others.
        ("fluentd-async".to_owned(), "true".to_owned()),
        ("fluentd-sub-second-precision".to_owned(), "true".to_owned()),
    ]);
    let given = container.log_configuration.as_ref().and_then(|log| log.options.as_ref());
    if let Some(limit) = given.and_then(|options| options.get(BUFFER_LIMIT)) {
        options.insert("fluentd-buffer-limit".to_owned(), limit.clone());
    }
    LogOptions(options)
}

/// The router's configuration.
///
/// # Errors
/// What is wrong with the options, in the words of the ECS agent.
pub(crate) fn configuration(
    task: &Task,
    definition: &ecs::TaskDefinition,
    router: &Router<'_>,
) -> Result<String, String> {
    let mut writer = Writer { fluentd: router.is_fluentd(), text: String::new() };
    let any = if router.is_fluentd() { "**" } else { "*" };
    inputs(&mut writer, definition);
    let containers = definition.container_definitions.iter().flatten().enumerate();
    let routed = containers.filter(|(_, container)| is_routed(container));
    let outputs = routed.map(|(index, one)| output(one, index, router, any)).collect::<Result<Vec<_>, _>>()?;
    for exclude in [false, true] {
        for output in &outputs {
            let patterns = if exclude { &output.exclude } else { &output.include };
            if let Some(pattern) = patterns {
                writer.grep(&output.tag, pattern, exclude);
            }
        }
    }
    if router.option("enable-ecs-log-metadata").is_none_or(|value| value == "true") {
        let definition = format!("{}:{}", task.task_definition.family, task.task_definition.revision);
        let cluster = task.key.cluster.to_string();
        let arn = task.key.arn();
        writer.records(any, &[("ecs_cluster", &cluster), ("ecs_task_arn", &arn), ("ecs_task_definition", &definition)]);
    }
    match (router.option("config-file-type"), router.option("config-file-value")) {
        (Some("file"), Some(path)) => writer.include(path),
        (Some("s3"), Some(_)) => writer.include(router.external_path()),
        _ => {}
    }
    if !router.is_fluentd() && has_network(definition) {
        writer.output("null", HEALTH_CHECK_TAG, &[]);
    }
    for output in &outputs {
        if let Some(plugin) = output.plugin {
            let options: Vec<_> = output.options.iter().map(|(name, value)| (*name, &**value)).collect();
            writer.output(plugin, &output.tag, &options);
        }
    }
    Ok(writer.text)
}

fn has_network(definition: &ecs::TaskDefinition) -> bool {
    matches!(definition.network_mode, None | Some(NetworkMode::Bridge)) || shares_network(definition)
}

fn inputs(writer: &mut Writer, definition: &ecs::TaskDefinition) {
    let socket = format!("{SOCKET_DIRECTORY}/{SOCKET}");
    let listen = if shares_network(definition) { "127.0.0.1" } else { "0.0.0.0" };
    if writer.fluentd {
        writer.input("unix", &[("path", &socket)]);
        if has_network(definition) {
            writer.input("forward", &[("bind", listen), ("port", PORT)]);
        }
    } else {
        writer.input("forward", &[("unix_path", &socket)]);
        if has_network(definition) {
            writer.input("forward", &[("Listen", listen), ("Port", PORT)]);
            writer.input("tcp", &[("Tag", HEALTH_CHECK_TAG), ("Listen", "127.0.0.1"), ("Port", "8877")]);
        }
    }
}

/// Where the logs of one container go.
struct Output<'a> {
    tag: String,
    plugin: Option<&'a str>,
    options: Vec<(&'a str, Cow<'a, str>)>,
    include: Option<&'a str>,
    exclude: Option<&'a str>,
}

/// The variable of the router in which it finds a secret option of the container at that place in the task.
pub(crate) fn secret_variable(option: &str, index: usize) -> String {
    format!("{option}_{index}")
}

fn output<'a>(
    container: &'a ContainerDefinition,
    index: usize,
    router: &Router<'_>,
    any: &str,
) -> Result<Output<'a>, String> {
    let name = container.name.as_deref().unwrap_or_default();
    let key = if router.is_fluentd() { "@type" } else { "Name" };
    let mut output = Output {
        tag: format!("{name}-firelens{any}"),
        plugin: None,
        options: Vec::new(),
        include: None,
        exclude: None,
    };
    let options = container.log_configuration.as_ref().and_then(|log| log.options.as_ref());
    for (name, value) in options.into_iter().flatten() {
        match name.as_str() {
            name if name == key => output.plugin = Some(value),
            "include-pattern" => output.include = Some(value),
            "exclude-pattern" => output.exclude = Some(value),
            BUFFER_LIMIT => {}
            name => output.options.push((name, Cow::Borrowed(value))),
        }
    }
    let secrets = container.log_configuration.iter().flat_map(|log| log.secret_options.iter().flatten());
    for name in secrets.filter_map(|secret| secret.name.as_deref()) {
        let variable = secret_variable(name, index);
        let value =
            if router.is_fluentd() { format!("\"#{{ENV['{variable}']}}\"") } else { format!("${{{variable}}}") };
        output.options.push((name, Cow::Owned(value)));
    }
    if output.plugin.is_none() && !output.options.is_empty() {
        let kind = if router.is_fluentd() { "fluentd" } else { "fluentbit" };
        return Err(format!(
            "unable to apply log options of container {name} to firelens config: missing output key {key} which is \
             required for firelens configuration of type {kind}"
        ));
    }
    Ok(output)
}

/// Writes sections in the language of either router.
struct Writer {
    fluentd: bool,
    text: String,
}

impl Writer {
    /// `head` with `lines` in it, and an empty line between sections.
    fn section(&mut self, head: &str, lines: &[(&str, &str)], tail: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "{head}");
        for (name, value) in lines {
            let _ = writeln!(self.text, "    {name} {value}");
        }
        if !tail.is_empty() {
            let _ = writeln!(self.text, "{tail}");
        }
    }

    fn input(&mut self, plugin: &str, options: &[(&str, &str)]) {
        let (head, kind, tail) =
            if self.fluentd { ("<source>", "@type", "</source>") } else { ("[INPUT]", "Name", "") };
        let lines: Vec<_> = [(kind, plugin)].iter().chain(options).copied().collect();
        self.section(head, &lines, tail);
    }

    fn grep(&mut self, tag: &str, pattern: &str, exclude: bool) {
        if self.fluentd {
            let element = if exclude { "exclude" } else { "regexp" };
            let inner = format!("<{element}>\n        key log\n        pattern /{pattern}/\n    </{element}>");
            self.section(&format!("<filter {tag}>"), &[("@type", "grep"), (&inner, "")], "</filter>");
            self.text = self.text.replace(&format!("</{element}> \n"), &format!("</{element}>\n"));
        } else {
            let rule = format!("log {pattern}");
            let key = if exclude { "Exclude" } else { "Regex" };
            self.section("[FILTER]", &[("Name", "grep"), ("Match", tag), (key, &rule)], "");
        }
    }

    fn records(&mut self, tag: &str, records: &[(&str, &str)]) {
        if self.fluentd {
            let inner: String = records.iter().map(|(name, value)| format!("\n        {name} {value}")).collect();
            let record = format!("<record>{inner}\n    </record>");
            self.section(&format!("<filter {tag}>"), &[("@type", "record_transformer"), (&record, "")], "</filter>");
            self.text = self.text.replace("</record> \n", "</record>\n");
        } else {
            let records: Vec<_> = records.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let lines: Vec<_> = [("Name", "record_modifier"), ("Match", tag)]
                .into_iter()
                .chain(records.iter().map(|record| ("Record", record.as_str())))
                .collect();
            self.section("[FILTER]", &lines, "");
        }
    }

    fn include(&mut self, path: &str) {
        let word = if self.fluentd { "@include" } else { "@INCLUDE" };
        self.section(&format!("{word} {path}"), &[], "");
    }

    fn output(&mut self, plugin: &str, tag: &str, options: &[(&str, &str)]) {
        if self.fluentd {
            let lines: Vec<_> = [("@type", plugin)].iter().chain(options).copied().collect();
            self.section(&format!("<match {tag}>"), &lines, "</match>");
        } else {
            let lines: Vec<_> = [("Name", plugin), ("Match", tag)].iter().chain(options).copied().collect();
            self.section("[OUTPUT]", &lines, "");
        }
    }
}

#[cfg(test)]
#[path = "firelens_tests.rs"]
mod tests;
