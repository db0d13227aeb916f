//! DescribeDaemonDeployments: up to 20 daemon deployments by ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeDaemonDeployments.html>

use api_models::ecs::{
    DescribeDaemonDeploymentsError, DescribeDaemonDeploymentsRequest, DescribeDaemonDeploymentsResponse,
    InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::daemon::{DaemonDeploymentKey, key_in_arn};
use crate::services::ecs::resources::lookup;

const MAX_ARNS: usize = 20;

/// Those that are not there are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeDaemonDeploymentsRequest,
) -> Result<DescribeDaemonDeploymentsResponse, DescribeDaemonDeploymentsError> {
    let arns = input.daemon_deployment_arns.unwrap_or_default();
    if arns.is_empty() {
        return Err(InvalidParameterException::new("daemonDeploymentArns cannot be empty.").into());
    }
    if arns.len() > MAX_ARNS {
        let message = format!("daemonDeploymentArns cannot have more than {MAX_ARNS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let state = context.snapshot();
    let (mut found, mut failures) = (Vec::with_capacity(arns.len()), Vec::new());
    for arn in arns {
        let key = key_in_arn(&context.scope, &arn, "daemon-deployment")?;
        let key = key.map(|(daemon, id)| DaemonDeploymentKey { daemon, id });
        match key.and_then(|key| state.daemon_deployments.get(&key)) {
            Some(deployment) => found.push(deployment.to_api(&state)),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeDaemonDeploymentsResponse { daemon_deployments: Some(found), failures: Some(failures) })
}
