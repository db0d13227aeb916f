//! Scale-in protection from inside a task: `$ECS_AGENT_URI/task-protection/v1/state`.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html>

use std::sync::Arc;

use api_models::OperationError;
use api_models::ecs::{Failure, ProtectedTask, UpdateTaskProtectionRequest};
use serde::{Deserialize, Serialize};

use super::Answer;
use super::lookup::Found;
use super::route::Change;
use crate::services::ecs::resources::{Task, protection};
use crate::services::sts::resources::Caller;
use crate::services::{CallerAddress, Context, Shared};

/// What a PUT says. Members that it has besides are an error, as for the agent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "ProtectionEnabled")]
    enabled: Option<bool>,
    #[serde(rename = "ExpiresInMinutes")]
    minutes: Option<i64>,
}

/// Exactly one of the three.
#[derive(Default, Serialize)]
struct Told {
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<Protection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Protection {
    expiration_date: Option<String>,
    protection_enabled: Option<bool>,
    task_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    arn: Option<String>,
    detail: Option<String>,
    reason: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Problem {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    code: String,
    message: String,
}

fn problem(status: u16, task: Option<&Task>, code: &str, message: &str) -> Answer {
    let error = Problem { arn: task.map(|task| task.key.arn()), code: code.to_owned(), message: message.to_owned() };
    Answer::of(status, &Told { error: Some(error), ..Told::default() })
}

pub(super) async fn answer(shared: &Arc<Shared>, found: Option<Found<'_>>, change: Change, body: &[u8]) -> Answer {
    // In the agent's order: the body, the task, what the body says, the role.
    let wanted = match change {
        Change::Look => None,
        Change::Put => match serde_json::from_slice::<Wanted>(body) {
            Ok(wanted) => Some(wanted),
            Err(_) => {
                let message = "UpdateTaskProtection: failed to decode request";
                return problem(400, None, "InvalidParameterException", message);
            }
        },
    };
    let Some(Found { task, .. }) = found else {
        return problem(404, None, "ResourceNotFoundException", "Failed to find a task for the request");
    };
    if wanted.as_ref().is_some_and(|wanted| wanted.enabled.is_none()) {
        let message = "Invalid request: does not contain 'ProtectionEnabled' field";
        return problem(400, Some(task), "InvalidParameterException", message);
    }
    // On AWS the call is the task role's.
    if task.credentials_id.is_none() {
        let message = "Invalid Request: no task IAM role credentials available for task";
        return problem(403, Some(task), "AccessDeniedException", message);
    }
    let request_id: Arc<str> = shared.ids.uuid().into();
    let context = Context {
        shared: shared.clone(),
        scope: task.key.scope.clone(),
        request_id: request_id.clone(),
        caller: Caller::Root,
        caller_address: CallerAddress::default(),
    };
    let Some(wanted) = wanted else {
        let state = shared.store.snapshot();
        return match protection::find(&state, &task.key.cluster(), &task.key.arn()) {
            Ok(Ok(task)) => told(vec![protection::rendered(task, shared.clock.now())], Vec::new()),
            Ok(Err(failure)) => told(Vec::new(), vec![failure]),
            Err(_) => problem(500, Some(task), "ServerException", "Unexpected error occurred"),
        };
    };
    let input = UpdateTaskProtectionRequest {
        cluster: Some(task.key.cluster.to_string()),
        tasks: Some(vec![task.key.arn()]),
        protection_enabled: wanted.enabled,
        expires_in_minutes: wanted.minutes.map(|minutes| i32::try_from(minutes).unwrap_or(-1)),
    };
    match protection::update(&context, input).await {
        Ok(answer) => told(answer.protected_tasks.unwrap_or_default(), answer.failures.unwrap_or_default()),
        Err(error) => {
            let error_shown = Problem {
                arn: Some(task.key.arn()),
                code: error.code().to_owned(),
                message: error.message().to_owned(),
            };
            let request_id = Some(request_id.to_string());
            Answer::of(error.http_status(), &Told { request_id, error: Some(error_shown), ..Told::default() })
        }
    }
}

fn told(protected: Vec<ProtectedTask>, failures: Vec<Failure>) -> Answer {
    let told = match (failures.into_iter().next(), protected.into_iter().next()) {
        (Some(failure), _) => Told {
            failure: Some(Refused { arn: failure.arn, detail: failure.detail, reason: failure.reason }),
            ..Told::default()
        },
        (None, Some(task)) => Told {
            protection: Some(Protection {
                expiration_date: task.expiration_date.map(|at| at.to_rfc3339()),
                protection_enabled: task.protection_enabled,
                task_arn: task.task_arn,
            }),
            ..Told::default()
        },
        (None, None) => Told::default(),
    };
    Answer::of(200, &told)
}
