//! From what a request calls a task definition (`family`, `family:revision`, an ARN) to its record.

use std::sync::Arc;

use api_models::ecs::{ClientException, CommonError, InvalidParameterException};

use super::{TaskDefinition, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionStatus};
use crate::identity::Scope;
use crate::services::ecs::resources::lookup::resource_of_arn;
use crate::store::State;

/// A task definition's name taken apart; the parts borrow from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskDefinitionName<'a> {
    pub family: &'a str,
    /// The latest ACTIVE one when there is none; text, as it need not be a number.
    pub revision: Option<&'a str>,
}

impl<'a> TaskDefinitionName<'a> {
    /// Takes apart what `named` says in this account and region; `None` for an ARN of another scope, service or kind.
    #[must_use]
    pub fn parse(scope: &Scope, named: &'a str) -> Option<Self> {
        let resource =
            if named.starts_with("arn:") { resource_of_arn(scope, named, "task-definition")? } else { named };
        Some(match resource.split_once(':') {
            Some((family, revision)) => Self { family, revision: Some(revision) },
            None => Self { family: resource, revision: None },
        })
    }

    /// The key of the revision that is named, if one is, with a number that can be one.
    #[must_use]
    pub fn key(&self, scope: &Scope) -> Option<TaskDefinitionKey> {
        let revision = self.revision?.parse().ok().filter(|revision| *revision > 0)?;
        Some(TaskDefinitionKey { scope: scope.clone(), family: self.family.into(), revision })
    }
}

/// The revision that `named` means, whatever its status; the latest ACTIVE one when only the family is named.
#[must_use]
pub fn find_task_definition<'a>(state: &'a State, scope: &Scope, named: &str) -> Option<&'a Arc<TaskDefinition>> {
    let name = TaskDefinitionName::parse(scope, named)?;
    if name.revision.is_some() {
        return state.task_definitions.get(&name.key(scope)?);
    }
    let key = TaskDefinitionFamilyKey { scope: scope.clone(), family: name.family.into() };
    let revision = state.task_definition_families.get(&key)?.latest_active?;
    state.task_definitions.get(&TaskDefinitionKey { scope: key.scope, family: key.family, revision })
}

/// The ACTIVE revision that a request for a task (or a service) names.
///
/// # Errors
/// In ECS's words, InvalidParameterException when none is named, ClientException when it is not there or not ACTIVE.
pub fn runnable_task_definition<'a>(
    state: &'a State,
    scope: &Scope,
    named: Option<&str>,
) -> Result<&'a Arc<TaskDefinition>, CommonError> {
    let named = named
        .filter(|named| !named.trim().is_empty())
        .ok_or_else(|| InvalidParameterException::new("Task Definition can not be blank."))?;
    let found =
        find_task_definition(state, scope, named).ok_or_else(|| ClientException::new("TaskDefinition not found."))?;
    if found.status != TaskDefinitionStatus::Active {
        return Err(ClientException::new("TaskDefinition is inactive").into());
    }
    Ok(found)
}
