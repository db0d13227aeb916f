//! ListDaemonTaskDefinitions: by family and revision, filtered.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListDaemonTaskDefinitions.html>

use std::sync::Arc;

use api_models::ecs::{
    DaemonTaskDefinitionRevisionFilter, DaemonTaskDefinitionStatus, DaemonTaskDefinitionStatusFilter,
    InvalidParameterException, ListDaemonTaskDefinitionsError, ListDaemonTaskDefinitionsRequest,
    ListDaemonTaskDefinitionsResponse, SortOrder,
};

use crate::services::Context;
use crate::services::ecs::resources::DaemonTaskDefinition;
use crate::services::ecs::resources::daemon::task_definition::revisions;
use crate::services::ecs::resources::paging::{Order, PageRequest};

fn invalid(message: &str) -> ListDaemonTaskDefinitionsError {
    InvalidParameterException::new(message).into()
}

/// ACTIVE ones, unless `status` says otherwise.
pub(crate) async fn handle(
    context: Context,
    input: ListDaemonTaskDefinitionsRequest,
) -> Result<ListDaemonTaskDefinitionsResponse, ListDaemonTaskDefinitionsError> {
    let order = match &input.sort {
        None | Some(SortOrder::Asc) => Order::Ascending,
        Some(SortOrder::Desc) => Order::Descending,
        Some(SortOrder::Unrecognized(_)) => return Err(invalid("sort should be one of [ASC,DESC]")),
    };
    let status = match &input.status {
        None | Some(DaemonTaskDefinitionStatusFilter::Active) => Some(DaemonTaskDefinitionStatus::Active),
        Some(DaemonTaskDefinitionStatusFilter::DeleteInProgress) => Some(DaemonTaskDefinitionStatus::DeleteInProgress),
        Some(DaemonTaskDefinitionStatusFilter::All) => None,
        Some(DaemonTaskDefinitionStatusFilter::Unrecognized(_)) => {
            return Err(invalid("status should be one of [ACTIVE,DELETE_IN_PROGRESS,ALL]"));
        }
    };
    let last_only = match &input.revision {
        None => false,
        Some(DaemonTaskDefinitionRevisionFilter::LastRegistered) => true,
        Some(DaemonTaskDefinitionRevisionFilter::Unrecognized(_)) => {
            return Err(invalid("revision should be one of [LAST_REGISTERED]"));
        }
    };
    let now = context.now();
    let state = context.snapshot();
    let family = input.family.as_deref().filter(|family| !family.is_empty());
    let prefix = input.family_prefix.as_deref().unwrap_or_default();
    let all = revisions(&state, &context.scope, family).filter(|it| it.key.family.starts_with(prefix));
    let mut found: Vec<&Arc<DaemonTaskDefinition>> = Vec::new();
    for definition in all {
        if last_only && found.last().is_some_and(|last| last.key.family == definition.key.family) {
            found.pop();
        }
        found.push(definition);
    }
    found.retain(|it| status.as_ref().is_none_or(|status| it.status(now) == *status));
    if order == Order::Descending {
        found.reverse();
    }
    // A blank sorts before all that a family's name can have, so the texts are in the order of the keys.
    let cursor = |it: &&Arc<DaemonTaskDefinition>| format!("{} {:010}", it.key.family, it.key.revision);
    let page = PageRequest::new("ListDaemonTaskDefinitions", input.max_results, input.next_token.as_deref());
    let (page, next_token) = page.cut(found, order, cursor)?;
    Ok(ListDaemonTaskDefinitionsResponse {
        daemon_task_definitions: Some(page.iter().map(|it| it.to_summary(now)).collect()),
        next_token,
    })
}
