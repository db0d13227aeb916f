//! Lambda hooks of deployments: invokes the functions that wait for it, and writes down what they answer.
//!
//! Which hooks there are, and what their answers mean for the deployment, is the service scheduler's business. A run that
//! is written down as IN_PROGRESS is invoked until its answer is written; after a `kill -9` in between it is invoked again,
//! with the same execution id.

mod event;
mod invoke;

use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::DeploymentLifecycleHookStatus;
use async_trait::async_trait;

use self::event::Answer;
use crate::identity::Scope;
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::services::ecs::resources::service::{HookRun, ServiceDeployment, ServiceDeploymentKey};
use crate::services::iam::authorize;
use crate::store::{Change, State, Transaction};
use crate::time::Timestamp;

/// Looks at one run of a hook at a time; runs are invoked in parallel.
pub struct LambdaHooks {
    pub shared: Arc<Shared>,
}

/// A run: its deployment and id.
type Key = (ServiceDeploymentKey, Arc<str>);

fn waiting(deployment: &ServiceDeployment) -> Vec<Key> {
    let course = deployment.course.iter().filter(|_| !deployment.is_over());
    let runs = course.flat_map(|course| course.hooks.iter().filter(|run| run.wants_invocation()));
    runs.map(|run| (deployment.key.clone(), run.id.clone())).collect()
}

fn find<'a>(state: &'a State, key: &Key) -> Option<(&'a Arc<ServiceDeployment>, &'a HookRun)> {
    let deployment = state.service_deployments.get(&key.0).filter(|deployment| !deployment.is_over())?;
    let run = deployment.course.as_ref()?.hooks.iter().find(|run| run.id == key.1)?;
    run.wants_invocation().then_some((deployment, run))
}

/// Whether ECS may invoke a function in the name of a hook's role.
///
/// # Errors
/// Why not, a sentence.
fn may_invoke(state: &State, scope: &Scope, role: &str, target: &str) -> Result<(), String> {
    if !authorize::can_be_assumed_by(state, scope, role, "ecs.amazonaws.com") {
        return Err(format!("ECS was unable to assume role {role}"));
    }
    authorize::authorize(state, scope, role, "ECS-Lambda-Execution", "lambda:InvokeFunction", target)
        .map_err(|denied| format!("ECS was unable to invoke hook target {target} due to {denied}"))
}

impl LambdaHooks {
    async fn ask(&self, deployment: &ServiceDeployment, run: &HookRun, now: Timestamp) -> Result<Answer, Unexpected> {
        let target = run.target_arn.as_deref().unwrap_or_default();
        let unable = |why: &str| Answer::Failed(format!("ECS was unable to invoke hook target {target} due to {why}"));
        let role = run.role_arn.as_deref().unwrap_or_default();
        let scope = &deployment.key.service.scope;
        if self.shared.config.strict_iam
            && let Err(why) = may_invoke(&self.shared.store.snapshot(), scope, role, target)
        {
            return Ok(Answer::Failed(why));
        }
        let Some(endpoint) = &self.shared.config.lambda_endpoint else {
            return Ok(unable("LocalECS not knowing where Lambda is: start it with --lambda-endpoint URL."));
        };
        let Some(course) = &deployment.course else { return Ok(unable("the end of the deployment.")) };
        let event = event::event(deployment, course, run).map_err(Unexpected::new)?;
        Ok(match invoke::invoke(endpoint, target, event, now).await {
            Ok(payload) => event::answer(target, &payload),
            Err(why) => unable(&why),
        })
    }

    fn write(&self, tx: &mut Transaction, key: &Key, answer: Answer) -> Next {
        let now = self.shared.clock.now();
        // Nobody waits for the answer any more when the run is over.
        if find(tx, key).is_none() {
            return Next::Idle;
        }
        let mut next = Next::Idle;
        tx.update::<ServiceDeployment>(&key.0, |deployment| {
            let runs = deployment.course.iter_mut().flat_map(|course| course.hooks.iter_mut());
            let Some(run) = runs.into_iter().find(|run| run.id == key.1) else { return false };
            match answer {
                Answer::Succeeded => run.status = DeploymentLifecycleHookStatus::Succeeded,
                Answer::Failed(why) => {
                    run.status = DeploymentLifecycleHookStatus::Failed;
                    run.reason = Some(why);
                }
                Answer::InProgress { after, details } => {
                    run.invoke_at = now.saturating_add(after);
                    run.details = event::merged(run.details.take(), details);
                    next = Next::At(run.invoke_at);
                }
            }
            true
        });
        next
    }
}

#[async_trait]
impl Reconciler for LambdaHooks {
    type Key = Key;

    fn name(&self) -> &'static str {
        "ecs-lifecycle-hooks"
    }

    fn initial(&self, state: &State) -> Vec<Key> {
        state.service_deployments.values().flat_map(|deployment| waiting(deployment)).collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<Key> {
        match change {
            Change::ServiceDeployment(key) => {
                state.service_deployments.get(key).map_or_else(Vec::new, |deployment| waiting(deployment))
            }
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &Key) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some((deployment, run)) = find(&state, key) else { return Ok(Next::Idle) };
        let now = self.shared.clock.now();
        if run.invoke_at > now {
            return Ok(Next::At(run.invoke_at));
        }
        let answer = self.ask(deployment, run, now).await?;
        self.shared.store.transact(|tx| Ok(self.write(tx, key, answer))).await
    }
}
