//! Revisions in the order of ListTaskDefinitions, from any place on, without a look at those before it.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use api_models::ecs::InvalidParameterException;

use super::{TaskDefinition, TaskDefinitionFamily, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionStatus};
use crate::identity::Scope;
use crate::services::ecs::resources::paging::Order;
use crate::store::State;

/// Where a page ends: what its token says of the last revision on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionCursor {
    family: Arc<str>,
    revision: i32,
}

impl RevisionCursor {
    #[must_use]
    pub fn of(key: &TaskDefinitionKey) -> Self {
        Self { family: key.family.clone(), revision: key.revision }
    }

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    /// InvalidParameterException for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidParameterException> {
        text.split_once('\t')
            .and_then(|(family, revision)| Some(Self { family: family.into(), revision: revision.parse().ok()? }))
            .filter(|cursor| cursor.revision > 0)
            .ok_or_else(|| InvalidParameterException::new("Invalid token."))
    }
}

/// Sorts as the keys do: the tab comes before everything a family's name can have.
impl fmt::Display for RevisionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{:010}", self.family, self.revision)
    }
}

/// The revisions of a status: of one family, or of all in the order of their names; behind `after` when given.
/// Families without such a revision are not looked into.
pub fn revisions_of<'a>(
    state: &'a State,
    scope: &Scope,
    family: Option<&str>,
    status: TaskDefinitionStatus,
    order: Order,
    after: Option<&RevisionCursor>,
) -> impl Iterator<Item = &'a TaskDefinitionKey> {
    let families = families(state, scope, family, order, after.map(|after| after.family.clone()));
    let after = after.cloned();
    families
        .filter(move |family| match status {
            TaskDefinitionStatus::Active => family.latest_active.is_some(),
            TaskDefinitionStatus::Inactive => family.inactive > 0,
            TaskDefinitionStatus::DeleteInProgress => family.deleting > 0,
        })
        .flat_map(move |family| {
            let last = after.as_ref().filter(|after| after.family == family.key.family).map(|after| after.revision);
            revisions(state, &family.key, order, last)
        })
        .filter(move |definition| definition.status == status)
        .map(|definition| &definition.key)
}

fn families<'a>(
    state: &'a State,
    scope: &Scope,
    family: Option<&str>,
    order: Order,
    from: Option<Arc<str>>,
) -> Box<dyn Iterator<Item = &'a Arc<TaskDefinitionFamily>> + 'a> {
    let key = |family: Arc<str>| TaskDefinitionFamilyKey { scope: scope.clone(), family };
    if let Some(family) = family {
        return Box::new(state.task_definition_families.get(&key(family.into())).into_iter());
    }
    let (scope, table) = (scope.clone(), &state.task_definition_families);
    let of_scope = move |family: &&'a Arc<TaskDefinitionFamily>| family.key.scope == scope;
    match order {
        Order::Ascending => {
            let from = key(from.unwrap_or_default());
            Box::new(table.range(from..).map(|(_, family)| family).take_while(of_scope))
        }
        // The highest name there can be: families have ASCII names.
        Order::Descending => {
            let to = key(from.unwrap_or_else(|| "\u{10ffff}".into()));
            Box::new(table.range(..=to).rev().map(|(_, family)| family).take_while(of_scope))
        }
    }
}

fn revisions<'a>(
    state: &'a State,
    family: &TaskDefinitionFamilyKey,
    order: Order,
    last: Option<i32>,
) -> Box<dyn Iterator<Item = &'a Arc<TaskDefinition>> + 'a> {
    let key = |revision| TaskDefinitionKey { scope: family.scope.clone(), family: family.family.clone(), revision };
    match order {
        Order::Ascending => {
            let range = (Bound::Excluded(key(last.unwrap_or(0))), Bound::Included(key(i32::MAX)));
            Box::new(state.task_definitions.range(range).map(|(_, definition)| definition))
        }
        Order::Descending => {
            let range = key(0)..key(last.unwrap_or(i32::MAX));
            Box::new(state.task_definitions.range(range).rev().map(|(_, definition)| definition))
        }
    }
}
