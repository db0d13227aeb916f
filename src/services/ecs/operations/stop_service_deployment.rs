//! StopServiceDeployment: ends the deployment under way, with a rollback or where it stands.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>

use api_models::ecs::{
    ConflictException, InvalidParameterException, ServiceDeploymentNotFoundException, ServiceDeploymentStatus,
    StopServiceDeploymentError, StopServiceDeploymentRequest, StopServiceDeploymentResponse,
    StopServiceDeploymentStopType,
};

use crate::services::Context;
use crate::services::ecs::resources::ServiceDeployment;
use crate::services::ecs::resources::service::{ServiceDeploymentKey, key_in_arn};

/// ROLLBACK unless ABORT is asked for. The scheduler does it; this only writes down that it is to.
pub(crate) async fn handle(
    context: Context,
    input: StopServiceDeploymentRequest,
) -> Result<StopServiceDeploymentResponse, StopServiceDeploymentError> {
    let arn = input
        .service_deployment_arn
        .filter(|arn| !arn.is_empty())
        .ok_or_else(|| InvalidParameterException::new("serviceDeploymentArn can not be blank."))?;
    let requested = match &input.stop_type {
        None | Some(StopServiceDeploymentStopType::Rollback) => ServiceDeploymentStatus::RollbackRequested,
        Some(StopServiceDeploymentStopType::Abort) => ServiceDeploymentStatus::StopRequested,
        Some(StopServiceDeploymentStopType::Unrecognized(_)) => {
            return Err(InvalidParameterException::new("stopType should be one of [ABORT,ROLLBACK]").into());
        }
    };
    let key = key_in_arn(&context.scope, &arn, "service-deployment")?;
    let missing = || ServiceDeploymentNotFoundException::new("Service deployment not found.");
    let (service, id) = key.ok_or_else(missing)?;
    let key = ServiceDeploymentKey { service, id };
    context
        .store()
        .transact(|tx| {
            let mut deployment = ServiceDeployment::clone(tx.service_deployments.get(&key).ok_or_else(missing)?);
            let answer = || StopServiceDeploymentResponse { service_deployment_arn: Some(deployment.key.arn()) };
            match &deployment.status {
                ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress => {}
                same if *same == requested => return Ok(answer()),
                status => {
                    return Err(ConflictException::new(format!(
                        "The service deployment cannot be stopped because its status is {status}."
                    ))
                    .into());
                }
            }
            let service = tx.services.get(&deployment.key.service).ok_or_else(missing)?;
            let target = service.last_completed.as_ref().filter(|target| **target != deployment.target);
            if requested == ServiceDeploymentStatus::RollbackRequested && target.is_none() {
                return Err(ConflictException::new(
                    "The service deployment cannot be rolled back because no earlier service revision was deployed.",
                )
                .into());
            }
            deployment.started_at = deployment.started_at.or(Some(context.now()));
            deployment.status = requested;
            deployment.updated_at = context.now();
            let answer = StopServiceDeploymentResponse { service_deployment_arn: Some(deployment.key.arn()) };
            tx.put(deployment);
            Ok(answer)
        })
        .await
}
