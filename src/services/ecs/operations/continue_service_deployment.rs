//! ContinueServiceDeployment: says to a PAUSE hook whether the deployment goes on or back.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html>

use api_models::ecs::{
    ClientException, ContinueServiceDeploymentError, ContinueServiceDeploymentRequest,
    ContinueServiceDeploymentResponse, DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus,
    InvalidParameterException, ServiceDeploymentNotFoundException,
};

use crate::services::Context;
use crate::services::ecs::resources::ServiceDeployment;
use crate::services::ecs::resources::service::{ServiceDeploymentKey, key_in_arn};

/// CONTINUE unless ROLLBACK is asked for. The scheduler goes on or back; this only writes down the answer.
pub(crate) async fn handle(
    context: Context,
    input: ContinueServiceDeploymentRequest,
) -> Result<ContinueServiceDeploymentResponse, ContinueServiceDeploymentError> {
    let arn = input
        .service_deployment_arn
        .filter(|arn| !arn.is_empty())
        .ok_or_else(|| InvalidParameterException::new("serviceDeploymentArn can not be blank."))?;
    let hook = input
        .hook_id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| InvalidParameterException::new("hookId can not be blank."))?;
    if hook.strip_prefix("ecs-").and_then(|rest| rest.split_once('-')).is_none() {
        return Err(InvalidParameterException::new(
            "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}",
        )
        .into());
    }
    let answer = match input.action {
        None | Some(DeploymentLifecycleHookAction::Continue) => DeploymentLifecycleHookStatus::Succeeded,
        Some(DeploymentLifecycleHookAction::Rollback) => DeploymentLifecycleHookStatus::Failed,
        Some(DeploymentLifecycleHookAction::Unrecognized(_)) => {
            return Err(InvalidParameterException::new("action should be one of [ROLLBACK,CONTINUE]").into());
        }
    };
    let missing = || ServiceDeploymentNotFoundException::new("The service deployment does not exist.");
    let key = key_in_arn(&context.scope, &arn, "service-deployment")?;
    let (service, id) = key.ok_or_else(missing)?;
    let key = ServiceDeploymentKey { service, id };
    context
        .store()
        .transact(|tx| {
            let mut deployment = ServiceDeployment::clone(tx.service_deployments.get(&key).ok_or_else(missing)?);
            if deployment.is_over() {
                return Err(ClientException::new(
                    "Continuing a service deployment is not allowed for service deployment in terminal states.",
                )
                .into());
            }
            let now = context.now();
            let course = deployment.course.as_mut();
            let paused = course.and_then(|course| {
                course.hooks.iter_mut().find(|run| {
                    run.status == DeploymentLifecycleHookStatus::AwaitingAction
                        && *run.id == *hook
                        && run.expires_at > now
                })
            });
            let Some(paused) = paused else {
                return Err(InvalidParameterException::new(
                    "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN",
                )
                .into());
            };
            paused.status = answer;
            deployment.updated_at = now;
            let answer = ContinueServiceDeploymentResponse { service_deployment_arn: Some(deployment.key.arn()) };
            tx.put(deployment);
            Ok(answer)
        })
        .await
}
