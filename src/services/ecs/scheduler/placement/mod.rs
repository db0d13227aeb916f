//! Which container instances tasks go to: what fits, then what the constraints leave, then what the strategies prefer.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement.html>

mod ranking;
mod slot;

use std::sync::Arc;

use api_models::ecs::{
    Attribute, CPUArchitecture, InvalidParameterException, OSFamily, PlacementStrategy, PlacementStrategyType,
    TaskDefinition,
};

use self::ranking::Ranking;
use self::slot::Slot;
pub use self::slot::attribute;
use super::constraints::Constraints;
use super::query::{Expression, Facts};
use crate::services::ecs::resources::ContainerInstance;
use crate::services::ecs::resources::container_instance::InstanceLoads;
use crate::services::ecs::resources::reservation::Needs;

/// The reason of a failure when the instance has a task of the group already.
pub const NOT_DISTINCT: &str = "DistinctInstance placement constraint unsatisfied.";
/// The reason of a failure when an expression does not select the instance.
pub const NOT_MEMBER: &str = "MemberOf placement constraint unsatisfied.";

/// The attribute that names an instance's zone.
pub const ZONE_ATTRIBUTE: &str = "ecs.availability-zone";

/// An instance that may be chosen, with what placement must know of the tasks it has. Tasks that are to stop do not
/// count.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub instance: &'a ContainerInstance,
    /// The tasks of the same group: what `spread` balances and `distinctInstance` refuses.
    pub group_tasks: usize,
    /// The tasks in the status RUNNING, for `runningTasksCount`.
    pub running_tasks: usize,
    /// The groups of its tasks, for `task:group`.
    pub groups: Vec<Arc<str>>,
}

impl<'a> Candidate<'a> {
    /// One whose tasks do not matter.
    #[must_use]
    pub fn alone(instance: &'a ContainerInstance) -> Self {
        Self { instance, group_tasks: 0, running_tasks: 0, groups: Vec::new() }
    }

    /// All `instances`, with what the tasks they have mean for a new task of `group`.
    pub fn with_loads(
        instances: impl IntoIterator<Item = &'a ContainerInstance>,
        loads: &InstanceLoads,
        group: &str,
    ) -> Vec<Self> {
        let candidate = |instance: &'a ContainerInstance| match loads.of(&instance.key) {
            Some(load) => Self {
                instance,
                group_tasks: load.of_group(group),
                running_tasks: load.running_and_staying(),
                groups: load.groups().cloned().collect(),
            },
            None => Self::alone(instance),
        };
        instances.into_iter().map(candidate).collect()
    }

    /// What an expression may ask of it.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts { running_tasks: self.running_tasks, groups: &self.groups, ..Facts::of(self.instance) }
    }
}

/// What each of the tasks asks of its instance.
#[derive(Clone, Debug, Default)]
pub struct Requirements<'a> {
    pub needs: Needs,
    /// The task definition's `requiresAttributes`.
    pub attributes: &'a [Attribute],
    /// `x86_64` or `arm64`, when the task definition says so.
    pub cpu_architecture: Option<&'static str>,
    /// Whether it needs Windows; instances that do not say what they run are Linux.
    pub windows: bool,
    pub distinct_instance: bool,
    /// All of them must select the instance.
    pub member_of: &'a [Expression],
    /// The group that the tasks will be of.
    pub group: &'a str,
}

impl<'a> Requirements<'a> {
    /// What a task asks that needs this much, of a definition as DescribeTaskDefinition shows it.
    #[must_use]
    pub fn of(needs: Needs, definition: &'a TaskDefinition) -> Self {
        let platform = definition.runtime_platform.as_deref();
        let os = platform.and_then(|platform| platform.operating_system_family.as_ref());
        let cpu_architecture = platform.and_then(|platform| match platform.cpu_architecture {
            Some(CPUArchitecture::Arm64) => Some("arm64"),
            Some(CPUArchitecture::X86_64) => Some("x86_64"),
            _ => None,
        });
        Self {
            needs,
            attributes: definition.requires_attributes.as_deref().unwrap_or_default(),
            cpu_architecture,
            windows: os.is_some_and(|os| *os != OSFamily::Linux),
            ..Self::default()
        }
    }

