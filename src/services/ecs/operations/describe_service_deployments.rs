//! DescribeServiceDeployments: up to 20 service deployments by ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html>

use api_models::ecs::{
    DescribeServiceDeploymentsError, DescribeServiceDeploymentsRequest, DescribeServiceDeploymentsResponse,
    InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::service::{ServiceDeploymentKey, key_in_arn};

const MAX_ARNS: usize = 20;

/// Those that are not there are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeServiceDeploymentsRequest,
) -> Result<DescribeServiceDeploymentsResponse, DescribeServiceDeploymentsError> {
    let arns = input.service_deployment_arns.unwrap_or_default();
    if arns.is_empty() {
        return Err(InvalidParameterException::new("serviceDeploymentArns cannot be empty.").into());
    }
    if arns.len() > MAX_ARNS {
        let message = format!("serviceDeploymentArns cannot have more than {MAX_ARNS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let state = context.snapshot();
    let (mut found, mut failures) = (Vec::with_capacity(arns.len()), Vec::new());
    for arn in arns {
        let key = key_in_arn(&context.scope, &arn, "service-deployment")?;
        let key = key.map(|(service, id)| ServiceDeploymentKey { service, id });
        match key.and_then(|key| state.service_deployments.get(&key)) {
            Some(deployment) => found.push(deployment.to_api(&state)),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeServiceDeploymentsResponse { service_deployments: Some(found), failures: Some(failures) })
}
