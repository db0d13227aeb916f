//! One instance while tasks are placed: what they have left of it, and why the next may not go there.

use std::borrow::Cow;
use std::sync::Arc;

use api_models::ecs::Attribute;

use super::{Candidate, NOT_DISTINCT, NOT_MEMBER, Requirements};
use crate::services::ecs::resources::{ContainerInstance, Resources};
use crate::services::ecs::scheduler::query::Facts;

const ARCHITECTURE_ATTRIBUTE: &str = "ecs.cpu-architecture";
const OS_ATTRIBUTE: &str = "ecs.os-type";

/// A candidate with what the tasks placed so far have left of it.
pub(super) struct Slot<'a> {
    pub(super) instance: &'a ContainerInstance,
    pub(super) remaining: Cow<'a, Resources>,
    pub(super) group_tasks: usize,
    running_tasks: usize,
    groups: Cow<'a, [Arc<str>]>,
    /// Why no task of these can ever go here, whatever else is placed: asked once, because an instance's attributes are
    /// far away in memory.
    unfit: Option<&'static str>,
    /// Whether the expressions that no task can change select the instance: asked once, too.
    selected: bool,
}

impl<'a> Slot<'a> {
    pub(super) fn new(candidate: &'a Candidate<'a>, requirements: &Requirements<'_>) -> Self {
        let mut slot = Self {
            instance: candidate.instance,
            remaining: Cow::Borrowed(&candidate.instance.remaining),
            group_tasks: candidate.group_tasks,
            running_tasks: candidate.running_tasks,
            groups: Cow::Borrowed(&candidate.groups),
            unfit: unfit(candidate.instance, requirements),
            selected: true,
        };
        let facts = slot.facts();
        let mut lasting = requirements.member_of.iter().filter(|expression| !expression.depends_on_tasks());
        slot.selected = lasting.all(|expression| expression.selects(&facts));
        slot
    }

    fn facts(&self) -> Facts<'_> {
        Facts { running_tasks: self.running_tasks, groups: &self.groups, ..Facts::of(self.instance) }
    }

    fn is_member(&self, requirements: &Requirements<'_>) -> bool {
        let mut changing = requirements.member_of.iter().filter(|expression| expression.depends_on_tasks());
        self.selected && changing.all(|expression| expression.selects(&self.facts()))
    }

    /// Puts a task there: it is not RUNNING yet, but has its resources and its group.
    pub(super) fn place_one(&mut self, requirements: &Requirements<'_>) {
        let _ = requirements.needs.take(self.remaining.to_mut());
        self.group_tasks += 1;
        if !requirements.member_of.is_empty() && !self.groups.iter().any(|group| **group == *requirements.group) {
            self.groups.to_mut().push(requirements.group.into());
        }
    }

    /// Why the next task can't go here.
    pub(super) fn refusal(&self, requirements: &Requirements<'_>) -> Option<&'static str> {
        if self.unfit.is_some() {
            return self.unfit;
        }
        if !self.is_member(requirements) {
            return Some(NOT_MEMBER);
        }
        if requirements.distinct_instance && self.group_tasks > 0 {
            return Some(NOT_DISTINCT);
        }
        requirements.needs.lacking(&self.remaining)
    }
}

/// The value of an instance's attribute.
#[must_use]
pub fn attribute<'a>(instance: &'a ContainerInstance, name: &str) -> Option<&'a str> {
    instance.attributes.value(name)
}

fn unfit(instance: &ContainerInstance, requirements: &Requirements<'_>) -> Option<&'static str> {
    if instance.status != "ACTIVE" {
        return Some("INACTIVE");
    }
    if !instance.agent_connected {
        return Some("AGENT");
    }
    (!has_attributes(instance, requirements)).then_some("ATTRIBUTE")
}

fn has_attributes(instance: &ContainerInstance, requirements: &Requirements<'_>) -> bool {
    let os = attribute(instance, OS_ATTRIBUTE).unwrap_or("linux");
    requirements.attributes.iter().all(|required| grants(instance, required))
        && requirements.windows == os.eq_ignore_ascii_case("windows")
        && requirements
            .cpu_architecture
            .is_none_or(|needed| attribute(instance, ARCHITECTURE_ATTRIBUTE).is_none_or(|has| has == needed))
}

/// Whether an instance has an attribute, with the value it must have if it must have one.
fn grants(instance: &ContainerInstance, required: &Attribute) -> bool {
    attribute(instance, required.name.as_deref().unwrap_or_default())
        .is_some_and(|value| required.value.as_deref().is_none_or(|needed| needed.is_empty() || needed == value))
}