    /// The same for tasks of `group` that are placed under `constraints`.
    #[must_use]
    pub fn under(self, constraints: &'a Constraints, group: &'a str) -> Self {
        let Constraints { distinct_instance, member_of } = constraints;
        Self { distinct_instance: *distinct_instance, member_of, group, ..self }
    }
}

/// What is preferred among the instances a task fits on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    SpreadInstances,
    /// Over the values of this attribute.
    SpreadAttribute(String),
    BinpackCpu,
    BinpackMemory,
    Random,
}

impl Strategy {
    /// The strategy a request describes. Fields are taken in any case, as ECS does.
    ///
    /// # Errors
    /// InvalidParameterException when the type is none, or the field is none the type can have.
    pub fn parse(given: &PlacementStrategy) -> Result<Self, InvalidParameterException> {
        let refuse = |message: String| Err(InvalidParameterException::new(message));
        let field = given.field.as_deref().filter(|field| !field.is_empty());
        match (&given.r#type, field) {
            (Some(PlacementStrategyType::Random), None) => Ok(Self::Random),
            (Some(PlacementStrategyType::Random), Some(_)) => refuse("random field should not be specified.".into()),
            (Some(PlacementStrategyType::Binpack), Some(field)) => match field.to_ascii_lowercase().as_str() {
                "cpu" => Ok(Self::BinpackCpu),
                "memory" => Ok(Self::BinpackMemory),
                _ => refuse(format!("binpack field '{field}' is invalid.")),
            },
            (Some(PlacementStrategyType::Spread), Some(field)) => match field.split_once(':') {
                Some((kind, name)) if kind.eq_ignore_ascii_case("attribute") && !name.is_empty() => {
                    Ok(Self::SpreadAttribute(name.to_owned()))
                }
                None if field.eq_ignore_ascii_case("instanceId") || field.eq_ignore_ascii_case("host") => {
                    Ok(Self::SpreadInstances)
                }
                _ => refuse(format!("spread field '{field}' is invalid.")),
            },
            (Some(kind @ (PlacementStrategyType::Binpack | PlacementStrategyType::Spread)), None) => {
                refuse(format!("{kind} field should be specified."))
            }
            _ => refuse("placementStrategy.type should be one of [random,spread,binpack]".into()),
        }
    }
}

/// The outcome: indices into the candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// One for each task that found a place, in the order of the tasks.
    pub placements: Vec<usize>,
    /// When not every task found one: why each of the candidates could not take the next.
    pub failures: Vec<(usize, &'static str)>,
}

/// Places up to `count` tasks, one after the other, each seeing those before it. Without strategies the first
/// candidate that fits is taken. `random` gives a number below its argument.
#[must_use]
pub fn place(
    candidates: &[Candidate<'_>],
    requirements: &Requirements<'_>,
    strategies: &[Strategy],
    count: usize,
    random: &mut dyn FnMut(u64) -> u64,
) -> Plan {
    let mut slots: Vec<Slot<'_>> = candidates.iter().map(|candidate| Slot::new(candidate, requirements)).collect();
    let mut ranking = Ranking::new(&slots, requirements, strategies);
    let mut plan = Plan::default();
    for _ in 0..count {
        let Some(chosen) = ranking.best(random) else {
            let reasons = slots.iter().enumerate();
            plan.failures = reasons.filter_map(|(index, slot)| Some((index, slot.refusal(requirements)?))).collect();
            break;
        };
        slots[chosen].place_one(requirements);
        ranking.placed(chosen, &slots[chosen], requirements);
        plan.placements.push(chosen);
    }
    plan
}

/// Why one instance can't take a task; StartTask asks this of the instances it is given.
#[must_use]
pub fn refusal(candidate: &Candidate<'_>, requirements: &Requirements<'_>) -> Option<&'static str> {
    Slot::new(candidate, requirements).refusal(requirements)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
