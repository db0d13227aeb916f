//! DeleteTaskDefinitions:
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
//!
//! Marks revisions for deletion; `task_definition_deletion` removes them when nothing uses them any more.

use api_models::Timestamp;
use api_models::ecs::{
    DeleteTaskDefinitionsError, DeleteTaskDefinitionsRequest, DeleteTaskDefinitionsResponse, Failure,
    InvalidParameterException, TaskDefinition,
};

use crate::identity::Scope;
use crate::services::Context;
use crate::services::ecs::resources::task_definition::request_deletion;
use crate::services::ecs::resources::{TaskDefinitionName, TaskDefinitionStatus};
use crate::store::Transaction;

/// How many revisions one request can name.
const LIMIT: usize = 10;

pub(crate) async fn handle(
    context: Context,
    input: DeleteTaskDefinitionsRequest,
) -> Result<DeleteTaskDefinitionsResponse, DeleteTaskDefinitionsError> {
    let references = input.task_definitions.unwrap_or_default();
    if references.is_empty() {
        return Err(
            InvalidParameterException::new("size of TaskDefinition references list must be greater than 0").into()
        );
    }
    if references.len() > LIMIT {
        return Err(InvalidParameterException::new(format!(
            "Size of TaskDefinition references list cannot exceed {LIMIT}"
        ))
        .into());
    }
    let now = context.now();
    let answer = context
        .store()
        .transact(|tx| {
            let (mut deleted, mut failures) = (Vec::new(), Vec::new());
            for reference in references {
                match delete(tx, &context.scope, &reference, now) {
                    Ok(definition) => deleted.push(definition),
                    Err(reason) => failures.push(Failure {
                        arn: Some(reference),
                        reason: Some(reason.to_owned()),
                        ..Failure::default()
                    }),
                }
            }
            Ok::<_, DeleteTaskDefinitionsError>(DeleteTaskDefinitionsResponse {
                task_definitions: Some(deleted),
                failures: Some(failures),
            })
        })
        .await?;
    Ok(answer)
}

/// The revision as it is once its deletion is asked for, or the reason of the failure.
fn delete(tx: &mut Transaction, scope: &Scope, named: &str, now: Timestamp) -> Result<TaskDefinition, &'static str> {
    let name = TaskDefinitionName::parse(scope, named).filter(|name| {
        !name.family.is_empty() && name.revision.is_some_and(|revision| revision.parse::<i32>().is_ok())
    });
    let name =
        name.ok_or("The specified task definition identifier is invalid. Specify a valid name or ARN and try again.")?;
    let found = name.key(scope).and_then(|key| tx.task_definitions.get(&key).cloned());
    let found = found.ok_or(
        "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
    )?;
    if found.status == TaskDefinitionStatus::Active {
        return Err(
            "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
        );
    }
    Ok(request_deletion(tx, &found, now).render())
}

#[cfg(test)]
mod tests {
    use api_models::OperationError;
    use api_models::ecs::{
        DeregisterTaskDefinitionRequest, DescribeTaskDefinitionRequest, TaskDefinitionField, TaskDefinitionStatus as S,
    };

    use super::super::{deregister_task_definition, describe_task_definition, register_task_definition};
    use super::*;
    use crate::reconcile::{Next, Reconciler};
    use crate::services::ecs::task_definition_deletion::TaskDefinitionDeletion;
    use crate::testing::{START, context};

