//! ListTaskDefinitionFamilies:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html>

use std::sync::Arc;

use api_models::ecs::{
    ListTaskDefinitionFamiliesError, ListTaskDefinitionFamiliesRequest, ListTaskDefinitionFamiliesResponse,
    TaskDefinitionFamilyStatus,
};

use crate::services::Context;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::{TaskDefinitionFamily, TaskDefinitionFamilyKey};

pub(crate) async fn handle(
    context: Context,
    input: ListTaskDefinitionFamiliesRequest,
) -> Result<ListTaskDefinitionFamiliesResponse, ListTaskDefinitionFamiliesError> {
    let request = PageRequest::new("ListTaskDefinitionFamilies", input.max_results, input.next_token.as_deref());
    let prefix = input.family_prefix.unwrap_or_default();
    // A family that begins with the prefix comes at or behind it; so does what follows the last one given.
    let after = request.after()?.filter(|after| *after > prefix);
    let first: Arc<str> = after.as_deref().unwrap_or(&prefix).into();
    let first = TaskDefinitionFamilyKey { scope: context.scope.clone(), family: first };
    let wanted = |family: &TaskDefinitionFamily| match input.status {
        Some(TaskDefinitionFamilyStatus::Active) => family.latest_active.is_some(),
        Some(TaskDefinitionFamilyStatus::Inactive) => family.latest_active.is_none() && family.inactive > 0,
        _ => family.latest_active.is_some() || family.inactive > 0,
    };
    let state = context.snapshot();
    let found = state
        .task_definition_families
        .range(first..)
        .map(|(_, family)| family)
        .take_while(|family| family.key.scope == context.scope && family.key.family.starts_with(&prefix))
        .filter(|family| wanted(family))
        .map(|family| family.key.family.to_string());
    let (families, next_token) = request.cut(found, Order::Ascending, String::clone)?;
    Ok(ListTaskDefinitionFamiliesResponse { families: Some(families), next_token })
}
