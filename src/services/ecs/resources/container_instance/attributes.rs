//! Attributes of container instances.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#attributes>

use std::sync::LazyLock;

use api_models::ecs::{Attribute, InvalidParameterException};

/// What the agent of an EC2 instance can do and the runtime does (or takes and warns about): the names that
/// `requiresAttributes` of task definitions ask for.
static CAPABILITIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    const LOGGING: &[&str] =
        &["json-file", "syslog", "fluentd", "journald", "gelf", "none", "awslogs", "splunk", "awsfirelens"];
    const OF_AGENT: &[&str] = &["privileged-container", "ecr-auth", "task-iam-role", "task-iam-role-network-host"];
    const OF_ECS: &[&str] = &[
        "task-eni",
        "task-eni-block-instance-metadata",
        "task-cpu-mem-limit",
        "increased-task-cpu-limit",
        "execution-role-ecr-pull",
        "execution-role-awslogs",
        "container-health-check",
        "private-registry-authentication.secretsmanager",
        "secrets.ssm.environment-variables",
        "secrets.asm.environment-variables",
        "secrets.ssm.bootstrap.log-driver",
        "secrets.asm.bootstrap.log-driver",
        "pid-ipc-namespace-sharing",
        "ecr-endpoint",
        "aws-appmesh",
        "container-ordering",
        "full-sync",
        "env-files.s3",
        "firelens.fluentd",
        "firelens.fluentbit",
        "firelens.options.config.file",
        "firelens.options.config.s3",
        "logging-driver.awsfirelens.log-driver-buffer-limit",
        "efs",
        "efsAuth",
        "docker-plugin.local",
        "execute-command",
        "service-connect-v1",
        "network.container-port-range",
        "container-restart-policy",
        "fault-injection",
        "storage.ebs-task-volume-attach",
    ];
    let agent = |name: &str| format!("com.amazonaws.ecs.capability.{name}");
    let mut names: Vec<String> = OF_AGENT.iter().map(|name| agent(name)).collect();
    names.extend((17..=44).map(|minor| agent(&format!("docker-remote-api.1.{minor}"))));
    names.extend(LOGGING.iter().map(|driver| agent(&format!("logging-driver.{driver}"))));
    names.extend(OF_ECS.iter().map(|name| format!("ecs.capability.{name}")));
    names
});

/// The capabilities an instance has that brings none of its own.
pub fn capabilities() -> impl Iterator<Item = Attribute> {
    CAPABILITIES.iter().map(|name| attribute(name, None))
}

/// Whether this is a capability, as agents list them.
#[must_use]
pub fn is_capability(attribute: &Attribute) -> bool {
    let name = attribute.name.as_deref().unwrap_or_default();
    name.starts_with("ecs.capability.") || name.starts_with("com.amazonaws.ecs.capability.")
}

/// How many custom attributes an instance can have.
pub const MAX_CUSTOM: usize = 10;

/// How many of them are custom ones: neither capabilities, nor what ECS says of an instance (`ecs.instance-type`).
#[must_use]
pub fn count_custom(attributes: &[Attribute]) -> usize {
    let of_ecs = |name: &str| name.starts_with("ecs.") || name.starts_with("com.amazonaws.ecs.");
    attributes.iter().filter(|attribute| !attribute.name.as_deref().is_some_and(of_ecs)).count()
}

#[must_use]
pub fn attribute(name: &str, value: Option<&str>) -> Attribute {
    Attribute { name: Some(name.to_owned()), value: value.map(str::to_owned), ..Attribute::default() }
}

/// Checks attributes a request brings: names of 1 to 128 letters, digits and `-_./\`, values of up to 128 that may
/// also hold `@`, `:` and inner spaces.
///
/// # Errors
/// InvalidParameterException for the first that breaks these rules.
pub fn validate(attributes: &[Attribute]) -> Result<(), InvalidParameterException> {
    let within = |text: &str, more: &str| {
        text.chars().count() <= 128 && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    for attribute in attributes {
        let name = attribute.name.as_deref().unwrap_or_default();
        if name.is_empty() || !within(name, "-_./\\") {
            return Err(InvalidParameterException::new(format!("Invalid attribute name '{name}'")));
        }
        let value = attribute.value.as_deref().unwrap_or_default();
        if !within(value, "-_./\\@: ") || value.trim() != value {
            return Err(InvalidParameterException::new(format!("Invalid attribute value '{value}'")));
        }
    }
    Ok(())
}

/// `present` with `new` in place of those of the same name.
#[must_use]
pub fn merge(present: Vec<Attribute>, new: impl IntoIterator<Item = Attribute>) -> Vec<Attribute> {
    let mut merged = present;
    for attribute in new {
        let attribute = Attribute { name: attribute.name, value: attribute.value, ..Attribute::default() };
        match merged.iter_mut().find(|old| old.name == attribute.name) {
            Some(old) => *old = attribute,
            None => merged.push(attribute),
        }
    }
    merged
}
