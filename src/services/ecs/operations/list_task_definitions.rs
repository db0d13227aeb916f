//! ListTaskDefinitions:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html>

use api_models::ecs::{ListTaskDefinitionsError, ListTaskDefinitionsRequest, ListTaskDefinitionsResponse, SortOrder};

use crate::services::Context;
use crate::services::ecs::resources::TaskDefinitionStatus;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::task_definition::{RevisionCursor, revisions_of};

pub(crate) async fn handle(
    context: Context,
    input: ListTaskDefinitionsRequest,
) -> Result<ListTaskDefinitionsResponse, ListTaskDefinitionsError> {
    let order = match input.sort {
        Some(SortOrder::Desc) => Order::Descending,
        _ => Order::Ascending,
    };
    let status = match input.status {
        Some(api_models::ecs::TaskDefinitionStatus::Inactive) => TaskDefinitionStatus::Inactive,
        Some(api_models::ecs::TaskDefinitionStatus::DeleteInProgress) => TaskDefinitionStatus::DeleteInProgress,
        _ => TaskDefinitionStatus::Active,
    };
    let request = PageRequest::new("ListTaskDefinitions", input.max_results, input.next_token.as_deref());
    let after = request.after()?.map(|token| RevisionCursor::parse(&token)).transpose()?;
    let state = context.snapshot();
    let family = input.family_prefix.as_deref().filter(|family| !family.is_empty());
    let found = revisions_of(&state, &context.scope, family, status, order, after.as_ref());
    let (page, next_token) = request.cut(found, order, |key| RevisionCursor::of(key).to_string())?;
    Ok(ListTaskDefinitionsResponse {
        task_definition_arns: Some(page.into_iter().map(|key| key.arn()).collect()),
        next_token,
    })
}
