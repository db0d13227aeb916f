//! Which container instances tasks go to: what fits, then what the constraints leave, then what the strategies prefer.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement.html>

use std::collections::HashMap;

use api_models::ecs::{
    Attribute, CPUArchitecture, InvalidParameterException, OSFamily, PlacementStrategy, PlacementStrategyType,
    TaskDefinition,
};

use crate::services::ecs::resources::reservation::Needs;
use crate::services::ecs::resources::{ContainerInstance, Resources};

/// The reason of a failure when every instance left has a task of the group already.
pub const NOT_DISTINCT: &str = "distinctInstance placement constraint unsatisfied.";

/// The attribute that names an instance's zone.
pub const ZONE_ATTRIBUTE: &str = "ecs.availability-zone";
const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";
const OS_ATTRIBUTE: &str = "ecs.os-type";

/// An instance that may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub instance: &'a ContainerInstance,
    /// The tasks of the same group that run on it: what `spread` balances and `distinctInstance` refuses.
    pub group_tasks: usize,
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
            distinct_instance: false,
        }
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
    let mut slots: Vec<Slot<'_>> = candidates.iter().map(Slot::new).collect();
    let mut plan = Plan::default();
    for _ in 0..count {
        let mut fitting: Vec<usize> =
            (0..slots.len()).filter(|index| slots[*index].refusal(requirements).is_none()).collect();
        for strategy in strategies {
            strategy.narrow(&slots, &mut fitting, random);
        }
        let Some(&chosen) = fitting.first() else {
            let reasons = slots.iter().enumerate();
            plan.failures = reasons.filter_map(|(index, slot)| Some((index, slot.refusal(requirements)?))).collect();
            break;
        };
        let slot = &mut slots[chosen];
        let _ = requirements.needs.take(&mut slot.remaining);
        slot.group_tasks += 1;
        plan.placements.push(chosen);
    }
    plan
}

/// Why one instance can't take a task; StartTask asks this of the instances it is given.
#[must_use]
pub fn refusal(candidate: &Candidate<'_>, requirements: &Requirements<'_>) -> Option<&'static str> {
    Slot::new(candidate).refusal(requirements)
}

/// A candidate with what the tasks placed so far have left of it.
struct Slot<'a> {
    instance: &'a ContainerInstance,
    remaining: Resources,
    group_tasks: usize,
}

impl<'a> Slot<'a> {
    fn new(candidate: &Candidate<'a>) -> Self {
        Self {
            instance: candidate.instance,
            remaining: candidate.instance.remaining.clone(),
            group_tasks: candidate.group_tasks,
        }
    }

    /// Why the next task can't go here.
    fn refusal(&self, requirements: &Requirements<'_>) -> Option<&'static str> {
        if self.instance.status != "ACTIVE" {
            return Some("INACTIVE");
        }
        if !self.instance.agent_connected {
            return Some("AGENT");
        }
        if !has_attributes(self.instance, requirements) {
            return Some("ATTRIBUTE");
        }
        if requirements.distinct_instance && self.group_tasks > 0 {
            return Some(NOT_DISTINCT);
        }
        requirements.needs.lacking(&self.remaining)
    }
}

impl Strategy {
    /// Keeps those of the `fitting` slots that rank best.
    fn narrow(&self, slots: &[Slot<'_>], fitting: &mut Vec<usize>, random: &mut dyn FnMut(u64) -> u64) {
        let ranks: Vec<i64> = match self {
            Self::Random => {
                if let Ok(many @ 2..) = u64::try_from(fitting.len()) {
                    let chosen = usize::try_from(random(many)).unwrap_or(0).min(fitting.len() - 1);
                    *fitting = vec![fitting[chosen]];
                }
                return;
            }
            Self::BinpackCpu => fitting.iter().map(|index| i64::from(slots[*index].remaining.cpu)).collect(),
            Self::BinpackMemory => fitting.iter().map(|index| i64::from(slots[*index].remaining.memory)).collect(),
            Self::SpreadInstances => fitting.iter().map(|index| to_rank(slots[*index].group_tasks)).collect(),
            Self::SpreadAttribute(name) => {
                // Tasks on instances that are full count too: their zone has them.
                let mut tasks: HashMap<Option<&str>, usize> = HashMap::new();
                for slot in slots {
                    *tasks.entry(attribute(slot.instance, name)).or_default() += slot.group_tasks;
                }
                fitting.iter().map(|index| to_rank(tasks[&attribute(slots[*index].instance, name)])).collect()
            }
        };
        let best = ranks.iter().min().copied();
        let mut ranks = ranks.into_iter();
        fitting.retain(|_| ranks.next() == best);
    }
}

fn to_rank(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The value of an instance's attribute.
#[must_use]
pub fn attribute<'a>(instance: &'a ContainerInstance, name: &str) -> Option<&'a str> {
    let found = instance.attributes.iter().find(|attribute| attribute.name.as_deref() == Some(name))?;
    Some(found.value.as_deref().unwrap_or(""))
}

fn has_attributes(instance: &ContainerInstance, requirements: &Requirements<'_>) -> bool {
    let architecture = attribute(instance, ARCHITECTURE_ATTRIBUTE);
    let os = attribute(instance, OS_ATTRIBUTE).unwrap_or("linux");
    requirements.attributes.iter().all(|required| grants(instance, required))
        && requirements.windows == os.eq_ignore_ascii_case("windows")
        && requirements.cpu_architecture.is_none_or(|needed| architecture.is_none_or(|has| has == needed))
}

/// Whether an instance has an attribute, with the value it must have if it must have one.
fn grants(instance: &ContainerInstance, required: &Attribute) -> bool {
    attribute(instance, required.name.as_deref().unwrap_or_default())
        .is_some_and(|value| required.value.as_deref().is_none_or(|needed| needed.is_empty() || needed == value))
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