    async fn register(context: &Context) -> String {
        let json = r#"{"family":"web","tags":[{"key":"a","value":"b"}],
            "containerDefinitions":[{"name":"app","image":"nginx","memory":64}]}"#;
        let input = serde_json::from_str(json).expect("a request");
        let answer = register_task_definition::handle(context.clone(), input).await.expect("a revision");
        assert_eq!(answer.tags.map(|tags| tags.len()), Some(1));
        answer.task_definition.and_then(|definition| definition.task_definition_arn).expect("an ARN")
    }

    async fn describe(context: &Context, named: &str) -> Result<TaskDefinition, String> {
        let input = DescribeTaskDefinitionRequest {
            task_definition: Some(named.to_owned()),
            include: Some(vec![TaskDefinitionField::Tags]),
        };
        match describe_task_definition::handle(context.clone(), input).await {
            Ok(answer) => {
                assert_eq!(answer.tags.map(|tags| tags.len()), Some(1));
                Ok(*answer.task_definition.expect("a definition"))
            }
            Err(error) => Err(error.message().to_owned()),
        }
    }

    async fn deregister(context: &Context, named: &str) -> Result<TaskDefinition, String> {
        let input = DeregisterTaskDefinitionRequest { task_definition: Some(named.to_owned()) };
        let answer = deregister_task_definition::handle(context.clone(), input).await;
        answer.map(|answer| *answer.task_definition.expect("a definition")).map_err(|error| error.message().to_owned())
    }

    async fn ask_deletion(context: &Context, named: &[&str]) -> DeleteTaskDefinitionsResponse {
        let task_definitions = Some(named.iter().map(|&name| name.to_owned()).collect());
        handle(context.clone(), DeleteTaskDefinitionsRequest { task_definitions }).await.expect("an answer")
    }

    #[tokio::test]
    async fn a_revision_from_registration_to_its_end() {
        let context = context();
        assert_eq!(register(&context).await, "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1");
        let arn = register(&context).await;
        let second = describe(&context, "web").await.expect("the latest");
        assert_eq!((second.revision, second.status.clone()), (Some(2), Some(S::Active)));
        assert_eq!(second.registered_by.as_deref(), Some("arn:aws:iam::123456789012:root"));
        assert_eq!(second.registered_at, Some(START));
        assert_eq!(second.requires_attributes, None);

        let inactive = deregister(&context, &arn).await.expect("deregistered");
        assert_eq!((inactive.status.clone(), inactive.deregistered_at), (Some(S::Inactive), Some(START)));
        assert_eq!(deregister(&context, "web:2").await, Ok(inactive), "twice is the same");
        assert_eq!(describe(&context, "web").await.expect("the latest ACTIVE one").revision, Some(1));
        assert_eq!(describe(&context, "web:2").await.expect("still there").status, Some(S::Inactive));

        let answer = ask_deletion(&context, &["web:1", "web:9", "web", &arn]).await;
        let failures = answer.failures.unwrap_or_default();
        let arns: Vec<_> = failures.iter().filter_map(|failure| failure.arn.as_deref()).collect();
        assert_eq!(arns, ["web:1", "web:9", "web"]);
        assert!(failures[0].reason.as_deref().is_some_and(|reason| reason.contains("still in ACTIVE status")));
        let deleted = answer.task_definitions.unwrap_or_default().remove(0);
        assert_eq!((deleted.status.clone(), deleted.delete_requested_at), (Some(S::DeleteInProgress), Some(START)));
        assert!(deregister(&context, "web:2").await.is_err_and(|message| message.contains("being deleted")));

        let deletion = TaskDefinitionDeletion { shared: context.shared.clone() };
        let key = deletion.initial(&context.snapshot()).pop().expect("one to delete");
        let Ok(Next::At(due)) = deletion.reconcile(&key).await else { panic!("not before its time") };
        assert!(describe(&context, "web:2").await.is_ok());
        context.shared.clock.advance(due.duration_since(START));
        assert!(matches!(deletion.reconcile(&key).await, Ok(Next::Idle)));
        assert_eq!(describe(&context, "web:2").await, Err("Unable to describe task definition.".into()));
        assert!(register(&context).await.ends_with("web:3"), "a number is never used twice");
    }

    #[tokio::test]
    async fn names_that_mean_nothing_are_told_in_ecs_words() {
        let context = context();
        register(&context).await;
        for (named, message) in [
            ("", "Task Definition can not be blank."),
            ("web", "Revision is missing."),
            ("web:one", "Invalid revision number. Number: one"),
            (
                "web:7",
                "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
            ),
        ] {
            assert_eq!(deregister(&context, named).await, Err(message.to_owned()), "{named}");
        }
        let other = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1";
        for named in ["nope", "web:2", "web:x", other] {
            assert_eq!(describe(&context, named).await, Err("Unable to describe task definition.".into()), "{named}");
        }
    }
}
