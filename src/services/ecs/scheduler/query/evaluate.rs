//! Asking an expression of an instance.

use super::value::{Relation, Test, Value, Version};
use super::{Comparison, Facts, Node, Subject};

impl Node {
    pub(super) fn holds(&self, instance: &Facts<'_>) -> bool {
        match self {
            Self::Or(nodes) => nodes.iter().any(|node| node.holds(instance)),
            Self::And(nodes) => nodes.iter().all(|node| node.holds(instance)),
            Self::Not(node) => !node.holds(instance),
            Self::Comparison(comparison) => comparison.holds(instance),
        }
    }
}

impl Comparison {
    fn holds(&self, instance: &Facts<'_>) -> bool {
        let test = &self.test;
        let positive = match &self.subject {
            Subject::AgentConnected => test.of_flag(instance.agent_connected),
            Subject::AgentVersion => instance.agent_version.is_some_and(|version| test.of_version(version)),
            Subject::Attribute(name) => {
                let found = instance.attributes.iter().find(|attribute| attribute.name.as_deref() == Some(name));
                found.is_some_and(|attribute| test.of_text(attribute.value.as_deref().unwrap_or_default()))
            }
            Subject::Ec2InstanceId => instance.ec2_instance_id.is_some_and(|id| test.of_text(id)),
            Subject::RegisteredAt => match test {
                Test::OneOf(values) => values.contains(&Value::Time(instance.registered_at)),
                Test::Order(relation, Value::Time(time)) => relation.holds(instance.registered_at.cmp(time)),
                _ => false,
            },
            Subject::RunningTasksCount => test.of_count(instance.running_tasks as u64),
            Subject::TaskGroup => instance.groups.iter().any(|group| test.of_text(group)),
        };
        positive != self.negated
    }
}

impl Test {
    fn of_text(&self, text: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::OneOf(values) => values.iter().any(|value| matches!(value, Value::Text(wanted) if wanted == text)),
            Self::Order(relation, Value::Text(wanted)) => compare(*relation, text, wanted),
            Self::Order(..) => false,
            Self::Matches(pattern) => pattern.is_match(text),
        }
    }

    fn of_flag(&self, flag: bool) -> bool {
        match self {
            Self::OneOf(values) => values.contains(&Value::Flag(flag)),
            Self::Matches(pattern) => pattern.is_match(if flag { "true" } else { "false" }),
            Self::Exists | Self::Order(..) => false,
        }
    }

    fn of_count(&self, count: u64) -> bool {
        match self {
            Self::OneOf(values) => values.contains(&Value::Count(count)),
            Self::Order(relation, Value::Count(wanted)) => relation.holds(count.cmp(wanted)),
            _ => false,
        }
    }

    fn of_version(&self, version: &str) -> bool {
        let Some(version) = Version::parse(version) else { return false };
        match self {
            Self::OneOf(values) => values.contains(&Value::Version(version)),
            Self::Order(relation, Value::Version(wanted)) => relation.holds(version.cmp(wanted)),
            _ => false,
        }
    }
}

/// As numbers if both are, else as text.
fn compare(relation: Relation, left: &str, right: &str) -> bool {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right).is_some_and(|ordering| relation.holds(ordering)),
        _ => relation.holds(left.cmp(right)),
    }
}
