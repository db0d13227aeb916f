//! The task role's credentials: `/v2/credentials/<id>`.
//!
//! They are sessions of STS, named after the task, and found again by that name: after a restart the same ones are
//! given. New ones are made well before the old end, while those are still good, and none once the task has stopped;
//! then all it had are taken back. <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use async_trait::async_trait;
use serde::Serialize;

use super::lookup::Found;
use super::{Answer, CredentialsProblem, credentials_not_found};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus};
use crate::services::sts::resources::role_arn::RoleArn;
use crate::services::sts::resources::{Session, issue_for_role, revoke};
use crate::store::{Change, State};
use crate::time::Timestamp;

/// As on AWS.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);
/// The SDKs ask again a quarter of an hour before the end at the earliest, and then want something better.
const RENEWED_BEFORE: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    role_arn: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
}

/// The ARN of a task's role; a task definition may give its name alone.
fn role_of(state: &State, task: &Task) -> Option<String> {
    let definition = task.definition(state).map(|record| &*record.definition);
    let role = task.overrides.task_role_arn.as_ref().or(definition.and_then(|own| own.task_role_arn.as_ref()))?;
    Some(if role.starts_with("arn:") { role.clone() } else { task.key.scope.iam_arn(&format!("role/{role}")) })
}

/// The credentials of that session that last longest, if they last long enough.
fn valid(state: &State, session_arn: &str, now: Timestamp) -> Option<Arc<Session>> {
    let own = state.sessions.values().filter(|session| session.arn == session_arn);
    own.max_by_key(|session| session.expires_at)
        .filter(|session| session.expires_at > now.saturating_add(RENEWED_BEFORE))
        .cloned()
}

pub(super) async fn answer(shared: &Arc<Shared>, state: &State, found: Option<Found<'_>>, version: u8) -> Answer {
    let Some(Found { task, .. }) = found else { return credentials_not_found(version) };
    let Some(role) = role_of(state, task) else { return credentials_not_found(version) };
    let Some(parsed) = RoleArn::parse(&role) else { return credentials_not_found(version) };
    let arn = parsed.session(&task.key.id);
    let now = shared.clock.now();
    let session = match valid(state, &arn, now) {
        Some(session) => Some(session),
        None => match renew(shared, &task.key, &role, &arn, now).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, task = %task.key.id, "no credentials could be made for a task");
                let message = "Internal server error".to_owned();
                return Answer::of(500, &CredentialsProblem { code: "InternalServerError", message, status: 500 });
            }
        },
    };
    let Some(session) = session else { return credentials_not_found(version) };
    Answer::of(
        200,
        &Credentials {
            role_arn: &role,
            access_key_id: &session.access_key_id,
            secret_access_key: &session.secret_access_key,
            token: &session.token,
            expiration: session.expires_at.to_rfc3339(),
        },
    )
}

/// New ones, unless another request was faster or the task has stopped meanwhile.
async fn renew(
    shared: &Arc<Shared>,
    key: &TaskKey,
    role: &str,
    session_arn: &str,
    now: Timestamp,
) -> Result<Option<Arc<Session>>, Unexpected> {
    shared
        .store
        .transact(|tx| {
            if tx.tasks.get(key).is_none_or(|task| task.last_status == TaskStatus::Stopped) {
                return Ok(None);
            }
            if let Some(session) = valid(tx, session_arn, now) {
                return Ok(Some(session));
            }
            Ok(issue_for_role(tx, shared, role, &key.id, LIFETIME))
        })
        .await
}

/// Takes the credentials of tasks back that have stopped.
pub struct CredentialsEnd {
    pub shared: Arc<Shared>,
}

/// Whether a session is a task's: its name is the task's id.
fn is_of(session: &Session, task: &str) -> bool {
    session.role.is_some() && session.arn.rsplit_once('/').is_some_and(|(_, name)| name == task)
}

#[async_trait]
impl Reconciler for CredentialsEnd {
    type Key = TaskKey;

    fn name(&self) -> &'static str {
        "ecs-task-credentials"
    }

    fn initial(&self, state: &State) -> Vec<TaskKey> {
        let stopped = state.tasks.values().filter(|task| has_ended(task));
        let with_sessions = stopped.filter(|task| state.sessions.values().any(|session| is_of(session, &task.key.id)));
        with_sessions.map(|task| task.key.clone()).collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<TaskKey> {
        match change {
            Change::Task(key) if state.tasks.get(key).is_some_and(|task| has_ended(task)) => vec![key.clone()],
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &TaskKey) -> Result<Next, Unexpected> {
        let of_task = |state: &State| {
            let own = state.sessions.values().filter(|session| is_of(session, &key.id));
            own.map(|session| session.access_key_id.clone()).collect::<Vec<_>>()
        };
        if of_task(&self.shared.store.snapshot()).is_empty() {
            return Ok(Next::Idle);
        }
        self.shared
            .store
            .transact(|tx| {
                for access_key_id in of_task(tx) {
                    revoke(tx, &access_key_id);
                }
                Ok(Next::Idle)
            })
            .await
    }
}

fn has_ended(task: &Task) -> bool {
    task.credentials_id.is_some() && task.last_status == TaskStatus::Stopped
}
