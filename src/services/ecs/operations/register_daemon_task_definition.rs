//! RegisterDaemonTaskDefinition: the next revision of a family.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterDaemonTaskDefinition.html>

use api_models::Unexpected;
use api_models::ecs::{
    RegisterDaemonTaskDefinitionError, RegisterDaemonTaskDefinitionRequest, RegisterDaemonTaskDefinitionResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::daemon::task_definition::{prepare, register};

pub(crate) async fn handle(
    context: Context,
    input: RegisterDaemonTaskDefinitionRequest,
) -> Result<RegisterDaemonTaskDefinitionResponse, RegisterDaemonTaskDefinitionError> {
    let prepared = prepare(input, &context.scope)?;
    let now = context.now();
    let work = |tx: &mut _| Ok::<_, Unexpected>(register(tx, &context.scope, prepared, now));
    let key = context.store().transact(work).await?;
    Ok(RegisterDaemonTaskDefinitionResponse { daemon_task_definition_arn: Some(key.arn()) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use api_models::ecs::{
        DaemonContainerDefinition, DaemonTaskDefinitionRevisionFilter, DaemonTaskDefinitionStatus as Status,
        DaemonTaskDefinitionStatusFilter as Filter, DeleteDaemonTaskDefinitionRequest,
        DescribeDaemonTaskDefinitionRequest, ListDaemonTaskDefinitionsRequest, SortOrder,
    };

    use super::super::{delete_daemon_task_definition, describe_daemon_task_definition, list_daemon_task_definitions};
    use super::*;
    use crate::testing::context;

    fn request(family: &str) -> RegisterDaemonTaskDefinitionRequest {
        RegisterDaemonTaskDefinitionRequest {
            family: Some(family.into()),
            container_definitions: Some(vec![DaemonContainerDefinition {
                name: Some("agent".into()),
                image: Some("agent:1".into()),
                memory: Some(64),
                ..DaemonContainerDefinition::default()
            }]),
            ..RegisterDaemonTaskDefinitionRequest::default()
        }
    }

    async fn filled() -> Context {
        let context = context();
        for family in ["logs", "logs", "logs-beta", "audit"] {
            handle(context.clone(), request(family)).await.expect("registered");
        }
        context
    }

    async fn delete(context: &Context, named: &str) -> Result<(), String> {
        let request = DeleteDaemonTaskDefinitionRequest { daemon_task_definition: Some(named.into()) };
        let answer = delete_daemon_task_definition::handle(context.clone(), request).await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }

    async fn described(context: &Context, named: &str) -> Result<api_models::ecs::DaemonTaskDefinition, String> {
        let request = DescribeDaemonTaskDefinitionRequest { daemon_task_definition: Some(named.into()) };
        let answer = describe_daemon_task_definition::handle(context.clone(), request).await;
        answer.map_err(|error| error.to_string()).map(|it| *it.daemon_task_definition.expect("a definition"))
    }

    async fn listed(context: &Context, mut request: ListDaemonTaskDefinitionsRequest) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            let answer = list_daemon_task_definitions::handle(context.clone(), request.clone()).await.expect("a page");
            let page = answer.daemon_task_definitions.unwrap_or_default();
            let name = |arn: &str| arn.rsplit_once('/').map(|(_, name)| name.to_owned());
            found.extend(page.iter().filter_map(|it| name(it.arn.as_deref()?)));
            request.next_token = answer.next_token;
            if request.next_token.is_none() {
                return found;
            }
        }
    }

    #[tokio::test]
    async fn revisions_are_counted_described_and_deleted() {
        let context = filled().await;
        let latest = described(&context, "logs").await.expect("the latest");
        assert_eq!((latest.revision, latest.status), (Some(2), Some(Status::Active)));
        let arn = "arn:aws:ecs:us-east-1:123456789012:daemon-task-definition/logs:1";
        let first = described(&context, arn).await.expect("the first");
        assert_eq!(first.daemon_task_definition_arn.as_deref(), Some(arn));
        let containers = first.container_definitions.expect("containers");
        assert_eq!(containers[0].essential, Some(true));

        delete(&context, "logs:2").await.expect("deleted");
        assert!(delete(&context, "logs:2").await.expect_err("twice").contains("must be ACTIVE"));
        assert!(delete(&context, "logs").await.expect_err("no revision").contains("Revision"));
        assert_eq!(described(&context, "logs").await.expect("the latest ACTIVE one").revision, Some(1));
        let deleting = described(&context, "logs:2").await.expect("it can be seen").status;
        assert_eq!(deleting, Some(Status::DeleteInProgress));
        context.shared.clock.advance(Duration::from_secs(3601));
        let deleted = described(&context, "logs:2").await.expect("it can be seen").status;
        assert_eq!(deleted, Some(Status::Deleted));
        let next = handle(context.clone(), request("logs")).await.expect("registered");
        assert!(next.daemon_task_definition_arn.is_some_and(|arn| arn.ends_with("logs:3")), "2 is not used again");
        assert!(described(&context, "none").await.expect_err("none").contains("Unable to describe"));
    }

    #[tokio::test]
    async fn lists_are_filtered_sorted_and_paged() {
        let context = filled().await;
        let all = ListDaemonTaskDefinitionsRequest::default;
        assert_eq!(listed(&context, all()).await, ["audit:1", "logs:1", "logs:2", "logs-beta:1"]);
        let paged = ListDaemonTaskDefinitionsRequest { max_results: Some(1), sort: Some(SortOrder::Desc), ..all() };
        assert_eq!(listed(&context, paged).await, ["logs-beta:1", "logs:2", "logs:1", "audit:1"]);
        let family = ListDaemonTaskDefinitionsRequest { family: Some("logs".into()), ..all() };
        assert_eq!(listed(&context, family.clone()).await, ["logs:1", "logs:2"]);
        let prefix = ListDaemonTaskDefinitionsRequest { family_prefix: Some("logs".into()), ..all() };
        assert_eq!(listed(&context, prefix.clone()).await.len(), 3);
        let last = Some(DaemonTaskDefinitionRevisionFilter::LastRegistered);
        let last = ListDaemonTaskDefinitionsRequest { revision: last, ..prefix };
        assert_eq!(listed(&context, last).await, ["logs:2", "logs-beta:1"]);
        delete(&context, "logs:1").await.expect("deleted");
        assert_eq!(listed(&context, family.clone()).await, ["logs:2"]);
        for (status, expected) in [(Filter::DeleteInProgress, 1), (Filter::All, 2)] {
            let request = ListDaemonTaskDefinitionsRequest { status: Some(status), ..family.clone() };
            assert_eq!(listed(&context, request).await.len(), expected);
        }
    }

    #[tokio::test]
    async fn the_rules_of_task_definitions_hold() {
        let none = RegisterDaemonTaskDefinitionRequest { container_definitions: None, ..request("logs") };
        assert!(handle(context(), none).await.is_err());
        let error = handle(context(), request("a b")).await.expect_err("no family").to_string();
        assert!(error.contains("Family"), "{error}");
    }
}
