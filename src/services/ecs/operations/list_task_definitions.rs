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

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        DeregisterTaskDefinitionRequest, ListTaskDefinitionFamiliesRequest, TaskDefinitionFamilyStatus,
        TaskDefinitionStatus as Status,
    };

    use super::super::{deregister_task_definition, list_task_definition_families, register_task_definition};
    use super::*;
    use crate::testing::context;

    /// Families `a` (1 to 12), `a-b` (1, INACTIVE) and `b` (1 INACTIVE, 2).
    async fn filled() -> Context {
        let context = context();
        for (family, count) in [("b", 2), ("a", 12), ("a-b", 1)] {
            for _ in 0..count {
                let json = format!(
                    r#"{{"family":"{family}","containerDefinitions":[{{"name":"c","image":"i","memory":64}}]}}"#
                );
                let input = serde_json::from_str(&json).expect("a request");
                register_task_definition::handle(context.clone(), input).await.expect("a revision");
            }
        }
        for named in ["a-b:1", "b:1"] {
            let input = DeregisterTaskDefinitionRequest { task_definition: Some(named.to_owned()) };
            deregister_task_definition::handle(context.clone(), input).await.expect("deregistered");
        }
        context
    }

    /// The whole list, page by page.
    async fn all(context: &Context, input: ListTaskDefinitionsRequest) -> Vec<String> {
        let mut found = Vec::new();
        let mut input = input;
        loop {
            let answer = handle(context.clone(), input.clone()).await.expect("a page");
            let page = answer.task_definition_arns.unwrap_or_default();
            found.extend(page.iter().filter_map(|arn| Some(arn.rsplit_once('/')?.1.to_owned())));
            input.next_token = answer.next_token;
            if input.next_token.is_none() {
                return found;
            }
        }
    }

    #[tokio::test]
    async fn revisions_are_sorted_by_family_and_number_on_pages_of_any_size() {
        let context = filled().await;
        let mut expected: Vec<String> = (1..=12).map(|n| format!("a:{n}")).collect();
        expected.push("b:2".into());
        for size in [1, 2, 5, 100] {
            let input = ListTaskDefinitionsRequest { max_results: Some(size), ..Default::default() };
            assert_eq!(all(&context, input.clone()).await, expected, "{size}");
            let reversed = ListTaskDefinitionsRequest { sort: Some(SortOrder::Desc), ..input.clone() };
            let backwards: Vec<String> = expected.iter().rev().cloned().collect();
            assert_eq!(all(&context, reversed).await, backwards, "{size}");
            let inactive = ListTaskDefinitionsRequest { status: Some(Status::Inactive), ..input };
            assert_eq!(all(&context, inactive).await, ["a-b:1", "b:1"], "{size}");
        }
        let family = |name: &str| ListTaskDefinitionsRequest {
            family_prefix: Some(name.to_owned()),
            max_results: Some(1),
            ..Default::default()
        };
        assert_eq!(all(&context, family("b")).await, ["b:2"]);
        assert_eq!(all(&context, family("a-")).await, [""; 0], "the prefix is the family's whole name");
    }

    #[tokio::test]
    async fn families_are_listed_by_status_and_prefix() {
        let context = filled().await;
        let list = async |prefix: &str, status: Option<TaskDefinitionFamilyStatus>| {
            let mut found = Vec::new();
            let mut input = ListTaskDefinitionFamiliesRequest {
                family_prefix: Some(prefix.to_owned()),
                status,
                max_results: Some(1),
                next_token: None,
            };
            loop {
                let answer = list_task_definition_families::handle(context.clone(), input.clone()).await;
                let answer = answer.expect("a page");
                found.extend(answer.families.unwrap_or_default());
                input.next_token = answer.next_token;
                if input.next_token.is_none() {
                    return found;
                }
            }
        };
        assert_eq!(list("", None).await, ["a", "a-b", "b"]);
        assert_eq!(list("a", Some(TaskDefinitionFamilyStatus::All)).await, ["a", "a-b"]);
        assert_eq!(list("", Some(TaskDefinitionFamilyStatus::Active)).await, ["a", "b"]);
        assert_eq!(list("", Some(TaskDefinitionFamilyStatus::Inactive)).await, ["a-b"]);
    }
}
