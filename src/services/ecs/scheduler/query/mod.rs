//! The cluster query language: which container instances an expression selects.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html>
//!
//! `memberOf` placement constraints and the filter of ListContainerInstances are written in it. An expression is
//! parsed once ([`Expression::parse`] says where it is wrong), and asked of as many instances as there are.
//!
//! Where AWS's page is silent:
//! - An instance without the attribute fulfils the negative operators (`!=`, `!in`, `!~`) and none of the others.
//! - `task:group` is fulfilled when one of the instance's tasks is of such a group, and its negative operators when
//!   none is.
//! - `>` and its kin compare attributes as numbers when both sides are numbers, and as text otherwise.
//! - A pattern fits the whole value, as `java.util.regex.Pattern.matches` has it. Look-around and back-references are
//!   refused.

mod evaluate;
mod parse;
mod value;

use std::sync::Arc;

use api_models::ecs::Attribute;

pub use self::parse::SyntaxError;
use self::value::Test;
use crate::services::ecs::resources::ContainerInstance;
use crate::time::Timestamp;

/// The longest expression AWS takes, in characters.
pub const MAX_LENGTH: usize = 2000;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Comparison(Comparison),
}

/// `subject operator [argument]`, the negative operators as their positive ones with `negated` set.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    subject: Subject,
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    AgentConnected,
    AgentVersion,
    Attribute(String),
    Ec2InstanceId,
    RegisteredAt,
    RunningTasksCount,
    TaskGroup,
}

/// What an expression may ask of a container instance.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub agent_connected: bool,
    pub agent_version: Option<&'a str>,
    pub attributes: &'a [Attribute],
    pub ec2_instance_id: Option<&'a str>,
    pub registered_at: Timestamp,
    /// Tasks in the status RUNNING.
    pub running_tasks: usize,
    /// The groups of the tasks that are there and are to stay; in any order, once or more often.
    pub groups: &'a [Arc<str>],
}

impl<'a> Facts<'a> {
    /// What an instance itself says, as if it had no task.
    #[must_use]
    pub fn of(instance: &'a ContainerInstance) -> Self {
        Self {
            agent_connected: instance.agent_connected,
            agent_version: instance.version_info.agent_version.as_deref(),
            attributes: &instance.attributes,
            ec2_instance_id: instance.ec2_instance_id.as_deref(),
            registered_at: instance.registered_at,
            running_tasks: 0,
            groups: &[],
        }
    }
}

impl Expression {
    /// Whether the expression selects the instance.
    #[must_use]
    pub fn selects(&self, instance: &Facts<'_>) -> bool {
        self.root.holds(instance)
    }

    /// Whether the answer for an instance can change when tasks come and go, so that it must be asked again for each
    /// task that is placed.
    #[must_use]
    pub fn depends_on_tasks(&self) -> bool {
        self.root.any(&|comparison| matches!(comparison.subject, Subject::TaskGroup | Subject::RunningTasksCount))
    }
}

impl Node {
    fn any(&self, wanted: &dyn Fn(&Comparison) -> bool) -> bool {
        match self {
            Self::Or(nodes) | Self::And(nodes) => nodes.iter().any(|node| node.any(wanted)),
            Self::Not(node) => node.any(wanted),
            Self::Comparison(comparison) => wanted(comparison),
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
